"""Split text into search terms, to index and find public channels."""

from __future__ import annotations

from typing import Final
from unicodedata import category, normalize

from imchat.domain.limits import CHANNEL_WORDS, PREFIX_MIN

_MAX_WORD_CHARS: Final = 100
"""Longer words are cut: normalization can make a short title long, and a sort key has at most 1,024 bytes."""


def tokenize(text: str) -> list[str]:
    """Return the first `CHANNEL_WORDS` different words of at least two letters, in normalized, case-folded form."""
    plain = normalize("NFKC", text).casefold()
    found = "".join(char if _is_word_char(char) else " " for char in plain).split()
    return list(dict.fromkeys(word[:_MAX_WORD_CHARS] for word in found if len(word) >= PREFIX_MIN))[
        :CHANNEL_WORDS
    ]


def _is_word_char(char: str) -> bool:
    """Return whether a character can be part of a word. Includes vowel signs, which many scripts write as marks."""
    return char.isalnum() or char == "_" or category(char).startswith("M")
