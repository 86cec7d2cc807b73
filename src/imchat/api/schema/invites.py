"""Schemas for invites."""

from __future__ import annotations

from typing import Annotated

from imchat.api.schema.base import Request, ResponseModel
from imchat.api.schema.channels import Preview
from imchat.api.schema.fields import number
from imchat.domain import limits


class NewInvite(Request):
    """A new invite: when it expires and how many users can join with it. Omitted: never, and any number."""

    expires_in_s: Annotated[int, number(limits.INVITE_S_MIN, limits.INVITE_S_MAX)] | None = None
    max_uses: Annotated[int, number(1, limits.INVITE_USES_MAX)] | None = None


class Invite(ResponseModel):
    """An invite to a group. `expires_at_ms` is null if it never expires, `max_uses` if its uses are not limited."""

    invite_id: str
    created_by: str
    created_at_ms: int
    expires_at_ms: int | None
    max_uses: int | None
    uses: int


class NewInviteResponse(ResponseModel):
    """A new invite. This is the only response that contains the token."""

    invite: Invite
    token: str


class InvitesResponse(ResponseModel):
    """The invites of a group, oldest first."""

    invites: list[Invite]


class PreviewResponse(ResponseModel):
    """The group of an invite."""

    conversation: Preview
