"""A person as others see them."""

from __future__ import annotations

from dataclasses import dataclass

from imchat.domain.ids import UserId


@dataclass(frozen=True, slots=True)
class User:
    """A profile. `handle` and `display_name` are None until the person has chosen them.

    `last_seen_ms` is when one of their devices went last; others learn of it only with `show_presence`.
    `suspended_at_ms` is since when an administrator keeps them out.
    """

    user_id: UserId
    handle: str | None
    display_name: str | None
    created_at_ms: int
    show_presence: bool = True
    last_seen_ms: int | None = None
    suspended_at_ms: int | None = None
