"""The state of a message, and the changes to it: edit, deletion, reactions."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from imchat.domain.ids import UserId
from imchat.domain.limits import REACTION_KINDS, REACTION_NAMES, check_count


class Reaction(TypedDict):
    """One emoji on a message: the number of users who chose it, and the first few of them."""

    emoji: str
    count: int
    user_ids: list[UserId]


class Message(TypedDict):
    """The current state of a message. `body` is stored byte for byte as it was sent. It is empty after deletion.

    `reply_to` is the seq of the quoted message, `mentions` maps handles in the body to members. `changed_seq` is the
    seq of the last event that changed the message. Fields that do not apply are omitted.
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
    """Return whether the message was deleted."""
    return "deleted_at_ms" in message


def with_edit(message: Message, body: str, mentions: dict[str, UserId], *, seq: int, at_ms: int) -> Message:
    """Return the message with a new body, edited by event `seq`."""
    after: Message = {**message, "body": body, "edited_at_ms": at_ms, "changed_seq": seq}
    after.pop("mentions", None)
    return {**after, "mentions": mentions} if mentions else after


def tombstone(message: Message, *, seq: int, at_ms: int) -> Message:
    """Return what remains of a message deleted by event `seq`. It keeps the id, so that it cannot be sent again."""
    return {
        "client_message_id": message["client_message_id"],
        "body": "",
        "deleted_at_ms": at_ms,
        "changed_seq": seq,
    }


def with_reaction(message: Message, emoji: str, user_id: UserId, *, seq: int) -> Message:
    """Return the message with a user's reaction added by event `seq`. Raises: Invalid if it has too many different emoji."""
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
    """Return the message with a user's reaction removed by event `seq`.

    No other user moves up into `user_ids`: the message does not know who else reacted.
    """
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
