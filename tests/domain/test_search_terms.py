"""The words by which a public channel is found."""

from __future__ import annotations

import pytest

from imchat.domain.limits import TITLE_CHARS
from imchat.domain.search_terms import tokenize


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Team CHAT, team_2!", ["team", "chat", "team_2"]),
        ("a b", []),
        ("हिन्दी में", ["हिन्दी", "में"]),  # its vowels are marks on its letters
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}bc wide", ["abc", "wide"]),
    ],
)
def test_a_title_has_these_words(title: str, words: list[str]) -> None:
    assert tokenize(title) == words


def test_a_word_fits_a_sort_key_whatever_its_letters_unfold_to() -> None:
    [word] = tokenize("\N{SQUARE KIROGURAMU}" * TITLE_CHARS)
    assert len(f"{word}#{'g' * 64}".encode()) <= 1024
