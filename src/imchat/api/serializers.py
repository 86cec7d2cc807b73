"""Convert the results of services into response bodies. Tests validate the bodies with the schemas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from imchat.domain.conversation import Head
from imchat.domain.invite import Invite
from imchat.domain.member import Member
from imchat.domain.user import User
from imchat.services.conversations import Conversation, ConversationEntry, Inbox
from imchat.services.message_actions import MessageChange
from imchat.services.messages import EventPage
from imchat.storage.repositories.audit import AuditEntry


def user(profile: User) -> dict[str, Any]:
    """Return a `schema.User`."""
    return {"user_id": profile.user_id, "handle": profile.handle, "display_name": profile.display_name}


def users(profiles: Iterable[User]) -> list[dict[str, Any]]:
    """Return a list of `schema.User`."""
    return [user(profile) for profile in profiles]


def me(profile: User) -> dict[str, Any]:
    """Return a `schema.Me`."""
    return (
        user(profile)
        | {"created_at_ms": profile.created_at_ms, "show_presence": profile.show_presence}
        | {"group_additions": profile.group_additions}
        | {"suspended": profile.suspended_at_ms is not None}
    )


def user_for_admin(profile: User) -> dict[str, Any]:
    """Return a `schema.AdminUser`."""
    times = {"created_at_ms": profile.created_at_ms, "suspended_at_ms": profile.suspended_at_ms}
    return user(profile) | times


def audit_entry(entry: AuditEntry) -> dict[str, Any]:
    """Return a `schema.AuditEntry`."""
    return {name: value for name, value in entry.to_dict().items() if value is not None}


def event_page(page: EventPage) -> dict[str, Any]:
    """Return a `schema.EventsResponse`."""
    return {name: value for name, value in page.to_dict().items() if value is not None}


def conversation_entry(entry: ConversationEntry) -> dict[str, Any]:
    """Return a `schema.ConversationEntry`."""
    head = entry.head
    conversation: dict[str, Any] = {
        "conversation_id": head.conversation_id,
        "kind": head.kind,
        "title": head.title,
        **head.settings.to_dict(),
        "created_at_ms": head.created_at_ms,
        "last_seq": head.last_seq,
        "message_count": head.message_count,
        "member_count": head.member_count,
        "pinned": list(head.pinned),
    }
    if entry.members is not None:
        conversation["members"] = members(entry.members)
    body = {
        "conversation": conversation,
        "unread": head.unread(entry.me.user_id, entry.me.read_count),
        "unread_mentions": entry.me.unread_mentions,
        "read_seq": entry.me.read_seq,
        "read_count": entry.me.read_count,
        "history_from": entry.me.history_from,
        "settings": entry.me.settings_by_name(),
    }
    if head.last_message:
        body["last_message"] = head.last_message
    return body


def message_change(change: MessageChange) -> dict[str, Any]:
    """Return a `schema.ChangeResponse`."""
    return {"message": change.message} | ({"event": change.event} if change.event else {})


def conversation(found: Conversation) -> dict[str, Any]:
    """Return a `schema.ConversationResponse`."""
    return conversation_entry(found) | {"users": users(found.users)}


def inbox(page: Inbox) -> dict[str, Any]:
    """Return a `schema.ConversationsResponse`."""
    body = {
        "conversations": [conversation_entry(entry) for entry in page.entries],
        "users": users(page.users),
    }
    return body | ({"next_cursor": page.next_cursor} if page.next_cursor else {})


def channel_preview(head: Head) -> dict[str, Any]:
    """Return a `schema.Preview`."""
    return {
        "conversation_id": head.conversation_id,
        "title": head.title,
        "description": head.settings.description,
        "public": head.settings.public,
        "member_count": head.member_count,
    }


def invite(invite: Invite) -> dict[str, Any]:
    """Return a `schema.Invite`."""
    body = invite.to_dict()
    del body["conversation_id"], body["revoked"]
    return body


def members(members: Iterable[Member]) -> list[dict[str, Any]]:
    """Return a list of `schema.Member`."""
    return [_member(member) for member in members]


def _member(member: Member) -> dict[str, Any]:
    return {
        "user_id": member.user_id,
        "role": member.role,
        "joined_seq": member.joined_seq,
        "read_seq": member.read_seq,
    }
