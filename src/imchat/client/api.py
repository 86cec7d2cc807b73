"""What one does at an imchat, a method for each action and named as the service behind it: one request, its answer.

Entries, events, users and invites are dicts as in `docs/protocol.md`. What may be asked twice is asked again while the
server cannot be reached; the rest says so. Every method raises the errors of `imchat.errors` that the server answers with.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias
from urllib.parse import quote

from imchat.client.event_feed import Event
from imchat.client.http import ATTEMPTS, Http
from imchat.domain.conversation import History, Posting
from imchat.domain.member import Role
from imchat.errors import NotFound

Entry: TypeAlias = dict[str, Any]
User: TypeAlias = dict[str, Any]


class Actions:
    """One person's, over `http`; `user_id` is theirs."""

    def __init__(self, http: Http, user_id: str) -> None:
        self.user_id = user_id
        self._http = http

    # -- people --

    async def me(self) -> User:
        """One's own profile."""
        return dict((await self._http.ask("GET", "/me"))["user"])

    async def update_profile(
        self,
        *,
        handle: str | None = None,
        display_name: str | None = None,
        show_presence: bool | None = None,
    ) -> User:
        """Choose a handle, a name, whether others see one come and go; what is left out stays."""
        change = _given(handle=handle, display_name=display_name, show_presence=show_presence)
        return dict((await self._http.ask("PATCH", "/me", change))["user"])

    async def user(self, user_id: str) -> User:
        """Somebody's profile."""
        return dict((await self._http.ask("GET", f"/users/{_quoted(user_id)}"))["user"])

    async def users_by_id(self, user_ids: Sequence[str]) -> list[User]:
        """The profiles of up to 100 people."""
        return list((await self._http.ask("GET", "/users", query={"ids": ",".join(user_ids)}))["users"])

    async def find_users(self, prefix: str) -> list[User]:
        """People whose handle begins like that."""
        return list((await self._http.ask("GET", "/users", query={"prefix": prefix}))["users"])

    async def block(self, user_id: str) -> None:
        """Keep somebody away: no direct messages, no mentions, no presence."""
        await self._http.ask("PUT", f"/blocks/{_quoted(user_id)}")

    async def unblock(self, user_id: str) -> None:
        """Keep them away no longer."""
        await self._http.ask("DELETE", f"/blocks/{_quoted(user_id)}")

    def blocked(self) -> AsyncIterator[dict[str, Any]]:
        """Everybody whom one blocked: `user_id` and `blocked_at_ms`."""
        return self._pages("/blocks", "blocks")

    # -- conversations --

    def inbox(self) -> AsyncIterator[Entry]:
        """One's conversations, each as an entry."""
        return self._pages("/conversations", "conversations")

    async def conversation(self, conversation_id: str) -> Entry:
        """One conversation, with its members and `users`."""
        return await self._http.ask("GET", at(conversation_id))

    async def create_direct(self, user_id: str) -> Entry:
        """The direct conversation with somebody, begun if need be."""
        return await self._http.ask("POST", "/conversations", {"kind": "direct", "member_ids": [user_id]})

    async def create_group(self, user_ids: Sequence[str], title: str | None = None) -> Entry:
        """A new group with these people. Not asked twice: that would make two."""
        body = {"kind": "group", "member_ids": list(user_ids), "title": title}
        return await self._http.ask("POST", "/conversations", body, attempts=1)

    async def update_settings(
        self,
        conversation_id: str,
        *,
        muted: bool | None = None,
        archived: bool | None = None,
        pinned: bool | None = None,
        marked_unread: bool | None = None,
    ) -> dict[str, bool]:
        """Change what one chose for oneself of a conversation; what is left out stays. Returns all of it."""
        change = _given(muted=muted, archived=archived, pinned=pinned, marked_unread=marked_unread)
        return dict((await self._http.ask("PATCH", at(conversation_id, "me"), change))["settings"])

    async def mark_read(self, conversation_id: str, seq: int) -> dict[str, int]:
        """Everything up to event `seq` was seen. Returns `read_seq`, `unread` and `unread_mentions`."""
        return await self._http.ask("PUT", at(conversation_id, "read"), {"seq": seq})

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
        """Change what a group is; what is left out stays, an empty description takes it away."""
        change = _given(title=title, description=description, posting=posting, history=history, public=public)
        return await self._http.ask("PATCH", at(conversation_id), change)

    def members(self, conversation_id: str) -> AsyncIterator[dict[str, Any]]:
        """All members, however many: `user_id`, `role`, `joined_seq`, `read_seq`."""
        return self._pages(at(conversation_id, "members"), "members")

    async def add_members(self, conversation_id: str, user_ids: Sequence[str]) -> Entry:
        """Add up to 100 people to a group."""
        return await self._http.ask("POST", at(conversation_id, "members"), {"user_ids": list(user_ids)})

    async def set_role(self, conversation_id: str, user_id: str, role: Role) -> Entry:
        """Make a member an owner, an admin or a plain member."""
        return await self._http.ask("PATCH", at(conversation_id, "members", user_id), {"role": role})

    async def remove_member(self, conversation_id: str, user_id: str) -> None:
        """Remove somebody from a group. NotFound may also mean that an earlier try did it and its answer was lost."""
        await self._http.ask("DELETE", at(conversation_id, "members", user_id))

    async def leave(self, conversation_id: str) -> None:
        """Leave a group."""
        with suppress(NotFound):  # the answer of an earlier try was lost
            await self.remove_member(conversation_id, self.user_id)

    # -- joining --

    async def invite(
        self, conversation_id: str, *, expires_in_s: int | None = None, max_uses: int | None = None
    ) -> dict[str, Any]:
        """A new link into a group: `invite` and, shown this once, its `token`. Not asked twice: that would make two."""
        given = _given(expires_in_s=expires_in_s, max_uses=max_uses)
        return await self._http.ask("POST", at(conversation_id, "invites"), given, attempts=1)

    async def invites_of(self, conversation_id: str) -> list[dict[str, Any]]:
        """A group's links, oldest first."""
        return list((await self._http.ask("GET", at(conversation_id, "invites")))["invites"])

    async def revoke_invite(self, conversation_id: str, invite_id: str) -> None:
        """Let nobody in by that link any more."""
        await self._http.ask("DELETE", at(conversation_id, "invites", invite_id))

    async def preview_invite(self, token: str) -> dict[str, Any]:
        """The group that a link leads to, as those see it who might join."""
        return dict((await self._http.ask("GET", f"/invites/{_quoted(token)}"))["conversation"])

    async def accept_invite(self, token: str) -> Entry:
        """Join by a link."""
        return await self._http.ask("POST", f"/invites/{_quoted(token)}/accept")

    async def find_channels(self, text: str) -> list[dict[str, Any]]:
        """Public channels that match all these words, or how they begin."""
        return list((await self._http.ask("GET", "/channels", query={"q": text}))["channels"])

    async def join(self, conversation_id: str) -> Entry:
        """Join a public channel."""
        return await self._http.ask("POST", at(conversation_id, "join"))

    # -- messages --

    async def read(
        self, conversation_id: str, *, after: int | None = None, before: int | None = None, limit: int = 50
    ) -> tuple[list[Event], bool]:
        """A page of the log, ascending, and whether there is more in that direction; without bounds the newest."""
        query = _given(after=after, before=before, limit=limit)
        page = await self._http.ask("GET", at(conversation_id, "events"), query=query)
        return page["events"], page["has_more"]

    async def edit(self, conversation_id: str, seq: int, body: str) -> None:
        """Give one's message `seq` another text."""
        await self._http.ask("PATCH", at(conversation_id, "messages", seq), {"body": body})

    async def delete(self, conversation_id: str, seq: int) -> None:
        """Leave a tombstone of message `seq`."""
        await self._http.ask("DELETE", at(conversation_id, "messages", seq))

    async def react(self, conversation_id: str, seq: int, emoji: str) -> None:
        """React to message `seq` with one emoji."""
        await self._http.ask("PUT", at(conversation_id, "messages", seq, "reactions", emoji))

    async def unreact(self, conversation_id: str, seq: int, emoji: str) -> None:
        """Take one's reaction back."""
        await self._http.ask("DELETE", at(conversation_id, "messages", seq, "reactions", emoji))

    async def pin(self, conversation_id: str, seq: int) -> None:
        """Pin message `seq` for everybody."""
        await self._http.ask("PUT", at(conversation_id, "messages", seq, "pin"))

    async def unpin(self, conversation_id: str, seq: int) -> None:
        """Take its pin away."""
        await self._http.ask("DELETE", at(conversation_id, "messages", seq, "pin"))

    async def pinned(self, conversation_id: str) -> list[Event]:
        """The pinned messages as events, the last one pinned last."""
        return list((await self._http.ask("GET", at(conversation_id, "pins")))["events"])

    # -- presence --

    async def look(self, conversation_id: str, user_ids: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Which members, of `user_ids` or of all, are there, and were last; of those who show it."""
        query = None if user_ids is None else {"user_ids": ",".join(user_ids)}
        return list((await self._http.ask("GET", at(conversation_id, "presence"), query=query))["presence"])

    async def watch(self, conversation_id: str, user_ids: Sequence[str]) -> dict[str, Any]:
        """The same of a few; until `until_ms`, `presence` frames say when they come and go."""
        body = {"user_ids": list(user_ids)}
        return await self._http.ask("PUT", at(conversation_id, "presence", "watch"), body)

    async def _pages(
        self, path: str, field: str, attempts: float = ATTEMPTS
    ) -> AsyncIterator[dict[str, Any]]:
        query: Mapping[str, object] = {}
        while True:
            page = await self._http.ask("GET", path, query=query, attempts=attempts)
            for one in page[field]:
                yield one
            if "next_cursor" not in page:
                return
            query = {"cursor": page["next_cursor"]}


def at(conversation_id: str, *below: str | int) -> str:
    """The path of a conversation, or of what lies below it."""
    return "/".join(["/conversations", _quoted(conversation_id), *(_quoted(str(part)) for part in below)])


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _given(**values: object) -> dict[str, object]:
    """Those that are not left out."""
    return {name: value for name, value in values.items() if value is not None}
