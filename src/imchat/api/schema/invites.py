"""Invites: links into a group."""

from __future__ import annotations

from typing import Annotated

from imchat.api.schema.base import Answer, Request
from imchat.api.schema.channels import Preview
from imchat.api.schema.fields import number
from imchat.domain import limits


class NewInvite(Request):
    """How long a link is good, and for how many; without them for ever, and for all."""

    expires_in_s: Annotated[int, number(limits.INVITE_S_MIN, limits.INVITE_S_MAX)] | None = None
    max_uses: Annotated[int, number(1, limits.INVITE_USES_MAX)] | None = None


class Invite(Answer):
    """A link that leads into a group. `expires_at_ms` and `max_uses` are null where there is no end to it."""

    invite_id: str
    created_by: str
    created_at_ms: int
    expires_at_ms: int | None
    max_uses: int | None
    uses: int


class NewInviteAnswer(Answer):
    """A new link. The token is shown this once."""

    invite: Invite
    token: str


class InvitesAnswer(Answer):
    """A group's links, oldest first."""

    invites: list[Invite]


class PreviewAnswer(Answer):
    """Where a link leads."""

    conversation: Preview
