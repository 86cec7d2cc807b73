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
from imchat.errors import Invalid
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
    Raises: Invalid, NotFound, Conflict (`behind`), Busy.
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

    def decide(tail: Tail, _sender: Member) -> Write | Done:
        for event in tail.events:
            if is_attempt_of(event, sender_id=sender_id, client_message_id=client_message_id):
                return Done(event)
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
    The membership is checked after the log was read: whatever was read lies before any removal.
    Raises: NotFound for one who is no member; Invalid.
    """
    check_count(limit, field="limit", least=1, most=PAGE_MAX)
    if after is not None and before is not None:
        raise Invalid("after and before exclude each other", field="before", limit="one of after, before")
    for name, seq in (("after", after), ("before", before)):
        if seq is not None:
            check_count(seq, field=name, most=SEQ_MAX)
    if after is not None:
        page = events.after(app.table, conversation_id, after, limit=limit + 1)
        more, page = len(page) > limit, page[:limit]
    else:
        page = events.before(
            app.table, conversation_id, SEQ_MAX if before is None else before, limit=limit + 1
        )
        more, page = len(page) > limit, page[-limit:]
    access_member(app, reader_id, conversation_id)
    return page, more
