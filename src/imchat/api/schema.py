"""The shapes on the wire, as pydantic models: requests are checked by them, answers are described by them.

Bounds stand in `domain/limits.py` and are enforced there; here they are repeated from it for the generated reference.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from imchat.domain import limits
from imchat.domain.conversation import History, Kind, Posting
from imchat.domain.member import Role


def _text(least: int, most: int, pattern: str | None = None) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "minLength": least, "maxLength": most}
    return WithJsonSchema(schema | ({"pattern": pattern} if pattern else {}))


def _number(least: int, most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": least, "maximum": most})


Body = Annotated[str, _text(1, limits.BODY_CHARS)]
Title = Annotated[str, _text(1, limits.TITLE_CHARS)]
Description = Annotated[str, _text(0, limits.DESCRIPTION_CHARS)]
DisplayName = Annotated[str, _text(1, limits.DISPLAY_NAME_CHARS)]
Handle = Annotated[str, _text(limits.HANDLE_MIN, limits.HANDLE_MAX, limits.HANDLE_PATTERN)]
ClientMessageId = Annotated[str, _text(1, limits.CLIENT_MESSAGE_ID_MAX, limits.CLIENT_MESSAGE_ID_PATTERN)]
Id = Annotated[str, WithJsonSchema({"type": "string", "pattern": limits.ID_PATTERN})]


def _digits(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch("[0-9]{1,20}", value, re.ASCII):
        raise ValueError("a whole number in digits")
    return value


Seq = Annotated[int, _number(1, limits.SEQ_MAX)]
Cursor = Annotated[int, _number(0, limits.SEQ_MAX)]
QueryCursor = Annotated[int, BeforeValidator(_digits), _number(0, limits.SEQ_MAX)]
QueryLimit = Annotated[int, BeforeValidator(_digits), _number(1, limits.PAGE_MAX)]


class Request(BaseModel):
    """A request: exact types, nothing unknown."""

    # Built at its first use: a start, in a function above all, then pays for no model that it does not meet.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Query(BaseModel):
    """A query string: numbers are written as text, nothing unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Answer(BaseModel):
    """An answer. Clients must ignore fields that they do not know."""

    # Nothing that serves ever checks an answer, so the models are built only where they are described.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class ProfileChange(Request):
    """What to change of my profile; what is left out stays."""

    handle: Handle | None = None
    display_name: DisplayName | None = None
    show_presence: bool | None = None


class NewConversation(Request):
    """Whom to talk to. `direct` takes exactly one other person and no title; both kinds add the asker themselves."""

    kind: Kind
    member_ids: Annotated[list[Id], Field(json_schema_extra={"maxItems": limits.MEMBERS_AT_CREATION - 1})]
    title: Title | None = None


class ConversationChange(Request):
    """What to change of a group; what is left out stays. An empty description takes it away."""

    title: Title | None = None
    description: Description | None = None
    posting: Posting | None = None
    history: History | None = None
    public: bool | None = None


class NewMembers(Request):
    """People to add."""

    user_ids: Annotated[list[Id], Field(json_schema_extra={"minItems": 1, "maxItems": limits.USER_IDS_MAX})]


class NewInvite(Request):
    """How long a link is good, and for how many; without them for ever, and for all."""

    expires_in_s: Annotated[int, _number(limits.INVITE_S_MIN, limits.INVITE_S_MAX)] | None = None
    max_uses: Annotated[int, _number(1, limits.INVITE_USES_MAX)] | None = None


class Watched(Request):
    """Whose presence to hear of."""

    user_ids: Annotated[list[Id], Field(json_schema_extra={"minItems": 1, "maxItems": limits.WATCHED_MAX})]


class RoleChange(Request):
    """A member's new role."""

    role: Role


class NewMessage(Request):
    """A message. Retries repeat it unchanged, `after_seq` (the newest seq known at the first try) included.

    `reply_to` is the seq of a message to quote. `connection_id`, as a pong told it, is the sender's own connection at this
    try, to which the event is not pushed; any other text changes nothing.
    """

    client_message_id: ClientMessageId
    body: Body
    after_seq: Cursor | None = None
    reply_to: Seq | None = None
    connection_id: str | None = None


class MessageChange(Request):
    """A message's new text."""

    body: Body


class SettingsChange(Request):
    """What to change of my settings for a conversation; what is left out stays."""

    muted: bool | None = None
    archived: bool | None = None
    pinned: bool | None = None
    marked_unread: bool | None = None


class ReadCursor(Request):
    """The newest event that was seen."""

    seq: Seq


class UsersQuery(Query):
    """Either a `prefix` of handles, or `ids`, separated by commas."""

    prefix: Handle | None = None
    ids: str | None = None


class PageQuery(Query):
    """Where the next page begins: the `next_cursor` of the page before."""

    cursor: Id | None = None


class ChannelsQuery(Query):
    """Words, or how they begin; a channel has to match all of them."""

    q: str


class PresenceQuery(Query):
    """Whose presence: ids, separated by commas; without them, everybody's."""

    user_ids: str | None = None


class EventsQuery(Query):
    """Which part of the log: behind `after`, ahead of `before`, or the newest."""

    after: QueryCursor | None = None
    before: QueryCursor | None = None
    limit: QueryLimit = limits.PAGE_DEFAULT


class User(Answer):
    """A person. Handle and name are null until chosen."""

    user_id: str
    handle: str | None
    display_name: str | None


class Me(User):
    """Myself."""

    created_at_ms: int
    show_presence: bool = True
    suspended: bool = False


class Member(Answer):
    """A person's place in a conversation."""

    user_id: str
    role: Role
    joined_seq: int
    read_seq: int


class Conversation(Answer):
    """A conversation. `members` is left out of the inbox's groups, and where there are more than 1,000.

    `pinned` are messages by seq, the last one pinned last.
    """

    conversation_id: str
    kind: Kind
    title: str | None
    description: str | None = None
    posting: Posting = "all"
    history: History = "all"
    public: bool = False
    created_at_ms: int
    last_seq: int
    message_count: int
    member_count: int = 0
    pinned: list[int]
    members: list[Member] = Field(default_factory=list)


class Reaction(Answer):
    """An emoji under a message: how many people chose it, and the first 20 of them."""

    emoji: str
    count: int
    user_ids: list[str]


class Message(Answer):
    """A message's current state; what does not apply is left out.

    `reply_to` is the seq of the quoted message, `mentions` leads from handles in the body to members, `changed_seq` is the
    event that changed it last. A deleted message has an empty body and `deleted_at_ms`.
    """

    client_message_id: str
    body: str
    reply_to: int | None = None
    mentions: dict[str, str] | None = None
    reactions: list[Reaction] | None = None
    edited_at_ms: int | None = None
    deleted_at_ms: int | None = None
    changed_seq: int | None = None


class Quote(Answer):
    """The quoted message as it is now, its body cut to 200 characters; empty, with `deleted_at_ms`, once it is deleted."""

    actor_id: str
    body: str
    deleted_at_ms: int | None = None
    changed_seq: int | None = None


class _Event(Answer):
    seq: int
    at_ms: int
    actor_id: str
    message_count: int


class ConversationCreated(_Event):
    """Always seq 1: who made it, with whom."""

    type: Literal["conversation.created"]
    kind: Kind
    title: str | None
    member_ids: list[str]


class ConversationUpdated(_Event):
    """The group's title as it is now, and those of its settings that changed."""

    type: Literal["conversation.updated"]
    title: str | None
    description: str | None = None
    posting: Posting | None = None
    history: History | None = None
    public: bool | None = None


class MemberAdded(_Event):
    """`actor_id` added `user_id`."""

    type: Literal["member.added"]
    user_id: str
    role: Role


class MemberRemoved(_Event):
    """`actor_id` removed `user_id`; the same person twice: they left."""

    type: Literal["member.removed"]
    user_id: str


class MemberRoleChanged(_Event):
    """`actor_id` gave `user_id` a role."""

    type: Literal["member.role_changed"]
    user_id: str
    role: Role


class MessageCreated(_Event):
    """A message. `quote` comes with a reply."""

    type: Literal["message.created"]
    message: Message
    quote: Quote | None = None


class _MessageChanged(_Event):
    target_seq: int
    message: Message | None = None


class MessageEdited(_MessageChanged):
    """`actor_id` gave the message of event `target_seq` another text; `message` is its current state.

    It is left out, as everywhere, where that lies before the reader's `history_from`.
    """

    type: Literal["message.edited"]


class MessageDeleted(_MessageChanged):
    """`actor_id` deleted the message of event `target_seq`; its pin is gone, too."""

    type: Literal["message.deleted"]


class MessagePinned(_MessageChanged):
    """`actor_id` pinned the message of event `target_seq`."""

    type: Literal["message.pinned"]


class MessageUnpinned(_MessageChanged):
    """`actor_id` took the pin of event `target_seq`'s message away."""

    type: Literal["message.unpinned"]


class ReactionAdded(_MessageChanged):
    """`actor_id` reacts to the message of event `target_seq`."""

    type: Literal["reaction.added"]
    emoji: str


class ReactionRemoved(_MessageChanged):
    """`actor_id` took a reaction to the message of event `target_seq` back."""

    type: Literal["reaction.removed"]
    emoji: str


Event = Annotated[
    ConversationCreated
    | ConversationUpdated
    | MemberAdded
    | MemberRemoved
    | MemberRoleChanged
    | MessageCreated
    | MessageEdited
    | MessageDeleted
    | MessagePinned
    | MessageUnpinned
    | ReactionAdded
    | ReactionRemoved,
    Field(discriminator="type"),
]


class Settings(Answer):
    """What I chose for myself of a conversation."""

    muted: bool
    archived: bool
    pinned: bool
    marked_unread: bool


class ConversationEntry(Answer):
    """A conversation as I see it. `last_message`'s body is cut to its first 200 characters; it is left out before the first.

    The log begins for me at `history_from`.
    """

    conversation: Conversation
    unread: int
    unread_mentions: int = 0
    read_seq: int
    history_from: int = 1
    settings: Settings | None = None
    last_message: MessageCreated | None = None


class Preview(Answer):
    """A group as those see it who might join."""

    conversation_id: str
    title: str | None
    description: str | None
    public: bool
    member_count: int


class Invite(Answer):
    """A link that leads into a group. `expires_at_ms` and `max_uses` are null where there is no end to it."""

    invite_id: str
    created_by: str
    created_at_ms: int
    expires_at_ms: int | None
    max_uses: int | None
    uses: int


class HealthAnswer(Answer):
    """It runs, and which version."""

    status: Literal["ok"]
    version: str


class MeAnswer(Answer):
    """My profile."""

    user: Me


class UserAnswer(Answer):
    """A profile."""

    user: User


class UsersAnswer(Answer):
    """Profiles."""

    users: list[User]


class ConversationsAnswer(Answer):
    """A page of my conversations, and the people they speak of. `next_cursor` is left out on the last page."""

    conversations: list[ConversationEntry]
    users: list[User]
    next_cursor: str | None = None


class ConversationAnswer(ConversationEntry):
    """One conversation with all members, and the people it speaks of."""

    users: list[User]


class MembersAnswer(Answer):
    """A page of a conversation's members, and their profiles. `next_cursor` is left out on the last page."""

    members: list[Member]
    users: list[User]
    next_cursor: str | None = None


class Block(Answer):
    """Somebody whom I blocked."""

    user_id: str
    blocked_at_ms: int


class BlocksAnswer(Answer):
    """A page of people whom I blocked, and their profiles. `next_cursor` is left out on the last page."""

    blocks: list[Block]
    users: list[User]
    next_cursor: str | None = None


class Person(User):
    """A person as administrators see them; `suspended_at_ms` is null unless they are suspended."""

    created_at_ms: int
    suspended_at_ms: int | None


class PeopleAnswer(Answer):
    """A page of everybody. `next_cursor` is left out on the last page."""

    users: list[Person]
    next_cursor: str | None = None


class AuditEntry(Answer):
    """What an administrator did: `actor_id` to `user_id`, or to what they wrote, the message `seq` of a conversation."""

    audit_id: str
    at_ms: int
    actor_id: str
    action: Literal["user.suspended", "user.restored", "message.removed"]
    user_id: str
    conversation_id: str | None = None
    seq: int | None = None


class AuditAnswer(Answer):
    """A page of what administrators did, newest first. `next_cursor` is left out on the last page."""

    entries: list[AuditEntry]
    next_cursor: str | None = None


class NewInviteAnswer(Answer):
    """A new link. The token is shown this once."""

    invite: Invite
    token: str


class InvitesAnswer(Answer):
    """A group's links, oldest first."""

    invites: list[Invite]


class PreviewAnswer(Answer):
    """Where a link leads."""

    conversation: Preview


class ChannelsAnswer(Answer):
    """Public channels."""

    channels: list[Preview]


class EventAnswer(Answer):
    """One event."""

    event: Event


class ChangeAnswer(Answer):
    """A message as it is now, and the event that made it so; left out where it was so already."""

    message: Message
    event: Event | None = None


class PinsAnswer(Answer):
    """The pinned messages, the last one pinned last."""

    events: list[MessageCreated]


class EventsAnswer(Answer):
    """Events, ascending; `has_more` says whether the log goes on in the direction asked for."""

    events: list[Event]
    has_more: bool


class ReadAnswer(Answer):
    """Where my cursor stands, how many messages lie past it, and how many of these mention me."""

    read_seq: int
    unread: int
    unread_mentions: int = 0


class SettingsAnswer(Answer):
    """My settings for a conversation."""

    settings: Settings


class Presence(Answer):
    """Whether somebody is there; `last_seen_ms` when they were last, where that is known and they are not there now."""

    user_id: str
    online: bool
    last_seen_ms: int | None = None


class PresenceAnswer(Answer):
    """The presence of those members who show it."""

    presence: list[Presence]


class WatchAnswer(PresenceAnswer):
    """The same, and until when frames tell of changes."""

    until_ms: int


class TicketAnswer(Answer):
    """A ticket for one WebSocket connection."""

    ticket: str
    expires_at_ms: int


class ErrorInfo(Answer):
    """`code` is for programs, `message` for people; `details` names the field and the limit where there is one."""

    code: str
    message: str
    retryable: bool
    request_id: str
    details: dict[str, Any] = Field(default_factory=dict)


class ErrorBody(Answer):
    """Every refusal, over HTTP and WebSocket alike."""

    error: ErrorInfo


class Nothing(Answer):
    """It is done; there is nothing to say."""


class SiteAuth(Answer):
    """Where the web client signs people in."""

    endpoint: str
    region: str
    user_pool_id: str
    client_id: str


class SiteConfig(Answer):
    """`/config.json`: where everything is. URLs are absolute, or relative to the site's origin."""

    version: Literal[1]
    api_url: str
    ws_url: str
    auth: SiteAuth


class PingFrame(Request):
    """Asks for a pong."""

    action: Literal["ping"]


class TypingFrame(Request):
    """I am writing in a conversation."""

    action: Literal["typing"]
    conversation_id: Id


ClientFrame = Annotated[PingFrame | TypingFrame, Field(discriminator="action")]


class EventsFrame(Answer):
    """Events exactly as in the log, in order."""

    type: Literal["events"]
    conversation_id: str
    events: list[Event]


class ReceiptFrame(Answer):
    """A member's cursor moved."""

    type: Literal["receipt"]
    conversation_id: str
    user_id: str
    read_seq: int


class TypingNotice(Answer):
    """A member is writing."""

    type: Literal["typing"]
    conversation_id: str
    user_id: str


class ConversationFrame(Answer):
    """I was added to a conversation, or removed from one."""

    type: Literal["conversation"]
    conversation_id: str
    change: Literal["added", "removed"]


class SettingsFrame(Answer):
    """I changed my settings for a conversation, here or on another device."""

    type: Literal["settings"]
    conversation_id: str
    settings: Settings


class PresenceFrame(Presence):
    """Somebody whom I watch came or went."""

    type: Literal["presence"]


class PongFrame(Answer):
    """The answer to a ping, with the name of the connection that it came over."""

    type: Literal["pong"]
    connection_id: str


class ErrorFrame(Answer):
    """A frame of mine was refused."""

    type: Literal["error"]
    error: ErrorInfo


ServerFrame = Annotated[
    EventsFrame
    | ReceiptFrame
    | TypingNotice
    | ConversationFrame
    | SettingsFrame
    | PresenceFrame
    | PongFrame
    | ErrorFrame,
    Field(discriminator="type"),
]
