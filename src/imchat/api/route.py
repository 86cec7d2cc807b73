"""What a row of the route table is made of: the call that comes in, the reply that goes out, the route itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from imchat.api import schema
from imchat.domain.ids import ConversationId, SignInId, UserId
from imchat.domain.limits import SEQ_MAX
from imchat.services.app import App

CONVERSATION: Final = "/conversations/{conversation_id}"
"""Where most paths begin."""
EMOJI: Final = "{emoji}"
"""The one parameter of a path that is no id."""


class RequestContext(NamedTuple):
    """One request, checked: who asks, the path's parameters, the query and the body as the route's models, their sign-in."""

    app: App
    user_id: UserId
    path: Mapping[str, str]
    query: Any
    body: Any
    sign_in: SignInId | None = None

    @property
    def conversation_id(self) -> ConversationId:
        """The conversation that the path names."""
        return ConversationId(self.path["conversation_id"])

    @property
    def seq(self) -> int:
        """The event that the path names; 0, which none has, where it is no number."""
        text = self.path["seq"]
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(SEQ_MAX)) else 0

    @property
    def member_id(self) -> UserId:
        """The person that the path names."""
        return UserId(self.path["user_id"])


class Response(NamedTuple):
    """An answer and its status."""

    status: int
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """`path` lies under `/api`; `{name}` stands for one id, `{emoji}` for any text.

    `statuses` are those of success, `errors` those of refusal. `admin`: for administrators only.
    `suspended`: those who are suspended are refused before the action, seen by it in what it reads anyway, or served.
    `always`: not counted among what a person asks for, and so never too much. For what protects them, and what nobody gains
    by asking for often: a flood that used the rate up, another's with a stolen token too, must not keep them from it.
    """

    method: str
    path: str
    summary: str
    action: Callable[[RequestContext], Response]
    answer: type[schema.Answer]
    body: type[schema.Request] | None = None
    query: type[schema.Query] | None = None
    statuses: tuple[int, ...] = (200,)
    errors: tuple[int, ...] = ()
    open: bool = False
    admin: bool = False
    suspended: Literal["refused", "seen", "served"] = "refused"
    always: bool = False
