"""Sending messages and reading the log."""

from __future__ import annotations

from imchat.domain.event import Draft, Event, is_attempt_of
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import (
    PAGE_DEFAULT,
    PAGE_MAX,
    SEQ_MAX,
    check_body,
    check_client_message_id,
    check_count,
)
from imchat.domain.member import Member
from imchat.errors import Forbidden, Invalid
from imchat.services.access import access_member
from imchat.services.app import App
from imchat.services.log import Appended, Done, Write, append
from imchat.storage import events
from imchat.storage.events import Tail


def send(
    app: App,
    sender_id: UserId,
    conversation_id: ConversationId,
    *,
    client_message_id: str,
    body: str,
    after_seq: int | None = None,
) -> Appended:
    """Append a message, once however often it is sent: a repeated `client_message_id` answers the first one's event.

    `after_seq` is the newest seq the sender knew when it first tried; every retry says the same one.
    Raises: Invalid, NotFound, Conflict (`behind`), Busy; Forbidden where only owner and admins write.
    """
    check_body(body)
    check_client_message_id(client_message_id)
    if after_seq is not None:
        check_count(after_seq, field="after_seq", most=SEQ_MAX)
    draft = Draft(
        type="message.created",
        actor_id=sender_id,
        message={"client_message_id": client_message_id, "body": body},
    )

    def decide(tail: Tail, sender: Member) -> Write | Done:
        for event in tail.events:
            if is_attempt_of(event, sender_id=sender_id, client_message_id=client_message_id):
                return Done(event)
        if tail.head.settings.posting == "admins" and not sender.may_manage:
            raise Forbidden("only the owner and admins write here")
        return Write(draft)

    return append(app, conversation_id, sender_id, decide, after_seq=after_seq)


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
    The log begins where the reader's history does. The membership is checked after the log was read: whatever was read
    lies before any removal.
    Raises: NotFound for one who is no member; Invalid.
    """
    check_count(limit, field="limit", least=1, most=PAGE_MAX)
    if after is not None and before is not None:
        raise Invalid("after and before exclude each other", field="before", limit="one of after, before")
    for name, seq in (("after", after), ("before", before)):
        if seq is not None:
            check_count(seq, field=name, most=SEQ_MAX)
    page, more = _page(app, conversation_id, after, before, limit)
    first = access_member(app, reader_id, conversation_id).history_from
    if after is not None and after < first - 1:
        page, more = _page(app, conversation_id, first - 1, None, limit)
        first = access_member(app, reader_id, conversation_id).history_from
    seen = [event for event in page if event["seq"] >= first]
    return seen, more and (after is not None or page[0]["seq"] > first)


def _page(
    app: App, conversation_id: ConversationId, after: int | None, before: int | None, limit: int
) -> tuple[list[Event], bool]:
    if after is not None:
        page = events.after(app.table, conversation_id, after, limit=limit + 1)
        return page[:limit], len(page) > limit
    page = events.before(app.table, conversation_id, SEQ_MAX if before is None else before, limit=limit + 1)
    return page[-limit:], len(page) > limit
