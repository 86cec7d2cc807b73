"""Memberships and read cursors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from imchat.domain.ids import ConversationId, UserId
from imchat.domain.limits import MENTIONS_KEPT
from imchat.domain.member import SETTINGS, Member, Role, Setting
from imchat.storage.repositories import keys
from imchat.storage.table import (
    Absent,
    Check,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    KeyRange,
    LessThan,
    Present,
    Put,
    Row,
    Table,
    Update,
)


def get(
    table: Table, conversation_id: ConversationId, user_id: UserId, *, consistent: bool = True
) -> Member | None:
    """Return the user's membership, or None."""
    item = table.get(keys.member(conversation_id, user_id), consistent=consistent)
    return None if item is None else member_from_item(user_id, item)


def get_many(
    table: Table, pairs: Iterable[tuple[ConversationId, UserId]]
) -> dict[tuple[ConversationId, UserId], Member]:
    """Return the memberships that exist among (conversation, user) pairs."""
    wanted = {keys.member(*pair): pair for pair in pairs}
    return {
        wanted[key]: member_from_item(wanted[key][1], item) for key, item in table.get_many(wanted).items()
    }


def list_for(
    table: Table, conversation_id: ConversationId, *, limit: int | None = None
) -> dict[UserId, Member]:
    """Return the current members of a conversation: all, or the first `limit`."""
    rows = table.query(
        KeyRange(keys.conversation_pk(conversation_id), prefix=keys.MEMBER_PREFIX), limit=limit
    )
    return dict(member_from_row(row) for row in rows)


def list_page(
    table: Table, conversation_id: ConversationId, *, after: UserId | None, limit: int
) -> list[Member]:
    """Return the first `limit` members after the id `after`, by id."""
    start = None if after is None else keys.member(conversation_id, after).sk
    rows = table.query(
        KeyRange(keys.conversation_pk(conversation_id), prefix=keys.MEMBER_PREFIX, after=start), limit=limit
    )
    return [member_from_row(row)[1] for row in rows]


def put_new(conversation_id: ConversationId, member: Member) -> Put:
    """Return the op that adds a member. It fails if they are a member already."""
    item = {"role": member.role, "joined_seq": member.joined_seq}
    item |= {"read_seq": member.read_seq, "read_count": member.read_count}
    if member.history_from > 1:
        item["history_from"] = member.history_from
    return Put(keys.member(conversation_id, member.user_id), item, Absent())


def delete(conversation_id: ConversationId, user_id: UserId) -> Delete:
    """Return the op that removes a member. It fails if they are not a member."""
    return Delete(keys.member(conversation_id, user_id), Present())


def set_role(conversation_id: ConversationId, user_id: UserId, *, old: Role, new: Role) -> Update:
    """Return the op that changes a role. It fails if the role is no longer `old`."""
    return Update(keys.member(conversation_id, user_id), set={"role": new}, condition=Equals("role", old))


def add_mention(conversation_id: ConversationId, member: Member, seq: int) -> Update:
    """Return the op that adds event `seq` to a member's mentions. It fails if they are not a member.

    Keeps the newest unread mentions. `member` comes from the same log tail as the event, so no other mention can be lost.
    """
    unread = [earlier for earlier in member.mentions if earlier > member.read_seq]
    kept = [*unread, seq][-MENTIONS_KEPT:]
    return Update(keys.member(conversation_id, member.user_id), set={"mentions": kept}, condition=Present())


def set_settings(
    table: Table, conversation_id: ConversationId, user_id: UserId, changes: Mapping[Setting, bool]
) -> bool:
    """Turn settings on or off, at least one. Returns False if the user is not a member."""
    turned_on: Item = {name: True for name, on in changes.items() if on}
    turned_off = [name for name, on in changes.items() if not on]
    key = keys.member(conversation_id, user_id)
    try:
        table.write(Update(key, set=turned_on, remove=turned_off, condition=Present()))
    except ConditionFailed:
        return False
    return True


def set_blocking(conversation_id: ConversationId, user_id: UserId, *, blocking: bool) -> Update:
    """Return the op that sets whether a user blocks the other in a direct conversation. It fails if they are not a member."""
    key = keys.member(conversation_id, user_id)
    if blocking:
        return Update(key, set={"blocks": True}, condition=Present())
    return Update(key, remove=["blocks"], condition=Present())


def set_suspended(table: Table, conversation_id: ConversationId, user_id: UserId, *, suspended: bool) -> None:
    """Set whether a member is suspended. Does nothing if the user is not a member."""
    key = keys.member(conversation_id, user_id)
    with suppress(ConditionFailed):
        if suspended:
            table.write(Update(key, set={"suspended": True}, condition=Present()))
        else:
            table.write(Update(key, remove=["suspended"], condition=Present()))


def check_not_member(conversation_id: ConversationId, user_id: UserId) -> Check:
    """Return the op that fails if the user is a member."""
    return Check(keys.member(conversation_id, user_id), Absent())


def check_role(conversation_id: ConversationId, member: Member) -> Check:
    """Return the op that fails if the member's role has changed."""
    return Check(keys.member(conversation_id, member.user_id), Equals("role", member.role))


def advance_read_cursor(
    table: Table, conversation_id: ConversationId, user_id: UserId, *, seq: int, count: int
) -> bool:
    """Move the read cursor forward to `seq`, with `count` messages up to it. Never moves it back. Returns whether it moved."""
    changes = {"read_seq": seq, "read_count": count}
    key = keys.member(conversation_id, user_id)
    try:
        table.write(Update(key, set=changes, condition=LessThan("read_seq", seq)))
    except ConditionFailed:
        return False
    return True


def member_from_row(row: Row) -> tuple[UserId, Member]:
    """Return the member stored in a row of a conversation, with their id."""
    parsed: tuple[UserId, Member] | None = row.parsed
    if parsed is None:
        user_id = UserId(row.sk.removeprefix(keys.MEMBER_PREFIX))
        parsed = row.parsed = user_id, member_from_item(user_id, row.item)
    return parsed


def member_from_item(user_id: UserId, item: Item) -> Member:
    """Return the member stored in an item."""
    fields = (user_id, item["role"], item["joined_seq"], item["read_seq"], item["read_count"])
    if len(item) < len(fields):  # the fast path for most members: a send parses all members of a small room
        return Member(*fields)
    settings = tuple(name for name in SETTINGS if name in item)
    return Member(
        *fields,
        item.get("history_from", 1),
        settings,
        item.get("mentions", ()),
        item.get("blocks", False),
        item.get("suspended", False),
    )
