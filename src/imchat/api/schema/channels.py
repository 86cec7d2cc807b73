"""Schemas for public channels and their directory."""

from __future__ import annotations

from imchat.api.schema.base import Query, ResponseModel
from imchat.api.schema.fields import Title


class ChannelsQuery(Query):
    """Words or beginnings of words. A channel must match all of them."""

    q: Title


class Preview(ResponseModel):
    """A group, as shown to users who can join it."""

    conversation_id: str
    title: str | None
    description: str | None
    public: bool
    member_count: int


class ChannelsResponse(ResponseModel):
    """The public channels found."""

    channels: list[Preview]
