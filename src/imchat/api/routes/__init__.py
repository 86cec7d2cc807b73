"""THE route table: every HTTP route, what it takes, what it answers, and the service behind it; a module for each area."""

from __future__ import annotations

from typing import Final

from imchat.api.routes import (
    administration,
    conversations,
    groups,
    joining,
    messages,
    people,
    realtime,
    safety,
)

ROUTES: Final = (
    *people.ROUTES,
    *conversations.ROUTES,
    *groups.ROUTES,
    *joining.ROUTES,
    *messages.ROUTES,
    *realtime.ROUTES,
    *safety.ROUTES,
    *administration.ROUTES,
)
