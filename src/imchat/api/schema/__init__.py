"""Pydantic models of requests and responses. Requests are validated with them; responses are only described by them.

One module per noun, as in `api/routes/`, and `events` for messages and events, which other modules use. Import this package
and write `schema.NewMessage`. Limits are defined and enforced in `domain/limits.py`; the models repeat them for the generated
reference.
"""

from imchat.api.schema.admin import *
from imchat.api.schema.base import *
from imchat.api.schema.blocks import *
from imchat.api.schema.channels import *
from imchat.api.schema.conversations import *
from imchat.api.schema.events import *
from imchat.api.schema.invites import *
from imchat.api.schema.members import *
from imchat.api.schema.messages import *
from imchat.api.schema.realtime import *
from imchat.api.schema.site import *
from imchat.api.schema.users import *
