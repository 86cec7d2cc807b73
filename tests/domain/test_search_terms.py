# ruff: noqa: RUF001 - texts of many languages
"""Search terms of texts in many languages, and what a query matches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imchat.domain import search_terms
from imchat.domain.limits import TITLE_CHARS
from imchat.domain.search_terms import (
    TERM_CHARS,
    common_prefix,
    index_terms,
    longest_term,
    matches,
    query_terms,
)

MATCHING = [
    ("Straße nach München", "strasse"),
    ("Straße nach München", "MUNCHEN"),
    ("¿Mañana…?", "manana"),
    ("coração", "coracao"),
    ("L’élève a réussi", "eleve"),
    ("I don’t know", "don't"),
    ("Ещё раз", "еще"),
    ("Мой", "мои"),
    ("Καλημέρα, ο λόγος", "καλημερα"),
    ("Καλημέρα, ο λόγος", "ΛΟΓΟΣ"),
    ("ISI", "isı"),
    ("ısı", "isı"),
    ("İstanbul", "istanbul"),
    ("smørrebrød Łódź", "smorrebrod lodz"),
    ("الكِتَابُ الجديد", "كتاب"),
    ("أحمد إلى", "احمد الي"),
    ("مدرسة", "مدرسه"),
    ("سنة ٢٠٢٤", "2024"),
    ("שָׁלוֹם", "שלום"),
    ("אני בבית", "בית"),
    ("צה״ל", "צהל"),
    ("צה״ל", 'צה"ל'),
    ("यह पुल है", "पुल"),
    ("ज़रूर हाँ", "जरूर हां"),
    ("कक्षा ५", "5"),
    ("ខ្ញុំទៅផ្សារ", "ផ្សារ"),
    ("မင်္ဂလာပါ", "လာပါ"),
    ("我在东京都工作", "东京"),
    ("我在东京都工作", "工"),
    ("ガッコウで", "がっこう"),
    ("ｶﾞｯｺｳ", "ガッコウ"),
    ("Ｈｅｌｌｏ１２３", "hello123"),
    ("ฉันไม่ได้ไปโรงเรียน", "โรงเรียน"),
    ("우리학교", "학교"),
    ("한국", "한국"),
    ("👍🏽", "👍"),
    ("❤️", "❤"),
    ("👩\u200d👩\u200d👧", "👧"),
    ("#ReleaseDay", "#releaseday"),
    ("#ReleaseDay", "day"),
    ("https://www.example.com/a_b", "example.com"),
    ("https://www.example.com/a_b", "exam"),
    ("getUserName() HTTPServer", "username"),
    ("getUserName() HTTPServer", "server"),
    ("get_user_name, src/app/main.py", "user_name"),
    ("get_user_name, src/app/main.py", "app/main"),
    ("v3.40.1", "v3.40"),
    ("1,234.50", "1,234"),
    ("C++ devs", "c++"),
]
OTHERS = [
    ("Straße nach München", "muenchen"),
    ("我在东京都工作", "京东"),
    ("東京 都庁", "東京都"),
    ("I do not", "don't"),
    ("かく", "がく"),
    ("ฉันไม่ได้", "ไม้"),
    ("यह पुल है", "पल"),
    ("getUserName() HTTPServer", "sername"),
    ("1,234.50", "1234"),
    ("example net com", "example.com"),
    ("abc", ""),
    ("abc", "!!"),
]


def found_by_index(text: str, query: str) -> bool:
    """Return whether the index of a text has every term of a query."""
    terms = index_terms(text, limit=1_000)
    return all(
        any(known.startswith(term.text) if term.is_prefix else known == term.text for known in terms)
        for term in query_terms(query)
    )


@pytest.mark.parametrize(("text", "query"), MATCHING, ids=ascii)
def test_a_query_finds_the_text(text: str, query: str) -> None:
    assert matches(text, query)
    assert found_by_index(text, query)


@pytest.mark.parametrize(("text", "query"), OTHERS, ids=ascii)
def test_a_query_does_not_find_another_text(text: str, query: str) -> None:
    assert not matches(text, query)


@given(st.text(max_size=40), st.text(max_size=12))
def test_the_index_has_every_text_that_matches(text: str, query: str) -> None:
    assert not matches(text, query) or found_by_index(text, query)


@given(st.text(max_size=40), st.data())
def test_a_text_is_found_by_the_beginning_of_each_of_its_words(text: str, data: st.DataObject) -> None:
    words = [word for word in text.split() if query_terms(word)]
    if words:
        word = data.draw(st.sampled_from(words))
        assert matches(text, word)


@given(st.text(max_size=60))
def test_a_look_up_reads_the_partition_of_its_terms(text: str) -> None:
    term = longest_term(text)
    for known in index_terms(text, limit=1_000):
        assert known.isprintable() or known
        assert "#" not in known
        if term is not None and term.is_prefix and known.startswith(term.text):
            assert len(term.text) == 1 or common_prefix(known) == common_prefix(term.text)


def test_a_term_always_fits_a_sort_key() -> None:
    for term in index_terms("\N{SQUARE KIROGURAMU}" * TITLE_CHARS + "\U0001d400" * 90, limit=1_000):
        assert len(term) <= TERM_CHARS
        assert len(f"{term}#{'g' * 64}".encode()) <= 1024


def test_unusual_characters_are_not_all_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_terms, "_MAX_FOLDED", 50)
    folded = search_terms._FoldedCharacters()
    assert [folded[ord(char)] for char in "\u00c9\u0158" for _ in range(2)] == ["e", "e", "r", "r"]
    for code in range(0x4E00, 0x4F00):
        assert folded[code]
    assert len(folded) == 50


def test_the_index_of_a_long_text_has_its_first_terms() -> None:
    assert index_terms("one two three", limit=2) == ["one", "two"]
