"""`Route`, a row of the route table; the checked request that its handler gets; the response that it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from imchat.api import schema
from imchat.domain.ids import ConversationId, SignInId, UserId
from imchat.domain.limits import SEQ_MAX
from imchat.services.app import App

CONVERSATION: Final = "/conversations/{conversation_id}"
"""The prefix of most route paths."""
EMOJI: Final = "{emoji}"
"""The only path parameter that is not an id."""

Access: TypeAlias = Literal["public", "user", "member", "author", "manager", "owner", "admin"]
"""Who may call a route; `ACCESS` describes each.

`dispatch` checks `public`, `user` and `admin`. Services check the others, because programs that use imchat as a library
call them directly. `tests/api/test_access.py` tests every route against its declaration.
"""
ACCESS: Final[Mapping[Access, str]] = {
    "public": "everyone, also without signing in",
    "user": "everyone who is signed in",
    "member": "members of the conversation in the path",
    "author": "members; a message only by its author (its deletion also by the group's owners and admins)",
    "manager": "owners and admins of the group; in a direct conversation both members, where it has the feature",
    "owner": "owners of the group",
    "admin": "administrators of the site",
}
"""The meaning of each access. `make generate` writes it into docs/protocol.md."""


class RequestContext(NamedTuple):
    """A checked request: the caller, the path parameters, the query and body as the route's models, and the sign-in."""

    app: App
    user_id: UserId
    path: Mapping[str, str]
    query: Any
    body: Any
    sign_in: SignInId | None = None

    @property
    def conversation_id(self) -> ConversationId:
        """The conversation in the path."""
        return ConversationId(self.path["conversation_id"])

    @property
    def seq(self) -> int:
        """The event number in the path; 0, which no event has, if it is not a number."""
        text = self.path["seq"]
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(SEQ_MAX)) else 0

    @property
    def other_id(self) -> UserId:
        """The other user, named in the path."""
        return UserId(self.path["user_id"])


class Response(NamedTuple):
    """A status and a JSON body."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of the route table. `access` is required.

    `path` is relative to `/api`; `{name}` is one id, `{emoji}` any text. `success` lists the success statuses, `errors` the
    error statuses besides those of every route. `suspended` says how suspended users are treated: refused before the
    handler runs (`refused`), refused by the membership that the handler reads anyway (`by_member`), or served (`served`).
    `rate_limited=False` is for routes that protect users and are useless for abuse: a user whose rate is used up, perhaps
    by a stolen token, can still sign out and block.
    """

    method: str
    path: str
    access: Access
    summary: str
    handler: Callable[[RequestContext], Response]
    response_model: type[schema.ResponseModel]
    request_model: type[schema.Request] | None = None
    query_model: type[schema.Query] | None = None
    success: tuple[int, ...] = (200,)
    errors: tuple[int, ...] = ()
    suspended: Literal["refused", "by_member", "served"] = "refused"
    rate_limited: bool = True

    @property
    def has_rate_limit(self) -> bool:
        """Whether requests count towards a rate limit of the user: reads by their size, other requests one by one."""
        return self.rate_limited and self.access != "public"

    def __post_init__(self) -> None:
        """Raises: ValueError for an unknown `access`, and for one that does not fit the path."""
        if self.access not in ACCESS:
            raise ValueError(f"{self.method} {self.path}: access must be one of {', '.join(ACCESS)}")
        in_conversation = self.path.startswith(CONVERSATION)
        if self.access in {"member", "author", "manager", "owner"} and not in_conversation:
            raise ValueError(
                f"{self.method} {self.path}: access {self.access!r} needs a conversation in the path"
            )
        if self.access == "public" and in_conversation:
            raise ValueError(f"{self.method} {self.path}: a conversation is never public")
