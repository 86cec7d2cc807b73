"""What an emoji is: exactly what Unicode recommends for interchange, whole sequences included."""

from __future__ import annotations

from functools import cache

from imchat.errors import Invalid

_VARIATION_SELECTOR = "\ufe0f"
"""Asks for the colourful form. Keyboards leave it out here and there, so it makes no difference."""


def check_emoji(text: str) -> str:
    """Return the emoji as Unicode writes it in full. Raises: Invalid unless `text` is one, and only one."""
    emoji = _by_bare_form().get(text.replace(_VARIATION_SELECTOR, ""))
    if emoji is None:
        raise Invalid("emoji must be one emoji", field="emoji", limit="one emoji")
    return emoji


@cache
def _by_bare_form() -> dict[str, str]:
    from imchat.domain.emoji_table import SEQUENCES  # noqa: PLC0415 - some 60 KB that only reactions need

    return {emoji.replace(_VARIATION_SELECTOR, ""): emoji for emoji in SEQUENCES.split()}
