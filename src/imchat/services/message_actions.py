"""Actions on an existing message: edit, delete, react, pin.

Each action is one transaction of its event and the items it changes. Repeating an action writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from imchat.domain import message as states
from imchat.domain.emoji import check_emoji
from imchat.domain.event import MESSAGE_CHANGES, Draft, Event, preview_of
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import PINS_MAX, check_body, check_count
from imchat.domain.member import Member
from imchat.domain.mentions import mentions_in
from imchat.domain.message import Message, is_deleted
from imchat.domain.record import Record, record
from imchat.errors import Busy, Conflict, Forbidden, NotFound
from imchat.services.access import check_not_blocked, require_member
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, append
from imchat.services.messages import resolve_handles
from imchat.storage.repositories import conversations, events, reactions
from imchat.storage.repositories.events import Tail
from imchat.storage.table import Op


@record
class MessageChange(Record):
    """A message as it is now, and the event that changed it (None: there was nothing to do)."""

    message: Message
    event: Event | None


class Target(NamedTuple):
    """A message to be changed, as of the log's `tail`, and the member who changes it. `event` is its event, `seq` its seq."""

    conversation_id: ConversationId
    seq: int
    event: Event
    tail: Tail
    actor: Member

    @property
    def message(self) -> Message:
        """The message as it is now."""
        return self.event["message"]


def edit(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int, body: str) -> MessageChange:
    """Replace the text of one's own message. The old text is not kept.

    Raises: Invalid; NotFound; Forbidden for another user's message; Conflict `deleted`; Busy.
    """
    check_body(body)
    mentionable = resolve_handles(app, actor_id, body)

    def change(target: Target) -> Append | None:
        if target.event["actor_id"] != actor_id:
            raise Forbidden("you can edit only your own messages")
        _check_not_deleted(target)
        if target.message["body"] == body:
            return None
        mentions = mentions_in(body, mentionable, target.tail.members)

        def after(event: Event) -> Message:
            return states.with_edit(target.message, body, mentions, seq=event["seq"], at_ms=event["at_ms"])

        draft = Draft(type="message.edited", actor_id=actor_id, target_seq=seq)
        return _decide_change(
            target, draft, after, lambda event: [_update_head_preview(target, event, after(event))]
        )

    return _append_change(app, actor_id, conversation_id, seq, change, also_load=mentionable.values())


def delete(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Replace a message by a tombstone: its text, mentions, reactions and pin are removed.

    Raises: NotFound; Forbidden unless the actor wrote it or is an owner or admin of the group; Busy.
    """

    def change(target: Target) -> Append | None:
        is_group = target.tail.head.kind == "group"
        if target.event["actor_id"] != actor_id and not (is_group and target.actor.may_manage):
            raise Forbidden("only its author, or a group's owners and admins, can delete a message")
        if is_deleted(target.message):
            return None
        return _decide_tombstone(target)

    changed = _append_change(app, actor_id, conversation_id, seq, change, allow_blocked=True)
    reactions.delete_all(app.table, conversation_id, seq)
    return changed


def remove(
    app: App, admin_id: UserId, conversation_id: ConversationId, seq: int, *, log_op: Callable[[UserId], Op]
) -> MessageChange:
    """Replace any user's message by a tombstone, as an administrator, who need not be a member.

    `log_op` returns an op for the audit log, given the author's id; it joins the transaction. Raises: NotFound, Busy.
    """
    admin = Member(admin_id, "owner", 1, 1, 0)

    def decide(tail: Tail, _actor: Member) -> Append | AlreadyDone:
        event = _require_message(app, conversation_id, seq, admin)
        _check_up_to_date(event, tail)
        if is_deleted(event["message"]):
            return AlreadyDone(None)
        return _decide_tombstone(
            Target(conversation_id, seq, event, tail, admin), log_op(UserId(event["actor_id"]))
        )

    event = append(app, conversation_id, admin_id, decide, as_member=admin).event
    reactions.delete_all(app.table, conversation_id, seq)
    return MessageChange(
        event["message"] if event else _require_message(app, conversation_id, seq, admin)["message"], event
    )


def react(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int, emoji: str) -> MessageChange:
    """Add the actor's reaction to a message. Raises: Invalid; NotFound; Conflict `deleted`; Busy."""
    emoji = check_emoji(emoji)

    def change(target: Target) -> Append | None:
        _check_not_deleted(target)
        if _has_reacted(app, target, emoji):
            return None
        draft = Draft(type="reaction.added", actor_id=actor_id, target_seq=seq, emoji=emoji)
        op = reactions.put_new(conversation_id, seq, emoji, actor_id)
        return _decide_change(
            target,
            draft,
            lambda event: states.with_reaction(target.message, emoji, actor_id, seq=event["seq"]),
            lambda _event: [op],
        )

    return _append_change(app, actor_id, conversation_id, seq, change)


def unreact(
    app: App, actor_id: UserId, conversation_id: ConversationId, seq: int, emoji: str
) -> MessageChange:
    """Remove the actor's reaction to a message. Raises: Invalid; NotFound; Busy."""
    emoji = check_emoji(emoji)

    def change(target: Target) -> Append | None:
        if is_deleted(target.message) or not _has_reacted(app, target, emoji):
            return None
        draft = Draft(type="reaction.removed", actor_id=actor_id, target_seq=seq, emoji=emoji)
        op = reactions.delete(conversation_id, seq, emoji, actor_id)
        return _decide_change(
            target,
            draft,
            lambda event: states.without_reaction(target.message, emoji, actor_id, seq=event["seq"]),
            lambda _event: [op],
        )

    return _append_change(app, actor_id, conversation_id, seq, change)


def pin(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Pin a message. Raises: NotFound; Forbidden for plain members of a group; Conflict `deleted`; Invalid past 50 pins; Busy."""

    def change(target: Target) -> Append | None:
        _check_may_pin(target)
        _check_not_deleted(target)
        pinned = target.tail.head.pinned
        if seq in pinned:
            return None
        check_count(len(pinned) + 1, field="pinned", maximum=PINS_MAX, unit=" messages")
        return _decide_pins(target, "message.pinned", [*pinned, seq])

    return _append_change(app, actor_id, conversation_id, seq, change)


def unpin(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Unpin a message. Raises: NotFound; Forbidden for plain members of a group; Busy."""

    def change(target: Target) -> Append | None:
        _check_may_pin(target)
        pinned = target.tail.head.pinned
        if seq not in pinned:
            return None
        return _decide_pins(target, "message.unpinned", [other for other in pinned if other != seq])

    return _append_change(app, actor_id, conversation_id, seq, change)


def _append_change(
    app: App,
    actor_id: UserId,
    conversation_id: ConversationId,
    seq: int,
    change: Callable[[Target], Append | None],
    *,
    also_load: Collection[UserId] = (),
    allow_blocked: bool = False,
) -> MessageChange:
    """Append the event that `change` returns for the message, read after the log's tail. None: there is nothing to do.

    `also_load`: see `append`. `allow_blocked`: also in a direct conversation with a block.
    """

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        if not allow_blocked:
            check_not_blocked(tail)
        event = _require_message(app, conversation_id, seq, actor)
        _check_up_to_date(event, tail)
        changes = (later for later in reversed(tail.events) if later.get("target_seq") == seq)
        return change(Target(conversation_id, seq, event, tail, actor)) or AlreadyDone(next(changes, None))

    appended = append(app, conversation_id, actor_id, decide, also_load=also_load)
    event = appended.event
    if event is None:
        me = require_member(app, actor_id, conversation_id)
        return MessageChange(_require_message(app, conversation_id, seq, me)["message"], None)
    return MessageChange(event["message"], event if appended.new else None)


def _require_message(app: App, conversation_id: ConversationId, seq: int, reader: Member) -> Event:
    event = events.get(app.table, conversation_id, seq)
    if event is None or event["type"] != "message.created" or seq < reader.history_from:
        raise NotFound("no such message")
    return event


def _check_up_to_date(event: Event, tail: Tail) -> None:
    """Check that the message has all changes of the tail: of a transaction in progress only the event may be visible yet.

    Raises: Busy.
    """
    changes = (
        later["seq"]
        for later in tail.events
        if later["type"] in MESSAGE_CHANGES and later["target_seq"] == event["seq"]
    )
    if max(changes, default=0) > event["message"].get("changed_seq", 0):
        raise Busy("another change of this message is in progress; try again")


def _decide_change(
    target: Target,
    draft: Draft,
    after: Callable[[Event], Message],
    more_ops: Callable[[Event], list[Op]],
) -> Append:
    """Return the decision to append `draft`, set the message to `after`, and run `more_ops` in the same transaction."""

    def ops(event: Event) -> list[Op]:
        return [events.set_message(target.conversation_id, target.seq, after(event)), *more_ops(event)]

    return Append(draft, ops, hydrate=lambda event: {**event, "message": after(event)})


def _decide_tombstone(target: Target, *more_ops: Op) -> Append:
    """Return the decision to replace the message by a tombstone; `more_ops` join the transaction."""

    def after(event: Event) -> Message:
        return states.tombstone(target.message, seq=event["seq"], at_ms=event["at_ms"])

    draft = Draft(type="message.deleted", actor_id=target.actor.user_id, target_seq=target.seq)
    return _decide_change(
        target, draft, after, lambda event: [_update_head_preview(target, event, after(event)), *more_ops]
    )


def _update_head_preview(target: Target, event: Event, message: Message) -> Op:
    """Return the op that removes the old text, and the pin of a deleted message, from the conversation's head."""
    head, message_not_in_head = target.tail.head, target.tail.message_not_in_head
    is_newest = target.event["message_count"] == target.tail.events[-1]["message_count"]
    changes: dict[str, object] = {}
    last_message = message_not_in_head or head.last_message
    if is_newest or (last_message is not None and last_message["seq"] == target.seq):
        changes["last_message"] = preview_of({**target.event, "message": message})
    if is_deleted(message) and target.seq in head.pinned:
        changes["pinned"] = [seq for seq in head.pinned if seq != target.seq]
    return conversations.advance_op(head, event, message_not_in_head, **changes)


def _decide_pins(
    target: Target, kind: Literal["message.pinned", "message.unpinned"], pinned: list[int]
) -> Append:
    draft = Draft(type=kind, actor_id=target.actor.user_id, target_seq=target.seq)
    head, message_not_in_head = target.tail.head, target.tail.message_not_in_head
    return Append(
        draft,
        lambda event: [conversations.advance_op(head, event, message_not_in_head, pinned=pinned)],
        hydrate=lambda event: {**event, "message": target.message},
    )


def _has_reacted(app: App, target: Target, emoji: str) -> bool:
    """Return whether the actor has this reaction. The tail is checked first: it shows a transaction in progress earlier."""
    for event in reversed(target.tail.events):
        is_same = event.get("target_seq") == target.seq and event.get("emoji") == emoji
        if is_same and event["actor_id"] == target.actor.user_id:
            return event["type"] == "reaction.added"
    return reactions.exists(app.table, target.conversation_id, target.seq, emoji, target.actor.user_id)


def _check_not_deleted(target: Target) -> None:
    if is_deleted(target.message):
        raise Conflict("the message was deleted", reason="deleted")


def _check_may_pin(target: Target) -> None:
    if target.tail.head.kind == "group" and not target.actor.may_manage:
        raise Forbidden("only owners and admins may pin and unpin messages")
