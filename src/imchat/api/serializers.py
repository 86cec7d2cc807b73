"""From what services answer to what the wire carries. The generated reference describes the outcome; tests hold it to that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imchat.domain.conversation import Head
from imchat.domain.invite import Invite
from imchat.domain.member import Member
from imchat.domain.user import User
from imchat.services.conversations import ConversationEntry, Inbox
from imchat.services.message_actions import MessageChange
from imchat.storage.repositories.audit import AuditEntry


def user(person: User) -> dict[str, Any]:
    """schema.User"""
    return {"user_id": person.user_id, "handle": person.handle, "display_name": person.display_name}


def users(people: Iterable[User]) -> list[dict[str, Any]]:
    """schema.User, several"""
    return [user(person) for person in people]


def me(person: User) -> dict[str, Any]:
    """schema.Me"""
    return (
        user(person)
        | {"created_at_ms": person.created_at_ms, "show_presence": person.show_presence}
        | {"suspended": person.suspended_at_ms is not None}
    )


def user_for_admin(profile: User) -> dict[str, Any]:
    """schema.Person"""
    times = {"created_at_ms": profile.created_at_ms, "suspended_at_ms": profile.suspended_at_ms}
    return user(profile) | times


def audit_entry(done: AuditEntry) -> dict[str, Any]:
    """schema.AuditEntry"""
    return {name: value for name, value in done._asdict().items() if value is not None}


def entry(seen: ConversationEntry) -> dict[str, Any]:
    """schema.ConversationEntry"""
    head = seen.head
    conversation: dict[str, Any] = {
        "conversation_id": head.conversation_id,
        "kind": head.kind,
        "title": head.title,
        **head.settings._asdict(),
        "created_at_ms": head.created_at_ms,
        "last_seq": head.last_seq,
        "message_count": head.message_count,
        "member_count": head.member_count,
        "pinned": list(head.pinned),
    }
    if seen.members is not None:
        conversation["members"] = members(seen.members)
    answer = {
        "conversation": conversation,
        "unread": head.unread(seen.me.user_id, seen.me.read_count),
        "unread_mentions": seen.me.unread_mentions,
        "read_seq": seen.me.read_seq,
        "read_count": seen.me.read_count,
        "history_from": seen.me.history_from,
        "settings": seen.me.settings_by_name(),
    }
    if head.last_message and head.last_message["seq"] >= seen.me.history_from:
        answer["last_message"] = head.last_message
    return answer


def message_change(done: MessageChange) -> dict[str, Any]:
    """schema.ChangeAnswer"""
    return {"message": done.message} | ({"event": done.event} if done.event else {})


def conversation(seen: ConversationEntry, people: Iterable[User]) -> dict[str, Any]:
    """schema.ConversationAnswer"""
    return entry(seen) | {"users": users(people)}


def inbox(page: Inbox) -> dict[str, Any]:
    """schema.ConversationsAnswer"""
    answer = {"conversations": [entry(one) for one in page.entries], "users": users(page.users)}
    return answer | ({"next_cursor": page.next_cursor} if page.next_cursor else {})


def channel_preview(head: Head) -> dict[str, Any]:
    """schema.Preview"""
    return {
        "conversation_id": head.conversation_id,
        "title": head.title,
        "description": head.settings.description,
        "public": head.settings.public,
        "member_count": head.member_count,
    }


def invite(made: Invite) -> dict[str, Any]:
    """schema.Invite"""
    shape = made._asdict()
    del shape["conversation_id"], shape["revoked"]
    return shape


def members(people: Iterable[Member]) -> list[dict[str, Any]]:
    """schema.Member, several"""
    return [_member(person) for person in people]


def _member(member: Member) -> dict[str, Any]:
    return {
        "user_id": member.user_id,
        "role": member.role,
        "joined_seq": member.joined_seq,
        "read_seq": member.read_seq,
    }
