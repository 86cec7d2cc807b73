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
    """The memberships that exist among (conversation, person) pairs."""
    wanted = {keys.member(*pair): pair for pair in pairs}
    return {
        wanted[key]: member_from_item(wanted[key][1], item) for key, item in table.get_many(wanted).items()
    }


def list_for(
    table: Table, conversation_id: ConversationId, *, limit: int | None = None
) -> dict[UserId, Member]:
    """Everybody in the conversation as of now, or the first `most` of them."""
    rows = table.query(
        KeyRange(keys.conversation_pk(conversation_id), prefix=keys.MEMBER_PREFIX), limit=limit
    )
    return dict(member_from_row(row) for row in rows)


def list_page(
    table: Table, conversation_id: ConversationId, *, after: UserId | None, limit: int
) -> list[Member]:
    """The first `limit` members behind `after`, by their ids."""
    start = None if after is None else keys.member(conversation_id, after).sk
    rows = table.query(
        KeyRange(keys.conversation_pk(conversation_id), prefix=keys.MEMBER_PREFIX, after=start), limit=limit
    )
    return [member_from_row(row)[1] for row in rows]


def put_new(conversation_id: ConversationId, member: Member) -> Put:
    """The op that adds a member, and fails where they are one."""
    item = {"role": member.role, "joined_seq": member.joined_seq}
    item |= {"read_seq": member.read_seq, "read_count": member.read_count}
    if member.history_from > 1:
        item["history_from"] = member.history_from
    return Put(keys.member(conversation_id, member.user_id), item, Absent())


def delete(conversation_id: ConversationId, user_id: UserId) -> Delete:
    """The op that removes a member, and fails where they are none."""
    return Delete(keys.member(conversation_id, user_id), Present())


def set_role(conversation_id: ConversationId, user_id: UserId, *, old: Role, new: Role) -> Update:
    """The op that changes a role, and fails where it is no longer `old`."""
    return Update(keys.member(conversation_id, user_id), set={"role": new}, condition=Equals("role", old))


def add_mention(conversation_id: ConversationId, member: Member, seq: int) -> Update:
    """The op that notes that event `seq` names the member, and fails where they are none; of the unread, the newest stay.

    Decided from the log's tail like the event that it belongs to, so no other mention comes between.
    """
    unread = [earlier for earlier in member.mentions if earlier > member.read_seq]
    kept = [*unread, seq][-MENTIONS_KEPT:]
    return Update(keys.member(conversation_id, member.user_id), set={"mentions": kept}, condition=Present())


def set_settings(
    table: Table, conversation_id: ConversationId, user_id: UserId, changes: Mapping[Setting, bool]
) -> bool:
    """Choose some settings and take others back, at least one. Returns False for one who is no member."""
    chosen: Item = {name: True for name, wanted in changes.items() if wanted}
    taken_back = [name for name, wanted in changes.items() if not wanted]
    key = keys.member(conversation_id, user_id)
    try:
        table.write(Update(key, set=chosen, remove=taken_back, condition=Present()))
    except ConditionFailed:
        return False
    return True


def set_blocking(conversation_id: ConversationId, user_id: UserId, *, blocking: bool) -> Update:
    """The op that notes in a direct conversation whether the person blocks the other, and fails where they are no member."""
    key = keys.member(conversation_id, user_id)
    if blocking:
        return Update(key, set={"blocks": True}, condition=Present())
    return Update(key, remove=["blocks"], condition=Present())


def set_suspended(table: Table, conversation_id: ConversationId, user_id: UserId, *, suspended: bool) -> None:
    """Note on a membership whether the person is suspended; nothing happens where they are no member."""
    key = keys.member(conversation_id, user_id)
    with suppress(ConditionFailed):
        if suspended:
            table.write(Update(key, set={"suspended": True}, condition=Present()))
        else:
            table.write(Update(key, remove=["suspended"], condition=Present()))


def check_not_member(conversation_id: ConversationId, user_id: UserId) -> Check:
    """The op that fails where the person is a member."""
    return Check(keys.member(conversation_id, user_id), Absent())


def check_role(conversation_id: ConversationId, member: Member) -> Check:
    """The op that fails where somebody's role is no longer the one in `member`."""
    return Check(keys.member(conversation_id, member.user_id), Equals("role", member.role))


def advance_read_cursor(
    table: Table, conversation_id: ConversationId, user_id: UserId, *, seq: int, count: int
) -> bool:
    """Move the read cursor up to `seq`, with `count` messages up to it; never back. Returns whether it moved."""
    changes = {"read_seq": seq, "read_count": count}
    key = keys.member(conversation_id, user_id)
    try:
        table.write(Update(key, set=changes, condition=LessThan("read_seq", seq)))
    except ConditionFailed:
        return False
    return True


def member_from_row(row: Row) -> tuple[UserId, Member]:
    """The member that a row of a conversation holds, by their id."""
    named: tuple[UserId, Member] | None = row.parsed
    if named is None:
        user_id = UserId(row.sk.removeprefix(keys.MEMBER_PREFIX))
        named = row.parsed = user_id, member_from_item(user_id, row.item)
    return named


def member_from_item(user_id: UserId, item: Item) -> Member:
    """Return the member that a stored item holds."""
    plain = (user_id, item["role"], item["joined_seq"], item["read_seq"], item["read_count"])
    if len(item) < len(plain):  # nothing but these: nearly everybody, and a room's send makes one of each
        return Member(*plain)
    settings = tuple(name for name in SETTINGS if name in item)
    return Member(
        *plain,
        item.get("history_from", 1),
        settings,
        item.get("mentions", ()),
        item.get("blocks", False),
        item.get("suspended", False),
    )
