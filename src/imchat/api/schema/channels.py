"""Public channels: their directory, and a group as someone sees it who might join."""

from __future__ import annotations

from imchat.api.schema.base import Answer, Query


class ChannelsQuery(Query):
    """Words, or how they begin; a channel has to match all of them."""

    q: str


class Preview(Answer):
    """A group as those see it who might join."""

    conversation_id: str
    title: str | None
    description: str | None
    public: bool
    member_count: int


class ChannelsAnswer(Answer):
    """Public channels."""

    channels: list[Preview]
