"""The shapes on the wire, as pydantic models: requests are checked by them, answers are described by them.

A module for each area, as in `api/routes/`, and `log` for what all areas speak of. All names are to be had here, as
`schema.NewMessage`. Bounds stand in `domain/limits.py` and are enforced there; here they are repeated from it for the
generated reference.
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
