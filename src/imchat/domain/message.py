"""A message's current state, and what each change makes of it: edits, deletion, reactions."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from imchat.domain.ids import UserId
from imchat.domain.limits import REACTION_KINDS, REACTION_NAMES, check_count


class Reaction(TypedDict):
    """One emoji under a message: how many people chose it, and the first few of them."""

    emoji: str
    count: int
    user_ids: list[UserId]


class Message(TypedDict):
    """A message's current state. `body` is kept as it came, byte for byte; it is empty once the message is deleted.

    `reply_to` is the seq of the quoted message, `mentions` leads from handles in the body to members. `changed_seq` is
    the event that changed the message last. What does not apply is left out.
    """

    client_message_id: str
    body: str
    reply_to: NotRequired[int]
    mentions: NotRequired[dict[str, UserId]]
    reactions: NotRequired[list[Reaction]]
    edited_at_ms: NotRequired[int]
    deleted_at_ms: NotRequired[int]
    changed_seq: NotRequired[int]


def is_deleted(message: Message) -> bool:
    """Whether only the tombstone is left."""
    return "deleted_at_ms" in message


def with_edit(message: Message, body: str, mentions: dict[str, UserId], *, seq: int, at_ms: int) -> Message:
    """The message with another text, by event `seq`."""
    after: Message = {**message, "body": body, "edited_at_ms": at_ms, "changed_seq": seq}
    after.pop("mentions", None)
    return {**after, "mentions": mentions} if mentions else after


def tombstone(message: Message, *, seq: int, at_ms: int) -> Message:
    """What is left of a message that event `seq` deleted: that it was, and the id that keeps it from being sent again."""
    return {
        "client_message_id": message["client_message_id"],
        "body": "",
        "deleted_at_ms": at_ms,
        "changed_seq": seq,
    }


def with_reaction(message: Message, emoji: str, user_id: UserId, *, seq: int) -> Message:
    """The message with one person's reaction more, by event `seq`. Raises: Invalid where it has too many kinds already."""
    reactions = list(message.get("reactions", ()))
    for index, reaction in enumerate(reactions):
        if reaction["emoji"] == emoji:
            named = reaction["user_ids"]
            if len(named) < REACTION_NAMES:
                named = [*named, user_id]
            reactions[index] = {"emoji": emoji, "count": reaction["count"] + 1, "user_ids": named}
            break
    else:
        check_count(len(reactions) + 1, field="emoji", maximum=REACTION_KINDS, unit=" kinds of reactions")
        reactions.append({"emoji": emoji, "count": 1, "user_ids": [user_id]})
    return {**message, "reactions": reactions, "changed_seq": seq}


def without_reaction(message: Message, emoji: str, user_id: UserId, *, seq: int) -> Message:
    """The message with one person's reaction less, by event `seq`. Others move up to its place, but not among the named."""
    reactions: list[Reaction] = []
    for reaction in message.get("reactions", ()):
        if reaction["emoji"] != emoji:
            reactions.append(reaction)
        elif reaction["count"] > 1:
            named = [other for other in reaction["user_ids"] if other != user_id]
            reactions.append({"emoji": emoji, "count": reaction["count"] - 1, "user_ids": named})
    after: Message = {**message, "changed_seq": seq}
    after.pop("reactions", None)
    return {**after, "reactions": reactions} if reactions else after
