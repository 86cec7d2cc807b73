"""Sending messages and reading the log."""

from __future__ import annotations

from typing import Final

from pydantic_core import to_json

from imchat.domain.event import Draft, Event, Quote, matches_send, quote_of
from imchat.domain.ids import ConnectionId, ConversationId, UserId
from imchat.domain.limits import (
    PAGE_DEFAULT,
    PAGE_MAX,
    SEQ_MAX,
    check_body,
    check_client_message_id,
    check_count,
)
from imchat.domain.member import Member
from imchat.domain.mentions import handles_in, mentions_in
from imchat.domain.message import Message
from imchat.errors import Forbidden, Invalid
from imchat.services.access import check_not_blocked, refuse_strangers, require_member
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, Appended, append
from imchat.services.hydration import hydrate
from imchat.storage.repositories import blocks, conversations, events, members, users
from imchat.storage.repositories.events import Tail
from imchat.storage.table import Op

PAGE_BYTES: Final = 2_000_000
"""Events in one answer. A function's answer has 6 MB at most, and its JSON is put into JSON once more there, which makes up
to three bytes of one. Source: Lambda quotas, "Invocation payload"."""


def send(
    app: App,
    sender_id: UserId,
    conversation_id: ConversationId,
    *,
    client_message_id: str,
    body: str,
    after_seq: int | None = None,
    reply_to: int | None = None,
    connection_id: ConnectionId | None = None,
) -> Appended:
    """Append a message, once however often it is sent: a repeated `client_message_id` answers the first one's event.

    `after_seq` is the newest seq the sender knew when it first tried; every retry says the same one. `reply_to` is the
    seq of a message to quote. `@handle` mentions a member; any other is plain text. `connection_id` is one of the
    sender's connections that need not be pushed to, because its owner takes the event from this answer.
    Raises: Invalid, NotFound, Conflict (`behind`), Busy; Forbidden where only owner and admins write, and past a block.
    """
    check_body(body)
    check_client_message_id(client_message_id)
    if after_seq is not None:
        check_count(after_seq, field="after_seq", maximum=SEQ_MAX)
    named = resolve_handles(app, sender_id, body)
    plain: Message = {"client_message_id": client_message_id, "body": body}
    draft = Draft(type="message.created", actor_id=sender_id, message=plain)

    def decide(tail: Tail, sender: Member) -> Append | AlreadyDone:
        for event in tail.events:
            if matches_send(event, sender_id=sender_id, client_message_id=client_message_id):
                return AlreadyDone(event)
        check_not_blocked(tail)
        if tail.head.settings.posting == "admins" and not sender.may_manage:
            raise Forbidden("only the owner and admins write here")
        if reply_to is None and not named:
            return Append(draft)
        message = plain.copy()
        mentions = mentions_in(body, named, tail.members)
        mentioned = [tail.members[user_id] for user_id in mentions.values() if user_id != sender_id]

        def ops(event: Event) -> list[Op]:
            return [members.add_mention(conversation_id, member, event["seq"]) for member in mentioned]

        if mentions:
            message["mentions"] = mentions
        if reply_to is None:
            return Append({**draft, "message": message}, ops)
        message["reply_to"] = reply_to
        quote = _quote(app, conversation_id, reply_to, sender)
        return Append({**draft, "message": message}, ops, hydrate=lambda event: {**event, "quote": quote})

    return append(
        app,
        conversation_id,
        sender_id,
        decide,
        after_seq=after_seq,
        also_load=named.values(),
        skip_connection=connection_id,
        head_may_lag=True,
    )


def resolve_handles(app: App, author_id: UserId, body: str) -> dict[str, UserId]:
    """Who has the handles that a text may mention, members or not; left out is who blocked the author."""
    named = users.find_by_handles(app.table, handles_in(body)) if "@" in body else {}
    if not named:
        return named
    unwilling = blocks.blockers_of(app.table, author_id)
    return {handle: user_id for handle, user_id in named.items() if user_id not in unwilling}


def _quote(app: App, conversation_id: ConversationId, seq: int, sender: Member) -> Quote:
    quoted = events.get(
        app.table, conversation_id, check_count(seq, field="reply_to", minimum=1, maximum=SEQ_MAX)
    )
    if quoted is None or quoted["type"] != "message.created" or seq < sender.history_from:
        raise Invalid(
            "reply_to is no message of this conversation", field="reply_to", limit="a message's seq"
        )
    return quote_of(quoted)


def read(
    app: App,
    reader_id: UserId,
    conversation_id: ConversationId,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = PAGE_DEFAULT,
) -> tuple[list[Event], bool]:
    """A page of the log, ascending, and whether there is more in the direction asked for.

    `after`: the first events with a higher seq; `before`: the last ones with a lower seq; neither: the newest.
    Fewer than `limit` where they are long. The log begins where the reader's history does; messages have their current
    state. The membership is checked after all was read: whatever was read lies before any removal.
    Raises: NotFound for one who is no member; Invalid.
    """
    check_count(limit, field="limit", minimum=1, maximum=PAGE_MAX)
    if after is not None and before is not None:
        raise Invalid("after and before exclude each other", field="before", limit="one of after, before")
    for name, seq in (("after", after), ("before", before)):
        if seq is not None:
            check_count(seq, field=name, maximum=SEQ_MAX)
    refuse_strangers(app, reader_id, conversation_id)
    page, more = _page(app, conversation_id, after, before, limit)
    first = require_member(app, reader_id, conversation_id).history_from
    if after is not None and after < first - 1:
        page, more = _page(app, conversation_id, first - 1, None, limit)
        first = require_member(app, reader_id, conversation_id).history_from
    mine = [event for event in page if event["seq"] >= first]
    seen = hydrate(app.table, conversation_id, mine, since=first)
    if seen is not mine:  # more was read
        require_member(app, reader_id, conversation_id)
    fitting = _limit_bytes(seen, newest=after is None)
    return fitting, len(fitting) < len(seen) or (more and (after is not None or page[0]["seq"] > first))


def _limit_bytes(page: list[Event], *, newest: bool) -> list[Event]:
    """As many events as an answer holds, from the page's newer or from its older end."""
    if len(page) <= PAGE_DEFAULT:  # so few always fit
        return page
    size = 0
    for count, event in enumerate(reversed(page) if newest else page):
        size += len(to_json(event))
        if size > PAGE_BYTES:
            return page[-count:] if newest else page[:count]
    return page


def _page(
    app: App, conversation_id: ConversationId, after: int | None, before: int | None, limit: int
) -> tuple[list[Event], bool]:
    if after is not None:
        page = events.list_after(app.table, conversation_id, after, limit=limit + 1)
        return page[:limit], len(page) > limit
    page = events.list_before(
        app.table, conversation_id, SEQ_MAX if before is None else before, limit=limit + 1
    )
    return page[-limit:], len(page) > limit


def list_pinned(app: App, reader_id: UserId, conversation_id: ConversationId) -> list[Event]:
    """The pinned messages, in the order in which they were pinned. Raises: NotFound for one who is no member."""
    first = require_member(app, reader_id, conversation_id).history_from
    head = conversations.get(app.table, conversation_id)
    seqs = [seq for seq in head.pinned if seq >= first] if head else []
    found = events.get_many(app.table, conversation_id, seqs)
    page = hydrate(app.table, conversation_id, [found[seq] for seq in seqs], since=first)
    require_member(app, reader_id, conversation_id)
    return page
