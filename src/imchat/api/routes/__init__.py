"""THE route table: every HTTP route, what it takes, what it answers, and the service behind it; a module for each area."""

from __future__ import annotations

from typing import Final

from imchat.api.routes import admin, blocks, conversations, groups, joining, messages, realtime, users

ROUTES: Final = (
    *users.ROUTES,
    *conversations.ROUTES,
    *groups.ROUTES,
    *joining.ROUTES,
    *messages.ROUTES,
    *realtime.ROUTES,
    *blocks.ROUTES,
    *admin.ROUTES,
)
