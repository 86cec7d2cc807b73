"""The search terms of channel titles."""

from __future__ import annotations

import pytest

from imchat.domain.limits import TITLE_CHARS
from imchat.domain.search_terms import tokenize


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Team CHAT, team_2!", ["team", "chat", "team_2"]),
        ("a b", []),
        ("हिन्दी में", ["हिन्दी", "में"]),  # its vowel signs are marks
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}bc wide", ["abc", "wide"]),
    ],
)
def test_a_title_is_split_into_these_words(title: str, words: list[str]) -> None:
    assert tokenize(title) == words


def test_a_normalized_word_always_fits_a_sort_key() -> None:
    [word] = tokenize("\N{SQUARE KIROGURAMU}" * TITLE_CHARS)
    assert len(f"{word}#{'g' * 64}".encode()) <= 1024
