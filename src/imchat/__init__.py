"""imchat: a complete chat application for AWS or for one machine, as a library.

`open_app` opens an application on a database file. The modules `admin`, `blocks`, `channels`, `conversations`, `invites`,
`members`, `message_actions`, `messages`, `presence`, `read_cursors`, `realtime`, `suspensions` and `users` have one
function per action. `client` is the asynchronous client of a running imchat, `errors` has the errors, and `testing` runs
an app or a server for your own tests. Results have named fields, and `to_dict()` returns them as JSON takes them.

>>> import imchat
>>> with imchat.open_app(":memory:") as app:
...     ada, bob = imchat.UserId("ada-1"), imchat.UserId("bob-1")
...     _ = imchat.users.update_profile(app, ada, handle="ada", display_name="Ada")
...     _ = imchat.users.update_profile(app, bob, handle="bob", display_name="Bob")
...     chat = imchat.conversations.create_direct(app, ada, bob)
...     sent = imchat.messages.send(app, ada, chat.conversation_id, client_message_id="1", body="Hello, Bob!")
...     page = imchat.messages.read(app, bob, chat.conversation_id)
>>> [(event["seq"], event["type"]) for event in page.events]
[(1, 'conversation.created'), (2, 'message.created')]

Names are loaded on first use, so `import imchat` alone is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import imchat.client as client  # noqa: PLR0402 - mypy finds a module of its own package only in this form
    import imchat.errors as errors  # noqa: PLR0402 - as above
    import imchat.testing as testing  # noqa: PLR0402 - as above
    from imchat.domain.conversation import GroupSettings, Head
    from imchat.domain.event import Event
    from imchat.domain.ids import ConversationId, UserId
    from imchat.domain.invite import Invite
    from imchat.domain.member import Member
    from imchat.domain.message import Message
    from imchat.domain.user import User
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
    from imchat.services.admin import AuditPage, UserPage
    from imchat.services.app import App
    from imchat.services.blocks import BlockPage
    from imchat.services.conversations import Conversation, ConversationEntry, Inbox
    from imchat.services.event_log import Appended
    from imchat.services.invites import CreatedInvite, InvitePreview
    from imchat.services.members import MemberPage
    from imchat.services.message_actions import MessageChange
    from imchat.services.messages import EventPage
    from imchat.services.presence import Presence, PresenceSubscription
    from imchat.services.protocols import Gateway
    from imchat.services.read_cursors import ReadPosition
    from imchat.services.realtime import IssuedTicket
    from imchat.storage.repositories.audit import AuditEntry
    from imchat.storage.repositories.blocks import Block
    from imchat.storage.repositories.connections import Ticket
    from imchat.storage.sqlite.table import SqliteTable
    from imchat.storage.table import Table

__version__ = "0.1.0"

__all__ = [
    "App",
    "Appended",
    "AuditEntry",
    "AuditPage",
    "Block",
    "BlockPage",
    "Conversation",
    "ConversationEntry",
    "ConversationId",
    "CreatedInvite",
    "Event",
    "EventPage",
    "Gateway",
    "GroupSettings",
    "Head",
    "ImchatError",
    "Inbox",
    "Invite",
    "InvitePreview",
    "IssuedTicket",
    "Member",
    "MemberPage",
    "Message",
    "MessageChange",
    "Presence",
    "PresenceSubscription",
    "ReadPosition",
    "SqliteTable",
    "Table",
    "Ticket",
    "User",
    "UserId",
    "UserPage",
    "__version__",
    "admin",
    "blocks",
    "channels",
    "client",
    "conversations",
    "errors",
    "invites",
    "members",
    "message_actions",
    "messages",
    "open_app",
    "presence",
    "read_cursors",
    "realtime",
    "suspensions",
    "testing",
    "users",
]

_DEFINED_IN: Final = {
    "App": "imchat.services.app",
    "Appended": "imchat.services.event_log",
    "AuditEntry": "imchat.storage.repositories.audit",
    "AuditPage": "imchat.services.admin",
    "Block": "imchat.storage.repositories.blocks",
    "BlockPage": "imchat.services.blocks",
    "Conversation": "imchat.services.conversations",
    "ConversationEntry": "imchat.services.conversations",
    "ConversationId": "imchat.domain.ids",
    "CreatedInvite": "imchat.services.invites",
    "Event": "imchat.domain.event",
    "EventPage": "imchat.services.messages",
    "Gateway": "imchat.services.protocols",
    "GroupSettings": "imchat.domain.conversation",
    "Head": "imchat.domain.conversation",
    "ImchatError": "imchat.errors",
    "Inbox": "imchat.services.conversations",
    "Invite": "imchat.domain.invite",
    "InvitePreview": "imchat.services.invites",
    "IssuedTicket": "imchat.services.realtime",
    "Member": "imchat.domain.member",
    "MemberPage": "imchat.services.members",
    "Message": "imchat.domain.message",
    "MessageChange": "imchat.services.message_actions",
    "Presence": "imchat.services.presence",
    "PresenceSubscription": "imchat.services.presence",
    "ReadPosition": "imchat.services.read_cursors",
    "SqliteTable": "imchat.storage.sqlite.table",
    "Table": "imchat.storage.table",
    "Ticket": "imchat.storage.repositories.connections",
    "User": "imchat.domain.user",
    "UserId": "imchat.domain.ids",
    "UserPage": "imchat.services.admin",
    "open_app": "imchat.embedded",
}
"""The module that defines each name."""

_MODULES: Final = {
    "admin": "imchat.services.admin",
    "blocks": "imchat.services.blocks",
    "channels": "imchat.services.channels",
    "client": "imchat.client",
    "conversations": "imchat.services.conversations",
    "errors": "imchat.errors",
    "invites": "imchat.services.invites",
    "members": "imchat.services.members",
    "message_actions": "imchat.services.message_actions",
    "messages": "imchat.services.messages",
    "presence": "imchat.services.presence",
    "read_cursors": "imchat.services.read_cursors",
    "realtime": "imchat.services.realtime",
    "suspensions": "imchat.services.suspensions",
    "testing": "imchat.testing",
    "users": "imchat.services.users",
}
"""The modules among the public names. `make generate` adds those that new routes call."""


if not TYPE_CHECKING:  # a type checker that saw this function would accept every name

    def __getattr__(name: str) -> Any:
        if name in _DEFINED_IN:
            value = getattr(import_module(_DEFINED_IN[name]), name)
        elif name in _MODULES:
            value = import_module(_MODULES[name])
        else:
            raise AttributeError(f"module 'imchat' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return list(__all__)
