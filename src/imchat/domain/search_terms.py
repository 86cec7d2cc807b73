"""The words by which a public channel is found."""

from __future__ import annotations

from typing import Final
from unicodedata import category, normalize

from imchat.domain.limits import CHANNEL_WORDS, PREFIX_MIN

_MAX_WORD_CHARS: Final = 100
"""Characters of a word that count: a title of few may unfold to many, and a sort key holds 1,024 bytes."""


def tokenize(text: str) -> list[str]:
    """The first `CHANNEL_WORDS` different words of two letters or more, without case or other differences of writing."""
    plain = normalize("NFKC", text).casefold()
    found = "".join(char if _is_word_char(char) else " " for char in plain).split()
    return list(dict.fromkeys(word[:_MAX_WORD_CHARS] for word in found if len(word) >= PREFIX_MIN))[
        :CHANNEL_WORDS
    ]


def _is_word_char(char: str) -> bool:
    """Whether a word may hold it: also the vowel signs that many scripts write as marks on their letters."""
    return char.isalnum() or char == "_" or category(char).startswith("M")
