"""THE route table: every HTTP route, what it takes, what it answers, and the service behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import imchat
from imchat.api import schema, shapes
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import USER_IDS_MAX, check_count, is_id
from imchat.errors import Invalid
from imchat.services import accounts, conversations, groups, messages, realtime, receipts
from imchat.services.app import App


class Call(NamedTuple):
    """One request, checked: who asks, the path's parameters, the query and the body as the route's models."""

    app: App
    user_id: UserId
    path: dict[str, str]
    query: Any
    body: Any

    @property
    def conversation_id(self) -> ConversationId:
        """The conversation that the path names."""
        return ConversationId(self.path["conversation_id"])

    @property
    def member_id(self) -> UserId:
        """The person that the path names."""
        return UserId(self.path["user_id"])


class Reply(NamedTuple):
    """An answer and its status."""

    status: int
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` lies under `/api`; `{name}` stands for one id. `statuses` are those of success, `errors` those of refusal."""

    method: str
    path: str
    summary: str
    action: Callable[[Call], Reply]
    answer: type[schema.Answer]
    body: type[schema.Request] | None = None
    query: type[schema.Query] | None = None
    statuses: tuple[int, ...] = (200,)
    errors: tuple[int, ...] = ()
    open: bool = False


def _health(_call: Call) -> Reply:
    return Reply(200, {"status": "ok", "version": imchat.__version__})


def _me(call: Call) -> Reply:
    return Reply(200, {"user": shapes.me(accounts.me(call.app, call.user_id))})


def _update_me(call: Call) -> Reply:
    change: schema.ProfileChange = call.body
    user = accounts.update_profile(
        call.app, call.user_id, handle=change.handle, display_name=change.display_name
    )
    return Reply(200, {"user": shapes.me(user)})


def _users(call: Call) -> Reply:
    query: schema.UsersQuery = call.query
    if (query.prefix is None) == (query.ids is None):
        raise Invalid("give either prefix or ids", field="prefix", limit="one of prefix, ids")
    if query.prefix is not None:
        return Reply(200, {"users": shapes.users(accounts.find_users(call.app, query.prefix))})
    user_ids = [UserId(text) for text in dict.fromkeys((query.ids or "").split(",")) if is_id(text)]
    check_count(len(user_ids), field="ids", least=1, most=USER_IDS_MAX)
    return Reply(200, {"users": shapes.users(accounts.users_by_id(call.app, user_ids))})


def _user(call: Call) -> Reply:
    return Reply(200, {"user": shapes.user(accounts.user(call.app, call.member_id))})


def _inbox(call: Call) -> Reply:
    query: schema.InboxQuery = call.query
    if query.cursor is not None and not is_id(query.cursor):
        raise Invalid("cursor is none that an answer gave", field="cursor", limit="a next_cursor")
    cursor = None if query.cursor is None else ConversationId(query.cursor)
    return Reply(200, shapes.inbox(conversations.inbox(call.app, call.user_id, cursor=cursor)))


def _create_conversation(call: Call) -> Reply:
    body: schema.NewConversation = call.body
    member_ids = [UserId(user_id) for user_id in body.member_ids]
    if body.kind == "direct":
        if len(member_ids) != 1 or body.title is not None:
            raise Invalid(
                "a direct conversation takes one other person and no title", field="member_ids", limit=1
            )
        entry, users, new = conversations.create_direct(call.app, call.user_id, member_ids[0])
        return Reply(201 if new else 200, shapes.conversation(entry, users))
    return Reply(
        201, shapes.conversation(*conversations.create_group(call.app, call.user_id, member_ids, body.title))
    )


def _conversation(call: Call) -> Reply:
    return Reply(200, shapes.conversation(*conversations.entry(call.app, call.user_id, call.conversation_id)))


def _rename(call: Call) -> Reply:
    groups.rename(call.app, call.user_id, call.conversation_id, call.body.title)
    return _conversation(call)


def _add_members(call: Call) -> Reply:
    user_ids = [UserId(user_id) for user_id in dict.fromkeys(call.body.user_ids)]
    check_count(len(user_ids), field="user_ids", least=1, most=USER_IDS_MAX)
    groups.add_members(call.app, call.user_id, call.conversation_id, user_ids)
    return _conversation(call)


def _set_role(call: Call) -> Reply:
    groups.set_role(call.app, call.user_id, call.conversation_id, call.member_id, call.body.role)
    return _conversation(call)


def _remove_member(call: Call) -> Reply:
    groups.remove_member(call.app, call.user_id, call.conversation_id, call.member_id)
    return Reply(200, {})


def _events(call: Call) -> Reply:
    query: schema.EventsQuery = call.query
    events, more = messages.read(
        call.app,
        call.user_id,
        call.conversation_id,
        after=query.after,
        before=query.before,
        limit=query.limit,
    )
    return Reply(200, {"events": events, "has_more": more})


def _send(call: Call) -> Reply:
    body: schema.NewMessage = call.body
    sent = messages.send(
        call.app,
        call.user_id,
        call.conversation_id,
        client_message_id=body.client_message_id,
        body=body.body,
        after_seq=body.after_seq,
    )
    return Reply(201 if sent.new else 200, {"event": sent.event})


def _mark_read(call: Call) -> Reply:
    read_seq, unread = receipts.mark_read(call.app, call.user_id, call.conversation_id, call.body.seq)
    return Reply(200, {"read_seq": read_seq, "unread": unread})


def _ticket(call: Call) -> Reply:
    ticket, expires_at_ms = realtime.issue_ticket(call.app, call.user_id)
    return Reply(201, {"ticket": ticket, "expires_at_ms": expires_at_ms})


_ONE: Final = "/conversations/{conversation_id}"
_MEMBER: Final = _ONE + "/members/{user_id}"

ROUTES: Final = (
    Route("GET", "/health", "Whether it runs", _health, schema.HealthAnswer, open=True),
    Route("GET", "/me", "My profile, made on the first call", _me, schema.MeAnswer),
    Route(
        "PATCH",
        "/me",
        "Choose handle and name",
        _update_me,
        schema.MeAnswer,
        schema.ProfileChange,
        errors=(409,),
    ),
    Route("GET", "/users", "Find people", _users, schema.UsersAnswer, query=schema.UsersQuery),
    Route("GET", "/users/{user_id}", "A person's profile", _user, schema.UserAnswer, errors=(404,)),
    Route("GET", "/conversations", "My inbox", _inbox, schema.ConversationsAnswer, query=schema.InboxQuery),
    Route(
        "POST",
        "/conversations",
        "Start a conversation; a direct one that exists is answered as it is",
        _create_conversation,
        schema.ConversationAnswer,
        schema.NewConversation,
        statuses=(201, 200),
        errors=(404,),
    ),
    Route(
        "GET",
        _ONE,
        "A conversation with its members",
        _conversation,
        schema.ConversationAnswer,
        errors=(404,),
    ),
    Route(
        "PATCH",
        _ONE,
        "Rename a group",
        _rename,
        schema.ConversationAnswer,
        schema.ConversationChange,
        errors=(403, 404, 409),
    ),
    Route(
        "POST",
        _ONE + "/members",
        "Add people to a group",
        _add_members,
        schema.ConversationAnswer,
        schema.NewMembers,
        errors=(403, 404, 409),
    ),
    Route(
        "PATCH",
        _MEMBER,
        "Give a member a role",
        _set_role,
        schema.ConversationAnswer,
        schema.RoleChange,
        errors=(403, 404, 409),
    ),
    Route(
        "DELETE", _MEMBER, "Remove a member, or leave", _remove_member, schema.Nothing, errors=(403, 404, 409)
    ),
    Route(
        "GET",
        _ONE + "/events",
        "The log",
        _events,
        schema.EventsAnswer,
        query=schema.EventsQuery,
        errors=(404,),
    ),
    Route(
        "POST",
        _ONE + "/messages",
        "Send a message, once",
        _send,
        schema.EventAnswer,
        schema.NewMessage,
        statuses=(201, 200),
        errors=(404, 409),
    ),
    Route(
        "PUT",
        _ONE + "/read",
        "Move my read cursor",
        _mark_read,
        schema.ReadAnswer,
        schema.ReadCursor,
        errors=(404,),
    ),
    Route(
        "POST",
        "/realtime/tickets",
        "A ticket for the WebSocket",
        _ticket,
        schema.TicketAnswer,
        statuses=(201,),
    ),
)
