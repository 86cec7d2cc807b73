"""Read cursors: how far each member has read."""

from __future__ import annotations

from dataclasses import replace

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import SEQ_MAX, check_count
from imchat.domain.record import Record, record
from imchat.errors import Invalid
from imchat.services import fanout
from imchat.services.access import refuse_non_members, require_member
from imchat.services.app import App
from imchat.services.conversations import update_settings
from imchat.services.visibility import list_observers
from imchat.storage.repositories import conversations, events, members


@record
class ReadPosition(Record):
    """A read cursor, the number of messages up to it and after it, and how many of those after it mention the reader."""

    read_seq: int
    read_count: int
    unread: int
    unread_mentions: int


def mark_read(app: App, user_id: UserId, conversation_id: ConversationId, seq: int) -> ReadPosition:
    """Move the user's read cursor up to event `seq` (inclusive), never back, and clear the mark "unread".

    Returns the new position. Raises: NotFound for someone who is not a member; Invalid if `seq` is past the end of the log.
    """
    check_count(seq, field="seq", minimum=1, maximum=SEQ_MAX)
    refuse_non_members(app, user_id, conversation_id)
    event = events.get(app.table, conversation_id, seq)
    head = conversations.get(app.table, conversation_id)
    me = require_member(app, user_id, conversation_id)
    if event is None or head is None:
        raise Invalid("seq is past the end of the log", field="seq", limit=head.last_seq if head else 0)
    if seq > me.read_seq:
        count = event["message_count"]
        if members.advance_read_cursor(app.table, conversation_id, user_id, seq=seq, count=count):
            me = replace(me, read_seq=seq, read_count=count)
            _notify_receipt(app, user_id, conversation_id, seq)
        else:
            me = require_member(app, user_id, conversation_id)
    if "marked_unread" in me.settings:
        update_settings(app, user_id, conversation_id, {"marked_unread": False})
    return ReadPosition(me.read_seq, me.read_count, head.unread(user_id, me.read_count), me.unread_mentions)


def _notify_receipt(app: App, user_id: UserId, conversation_id: ConversationId, seq: int) -> None:
    observers = list_observers(app, user_id, conversation_id)
    if observers is not None:
        frame = {"type": "receipt", "conversation_id": conversation_id, "user_id": user_id, "read_seq": seq}
        fanout.notify(app, [user_id, *observers], frame)
