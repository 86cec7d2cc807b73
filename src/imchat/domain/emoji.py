"""Validate emoji: exactly those that Unicode recommends for general interchange, including sequences."""

from __future__ import annotations

from functools import cache

from imchat.errors import Invalid

_VARIATION_SELECTOR = "\ufe0f"
"""Selects the colour form. Some keyboards omit it, so comparisons ignore it."""


def check_emoji(text: str) -> str:
    """Return the fully qualified form of an emoji. Raises: Invalid unless `text` is exactly one emoji."""
    emoji = _emoji_by_bare_form().get(text.replace(_VARIATION_SELECTOR, ""))
    if emoji is None:
        raise Invalid("emoji must be exactly one emoji", field="emoji", limit="one emoji")
    return emoji


@cache
def _emoji_by_bare_form() -> dict[str, str]:
    from imchat.domain.emoji_table import SEQUENCES  # noqa: PLC0415 - about 60 KB that only reactions need

    return {emoji.replace(_VARIATION_SELECTOR, ""): emoji for emoji in SEQUENCES.split()}
