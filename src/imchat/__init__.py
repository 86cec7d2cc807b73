"""imchat: a complete chat application for AWS or for one machine, as a library.

`open_app` opens an application on a database file. The modules `admin`, `blocks`, `channels`, `conversations`, `invites`,
`members`, `message_actions`, `messages`, `presence`, `read_cursors`, `realtime`, `suspensions` and `users` have one
function per action.

>>> import imchat
>>> with imchat.open_app(":memory:") as app:
...     ada, bob = imchat.UserId("ada-1"), imchat.UserId("bob-1")
...     _ = imchat.users.update_profile(app, ada, handle="ada", display_name="Ada")
...     _ = imchat.users.update_profile(app, bob, handle="bob", display_name="Bob")
...     entry, _, _ = imchat.conversations.create_direct(app, ada, bob)
...     conversation_id = entry.head.conversation_id
...     sent = imchat.messages.send(app, ada, conversation_id, client_message_id="1", body="Hello, Bob!")
...     events, more = imchat.messages.read(app, bob, conversation_id)
>>> [(event["seq"], event["type"]) for event in events]
[(1, 'conversation.created'), (2, 'message.created')]

Names are loaded on first use, so `import imchat` alone is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from imchat.domain.ids import ConversationId, UserId
    from imchat.embedded import open_app
    from imchat.errors import ImchatError
    from imchat.services import (
        admin,
        blocks,
        channels,
        conversations,
        invites,
        members,
        message_actions,
        messages,
        presence,
        read_cursors,
        realtime,
        suspensions,
        users,
    )
    from imchat.services.app import App
    from imchat.services.protocols import Gateway
    from imchat.storage.sqlite.table import SqliteTable
    from imchat.storage.table import Table

__version__ = "0.1.0"

__all__ = [
    "App",
    "ConversationId",
    "Gateway",
    "ImchatError",
    "SqliteTable",
    "Table",
    "UserId",
    "__version__",
    "admin",
    "blocks",
    "channels",
    "conversations",
    "invites",
    "members",
    "message_actions",
    "messages",
    "open_app",
    "presence",
    "read_cursors",
    "realtime",
    "suspensions",
    "users",
]

_DEFINED_IN: Final = {
    "App": "imchat.services.app",
    "ConversationId": "imchat.domain.ids",
    "Gateway": "imchat.services.protocols",
    "ImchatError": "imchat.errors",
    "SqliteTable": "imchat.storage.sqlite.table",
    "Table": "imchat.storage.table",
    "UserId": "imchat.domain.ids",
    "open_app": "imchat.embedded",
}
"""The module that defines each name."""

_MODULES: Final = {
    "admin": "imchat.services.admin",
    "blocks": "imchat.services.blocks",
    "channels": "imchat.services.channels",
    "conversations": "imchat.services.conversations",
    "invites": "imchat.services.invites",
    "members": "imchat.services.members",
    "message_actions": "imchat.services.message_actions",
    "messages": "imchat.services.messages",
    "presence": "imchat.services.presence",
    "read_cursors": "imchat.services.read_cursors",
    "realtime": "imchat.services.realtime",
    "suspensions": "imchat.services.suspensions",
    "users": "imchat.services.users",
}
"""The modules among the public names. `make generate` adds those that new routes call."""


def __getattr__(name: str) -> Any:
    if name in _DEFINED_IN:
        return getattr(import_module(_DEFINED_IN[name]), name)
    if name in _MODULES:
        return import_module(_MODULES[name])
    raise AttributeError(f"module 'imchat' has no attribute {name!r}")
