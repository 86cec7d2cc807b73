"""What people do to a message that is there: edit, delete, react, pin. Each change is one transaction of its event and the
items that it changes; doing again what is done already writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from imchat.domain import message as states
from imchat.domain.emoji import check_emoji
from imchat.domain.event import MESSAGE_CHANGES, Draft, Event, preview_of
from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import PINS_MAX, check_body, check_count, is_id
from imchat.domain.member import Member
from imchat.domain.mentions import mentions_in
from imchat.domain.message import Message, is_deleted
from imchat.errors import Busy, Conflict, Forbidden, NotFound
from imchat.services.access import check_not_blocked, require_member
from imchat.services.app import App
from imchat.services.event_log import AlreadyDone, Append, append
from imchat.services.messages import resolve_handles
from imchat.storage.repositories import conversations, events, reactions
from imchat.storage.repositories.events import Tail
from imchat.storage.table import Op


class MessageChange(NamedTuple):
    """A message as it is now, and the event that made it so; None where there was nothing to do."""

    message: Message
    event: Event | None


class Target(NamedTuple):
    """A message to be changed, as of the log's `tail`: event `seq`, and who wants to change it."""

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
    """Give my message another text. The old one is kept nowhere.

    Raises: Invalid; NotFound; Forbidden for another's message; Conflict `deleted`; Busy.
    """
    check_body(body)
    named = resolve_handles(app, actor_id, body)

    def change(target: Target) -> Append | None:
        if target.event["actor_id"] != actor_id:
            raise Forbidden("only whoever wrote a message edits it")
        _check_not_deleted(target)
        if target.message["body"] == body:
            return None
        mentions = mentions_in(body, named, target.tail.members)

        def after(event: Event) -> Message:
            return states.with_edit(target.message, body, mentions, seq=event["seq"], at_ms=event["at_ms"])

        draft = Draft(type="message.edited", actor_id=actor_id, target_seq=seq)
        return _write(target, draft, after, lambda event: [_update_head_preview(target, event, after(event))])

    return _change(app, actor_id, conversation_id, seq, change, also_load=named.values())


def delete(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Leave a tombstone of a message: its text, mentions, reactions and pin are gone.

    Raises: NotFound; Forbidden unless it is mine, or I am owner or admin of the group; Busy.
    """

    def change(target: Target) -> Append | None:
        group = target.tail.head.kind == "group"
        if target.event["actor_id"] != actor_id and not (group and target.actor.may_manage):
            raise Forbidden("only whoever wrote a message, or the group's owner and admins, delete it")
        if is_deleted(target.message):
            return None
        return _tombstone(target)

    changed = _change(app, actor_id, conversation_id, seq, change, allow_blocked=True)
    reactions.delete_all(app.table, conversation_id, seq)
    return changed


def remove(
    app: App, admin_id: UserId, conversation_id: ConversationId, seq: int, *, note: Callable[[UserId], Op]
) -> MessageChange:
    """Leave a tombstone of anybody's message, by right of an administrator, who need not be a member.

    `note` is asked for an op about the author, which joins the transaction. Raises: NotFound, Busy.
    """
    if not is_id(conversation_id):
        raise NotFound("no such conversation")
    admin = Member(admin_id, "owner", 1, 1, 0)

    def decide(tail: Tail, _actor: Member) -> Append | AlreadyDone:
        event = _message(app, conversation_id, seq, admin)
        _check_up_to_date(event, tail)
        if is_deleted(event["message"]):
            return AlreadyDone(None)
        return _tombstone(Target(conversation_id, seq, event, tail, admin), note(UserId(event["actor_id"])))

    event, _ = append(app, conversation_id, admin_id, decide, as_member=admin)
    reactions.delete_all(app.table, conversation_id, seq)
    return MessageChange(
        event["message"] if event else _message(app, conversation_id, seq, admin)["message"], event
    )


def react(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int, emoji: str) -> MessageChange:
    """Add my reaction to a message. Raises: Invalid; NotFound; Conflict `deleted`; Busy."""
    emoji = check_emoji(emoji)

    def change(target: Target) -> Append | None:
        _check_not_deleted(target)
        if _has_reacted(app, target, emoji):
            return None
        draft = Draft(type="reaction.added", actor_id=actor_id, target_seq=seq, emoji=emoji)
        op = reactions.put_new(conversation_id, seq, emoji, actor_id)
        return _write(
            target,
            draft,
            lambda event: states.with_reaction(target.message, emoji, actor_id, seq=event["seq"]),
            lambda _event: [op],
        )

    return _change(app, actor_id, conversation_id, seq, change)


def unreact(
    app: App, actor_id: UserId, conversation_id: ConversationId, seq: int, emoji: str
) -> MessageChange:
    """Take my reaction to a message back. Raises: Invalid; NotFound; Busy."""
    emoji = check_emoji(emoji)

    def change(target: Target) -> Append | None:
        if is_deleted(target.message) or not _has_reacted(app, target, emoji):
            return None
        draft = Draft(type="reaction.removed", actor_id=actor_id, target_seq=seq, emoji=emoji)
        op = reactions.delete(conversation_id, seq, emoji, actor_id)
        return _write(
            target,
            draft,
            lambda event: states.without_reaction(target.message, emoji, actor_id, seq=event["seq"]),
            lambda _event: [op],
        )

    return _change(app, actor_id, conversation_id, seq, change)


def pin(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Pin a message. Raises: NotFound; Forbidden for a group's plain members; Conflict `deleted`; Invalid past 50; Busy."""

    def change(target: Target) -> Append | None:
        _check_may_pin(target)
        _check_not_deleted(target)
        pinned = target.tail.head.pinned
        if seq in pinned:
            return None
        check_count(len(pinned) + 1, field="pinned", maximum=PINS_MAX, unit=" messages")
        return _write_pins(target, "message.pinned", [*pinned, seq])

    return _change(app, actor_id, conversation_id, seq, change)


def unpin(app: App, actor_id: UserId, conversation_id: ConversationId, seq: int) -> MessageChange:
    """Take a pin away. Raises: NotFound; Forbidden for a group's plain members; Busy."""

    def change(target: Target) -> Append | None:
        _check_may_pin(target)
        pinned = target.tail.head.pinned
        if seq not in pinned:
            return None
        return _write_pins(target, "message.unpinned", [other for other in pinned if other != seq])

    return _change(app, actor_id, conversation_id, seq, change)


def _change(
    app: App,
    actor_id: UserId,
    conversation_id: ConversationId,
    seq: int,
    change: Callable[[Target], Append | None],
    *,
    also_load: Collection[UserId] = (),
    allow_blocked: bool = False,
) -> MessageChange:
    """Append what `change` wants of the message as it is after the log's tail; None: it is so already.

    `about`: see `append`. `also_apart`: where a block lies between two as well.
    """

    def decide(tail: Tail, actor: Member) -> Append | AlreadyDone:
        if not allow_blocked:
            check_not_blocked(tail)
        event = _message(app, conversation_id, seq, actor)
        _check_up_to_date(event, tail)
        changes = (other for other in reversed(tail.events) if other.get("target_seq") == seq)
        return change(Target(conversation_id, seq, event, tail, actor)) or AlreadyDone(next(changes, None))

    event, new = append(app, conversation_id, actor_id, decide, also_load=also_load)
    if event is None:
        me = require_member(app, actor_id, conversation_id)
        return MessageChange(_message(app, conversation_id, seq, me)["message"], None)
    return MessageChange(event["message"], event if new else None)


def _message(app: App, conversation_id: ConversationId, seq: int, reader: Member) -> Event:
    event = events.get(app.table, conversation_id, seq)
    if event is None or event["type"] != "message.created" or seq < reader.history_from:
        raise NotFound("no such message")
    return event


def _check_up_to_date(event: Event, tail: Tail) -> None:
    """A transaction that is half done may show its event already, and the message that it changes not yet."""
    changes = (
        other["seq"]
        for other in tail.events
        if other["type"] in MESSAGE_CHANGES and other["target_seq"] == event["seq"]
    )
    if max(changes, default=0) > event["message"].get("changed_seq", 0):
        raise Busy("the message is being changed at this moment; try again")


def _write(
    target: Target,
    draft: Draft,
    after: Callable[[Event], Message],
    more: Callable[[Event], list[Op]],
) -> Append:
    """The decision to append `draft`, giving the message the state `after`, with `more` in the same transaction."""

    def ops(event: Event) -> list[Op]:
        return [events.set_message(target.conversation_id, target.seq, after(event)), *more(event)]

    return Append(draft, ops, hydrate=lambda event: {**event, "message": after(event)})


def _tombstone(target: Target, *further: Op) -> Append:
    """The decision to leave a tombstone, with `further` ops in the same transaction."""

    def after(event: Event) -> Message:
        return states.tombstone(target.message, seq=event["seq"], at_ms=event["at_ms"])

    draft = Draft(type="message.deleted", actor_id=target.actor.user_id, target_seq=target.seq)
    return _write(
        target, draft, after, lambda event: [_update_head_preview(target, event, after(event)), *further]
    )


def _update_head_preview(target: Target, event: Event, message: Message) -> Op:
    """The op that takes the old text, and a deleted message's pin, from the conversation's head."""
    head, overtaken = target.tail.head, target.tail.message_not_in_head
    is_newest = target.event["message_count"] == target.tail.events[-1]["message_count"]
    changes: dict[str, object] = {}
    in_head = overtaken or head.last_message
    if is_newest or (in_head is not None and in_head["seq"] == target.seq):
        changes["last_message"] = preview_of({**target.event, "message": message})
    if is_deleted(message) and target.seq in head.pinned:
        changes["pinned"] = [seq for seq in head.pinned if seq != target.seq]
    return conversations.advance_op(head, event, overtaken, **changes)


def _write_pins(
    target: Target, kind: Literal["message.pinned", "message.unpinned"], pinned: list[int]
) -> Append:
    draft = Draft(type=kind, actor_id=target.actor.user_id, target_seq=target.seq)
    head, overtaken = target.tail.head, target.tail.message_not_in_head
    return Append(
        draft,
        lambda event: [conversations.advance_op(head, event, overtaken, pinned=pinned)],
        hydrate=lambda event: {**event, "message": target.message},
    )


def _has_reacted(app: App, target: Target, emoji: str) -> bool:
    """Whether the actor reacts so; the log's newest events know it before a transaction that is half done shows it."""
    for event in reversed(target.tail.events):
        same = event.get("target_seq") == target.seq and event.get("emoji") == emoji
        if same and event["actor_id"] == target.actor.user_id:
            return event["type"] == "reaction.added"
    return reactions.exists(app.table, target.conversation_id, target.seq, emoji, target.actor.user_id)


def _check_not_deleted(target: Target) -> None:
    if is_deleted(target.message):
        raise Conflict("the message was deleted", reason="deleted")


def _check_may_pin(target: Target) -> None:
    if target.tail.head.kind == "group" and not target.actor.may_manage:
        raise Forbidden("only the owner and admins pin messages")
