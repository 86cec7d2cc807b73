"""One method per API route.

Entries, users and invites are dicts as in `docs/protocol.md`; events have the types of `protocol.py`. Requests are
retried while the server cannot be reached, except where the docstring says otherwise. Every method raises the
`imchat.errors` that the server returns.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias
from urllib.parse import quote

from imchat.client.http import MAX_ATTEMPTS, HttpClient
from imchat.client.protocol import Event
from imchat.domain.conversation import History, Posting
from imchat.domain.member import Role
from imchat.domain.user import GroupAdditions
from imchat.errors import NotFound

Entry: TypeAlias = dict[str, Any]
User: TypeAlias = dict[str, Any]


class Api:
    """The API as used by one user, whose id is `user_id`."""

    def __init__(self, http: HttpClient, user_id: str) -> None:
        self.user_id = user_id
        self._http = http

    # -- users --

    async def me(self) -> User:
        """Return your own profile."""
        return dict((await self._http.request("GET", "/me"))["user"])

    async def update_profile(
        self,
        *,
        handle: str | None = None,
        display_name: str | None = None,
        show_presence: bool | None = None,
        group_additions: GroupAdditions | None = None,
    ) -> User:
        """Change the handle, display name, presence visibility or who may add you to groups; omitted fields stay unchanged."""
        change = _without_none(
            handle=handle,
            display_name=display_name,
            show_presence=show_presence,
            group_additions=group_additions,
        )
        return dict((await self._http.request("PATCH", "/me", change))["user"])

    async def user(self, user_id: str) -> User:
        """Return the profile of a user."""
        return dict((await self._http.request("GET", f"/users/{_quoted(user_id)}"))["user"])

    async def users_by_id(self, user_ids: Sequence[str]) -> list[User]:
        """Return the profiles of up to 100 users."""
        return list((await self._http.request("GET", "/users", query={"ids": ",".join(user_ids)}))["users"])

    async def find_users(self, prefix: str) -> list[User]:
        """Return users whose handle starts with `prefix`."""
        return list((await self._http.request("GET", "/users", query={"prefix": prefix}))["users"])

    async def block(self, user_id: str) -> None:
        """Block a user: no direct messages, mentions or presence between you."""
        await self._http.request("PUT", f"/blocks/{_quoted(user_id)}")

    async def unblock(self, user_id: str) -> None:
        """Unblock a user."""
        await self._http.request("DELETE", f"/blocks/{_quoted(user_id)}")

    def blocks(self) -> AsyncIterator[dict[str, Any]]:
        """Iterate over the users you blocked: `user_id` and `blocked_at_ms`."""
        return self._pages("/blocks", "blocks")

    # -- conversations --

    def inbox(self) -> AsyncIterator[Entry]:
        """Iterate over your conversations as entries."""
        return self._pages("/conversations", "conversations")

    async def conversation(self, conversation_id: str) -> Entry:
        """Return one conversation, with its members and `users`."""
        return await self._http.request("GET", conversation_path(conversation_id))

    async def create_direct(self, user_id: str) -> Entry:
        """Return the direct conversation with a user, created if missing."""
        return await self._http.request("POST", "/conversations", {"kind": "direct", "member_ids": [user_id]})

    async def create_group(self, user_ids: Sequence[str], title: str | None = None) -> Entry:
        """Create a group with these users. Not retried: a retry could create a second group."""
        body = {"kind": "group", "member_ids": list(user_ids), "title": title}
        return await self._http.request("POST", "/conversations", body, max_attempts=1)

    async def update_settings(
        self,
        conversation_id: str,
        *,
        muted: bool | None = None,
        archived: bool | None = None,
        pinned: bool | None = None,
        marked_unread: bool | None = None,
    ) -> dict[str, bool]:
        """Change your own settings of a conversation; omitted settings stay unchanged. Returns all of them."""
        change = _without_none(muted=muted, archived=archived, pinned=pinned, marked_unread=marked_unread)
        return dict(
            (await self._http.request("PATCH", conversation_path(conversation_id, "me"), change))["settings"]
        )

    async def mark_read(self, conversation_id: str, seq: int) -> dict[str, int]:
        """Mark events up to `seq` as read. Returns `read_seq`, `unread` and `unread_mentions`."""
        return await self._http.request("PUT", conversation_path(conversation_id, "read"), {"seq": seq})

    # -- groups --

    async def update_group(
        self,
        conversation_id: str,
        *,
        title: str | None = None,
        description: str | None = None,
        posting: Posting | None = None,
        history: History | None = None,
        public: bool | None = None,
    ) -> Entry:
        """Change a group; omitted fields stay unchanged, an empty description removes it."""
        change = _without_none(
            title=title, description=description, posting=posting, history=history, public=public
        )
        return await self._http.request("PATCH", conversation_path(conversation_id), change)

    def members(self, conversation_id: str) -> AsyncIterator[dict[str, Any]]:
        """Iterate over all members: `user_id`, `role`, `joined_seq`, `read_seq`."""
        return self._pages(conversation_path(conversation_id, "members"), "members")

    async def add_members(self, conversation_id: str, user_ids: Sequence[str]) -> Entry:
        """Add up to 100 users to a group."""
        return await self._http.request(
            "POST", conversation_path(conversation_id, "members"), {"user_ids": list(user_ids)}
        )

    async def set_role(self, conversation_id: str, user_id: str, role: Role) -> Entry:
        """Make a member an owner, an admin or a plain member."""
        return await self._http.request(
            "PATCH", conversation_path(conversation_id, "members", user_id), {"role": role}
        )

    async def remove_member(self, conversation_id: str, user_id: str) -> None:
        """Remove a member from a group. After a retry, NotFound can mean that the first attempt succeeded."""
        await self._http.request("DELETE", conversation_path(conversation_id, "members", user_id))

    async def leave(self, conversation_id: str, *, block: str | None = None) -> None:
        """Leave a group, and block the user with the id `block` in the same step, such as the user who added you."""
        path = conversation_path(conversation_id, "members", self.user_id)
        with suppress(NotFound):  # the response of an earlier attempt was lost
            await self._http.request("DELETE", path, query=_without_none(block=block))

    # -- invites and channels --

    async def create_invite(
        self, conversation_id: str, *, expires_in_s: int | None = None, max_uses: int | None = None
    ) -> dict[str, Any]:
        """Create an invite link. Returns `invite` and its `token`, which is not shown again.

        Not retried: a retry could create a second invite.
        """
        body = _without_none(expires_in_s=expires_in_s, max_uses=max_uses)
        return await self._http.request(
            "POST", conversation_path(conversation_id, "invites"), body, max_attempts=1
        )

    async def invites(self, conversation_id: str) -> list[dict[str, Any]]:
        """Return the invites of a group, oldest first."""
        return list(
            (await self._http.request("GET", conversation_path(conversation_id, "invites")))["invites"]
        )

    async def revoke_invite(self, conversation_id: str, invite_id: str) -> None:
        """Revoke an invite."""
        await self._http.request("DELETE", conversation_path(conversation_id, "invites", invite_id))

    async def preview_invite(self, token: str) -> dict[str, Any]:
        """Return the group of an invite, as shown to someone who has not joined yet."""
        return dict((await self._http.request("GET", f"/invites/{_quoted(token)}"))["conversation"])

    async def accept_invite(self, token: str) -> Entry:
        """Join a group with an invite."""
        return await self._http.request("POST", f"/invites/{_quoted(token)}/accept")

    async def find_channels(self, text: str) -> list[dict[str, Any]]:
        """Return public channels whose title has words starting with each word of `text`."""
        return list((await self._http.request("GET", "/channels", query={"q": text}))["channels"])

    async def join_channel(self, conversation_id: str) -> Entry:
        """Join a public channel."""
        return await self._http.request("POST", conversation_path(conversation_id, "join"))

    # -- messages --

    async def read_events(
        self, conversation_id: str, *, after: int | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[list[Event], bool]:
        """Return a page of the log in ascending order, and whether there are more. Without bounds, the newest page."""
        query = _without_none(after=after, before=before, limit=limit)
        page = await self._http.request("GET", conversation_path(conversation_id, "events"), query=query)
        return page["events"], page["has_more"]

    async def read_events_around(
        self, conversation_id: str, seq: int, *, limit: int = 50
    ) -> tuple[list[Event], bool, bool]:
        """Return event `seq` with the events next to it, and whether there are more before and after them."""
        query = {"around": seq, "limit": limit}
        page = await self._http.request("GET", conversation_path(conversation_id, "events"), query=query)
        return page["events"], page["has_before"], page["has_after"]

    async def edit(self, conversation_id: str, seq: int, body: str) -> None:
        """Change the text of your message `seq`."""
        await self._http.request("PATCH", conversation_path(conversation_id, "messages", seq), {"body": body})

    async def delete(self, conversation_id: str, seq: int) -> None:
        """Delete message `seq`; a tombstone remains."""
        await self._http.request("DELETE", conversation_path(conversation_id, "messages", seq))

    async def react(self, conversation_id: str, seq: int, emoji: str) -> None:
        """Add a reaction to message `seq`."""
        await self._http.request(
            "PUT", conversation_path(conversation_id, "messages", seq, "reactions", emoji)
        )

    async def unreact(self, conversation_id: str, seq: int, emoji: str) -> None:
        """Remove your reaction from message `seq`."""
        await self._http.request(
            "DELETE", conversation_path(conversation_id, "messages", seq, "reactions", emoji)
        )

    async def pin(self, conversation_id: str, seq: int) -> None:
        """Pin message `seq` for all members."""
        await self._http.request("PUT", conversation_path(conversation_id, "messages", seq, "pin"))

    async def unpin(self, conversation_id: str, seq: int) -> None:
        """Unpin message `seq`."""
        await self._http.request("DELETE", conversation_path(conversation_id, "messages", seq, "pin"))

    async def pinned_messages(self, conversation_id: str) -> list[Event]:
        """Return the pinned messages as events, most recently pinned last."""
        return list((await self._http.request("GET", conversation_path(conversation_id, "pins")))["events"])

    # -- presence --

    async def presence(
        self, conversation_id: str, user_ids: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return who is online or was last seen when, of `user_ids` or all members who share their presence."""
        query = None if user_ids is None else {"user_ids": ",".join(user_ids)}
        return list(
            (await self._http.request("GET", conversation_path(conversation_id, "presence"), query=query))[
                "presence"
            ]
        )

    async def watch_presence(self, conversation_id: str, user_ids: Sequence[str]) -> dict[str, Any]:
        """Return the presence of a few members and subscribe to their `presence` frames until `until_ms`."""
        body = {"user_ids": list(user_ids)}
        return await self._http.request("PUT", conversation_path(conversation_id, "presence", "watch"), body)

    async def _pages(
        self, path: str, field: str, max_attempts: float = MAX_ATTEMPTS
    ) -> AsyncIterator[dict[str, Any]]:
        query: Mapping[str, object] = {}
        while True:
            page = await self._http.request("GET", path, query=query, max_attempts=max_attempts)
            for item in page[field]:
                yield item
            if "next_cursor" not in page:
                return
            query = {"cursor": page["next_cursor"]}


def conversation_path(conversation_id: str, *parts: str | int) -> str:
    """Return the path of a conversation, or of a resource below it."""
    return "/".join(["/conversations", _quoted(conversation_id), *(_quoted(str(part)) for part in parts)])


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _without_none(**values: object) -> dict[str, object]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}
