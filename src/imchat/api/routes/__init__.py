"""The route table: every HTTP route with its access, models and handler; one module for each noun."""

from __future__ import annotations

from typing import Final

from imchat.api.routes import (
    admin,
    blocks,
    channels,
    conversations,
    invites,
    members,
    messages,
    presence,
    realtime,
    users,
)

ROUTES: Final = (
    *users.ROUTES,
    *conversations.ROUTES,
    *members.ROUTES,
    *invites.ROUTES,
    *channels.ROUTES,
    *messages.ROUTES,
    *realtime.ROUTES,
    *presence.ROUTES,
    *blocks.ROUTES,
    *admin.ROUTES,
)
