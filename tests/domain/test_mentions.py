"""Which words of a text mean people."""

from __future__ import annotations

import time

import pytest

from imchat.domain.ids import UserId
from imchat.domain.limits import HANDLE_MAX, MENTIONS_MAX
from imchat.domain.mentions import handles_in, mentions_in

LONGEST = "l" * HANDLE_MAX
KNOWN = {
    "ann": UserId("a"),
    "bob.": UserId("b"),
    "o.k": UserId("o"),
    "eve": UserId("e"),
    LONGEST: UserId("l"),
}
MEMBERS = {UserId("a"), UserId("b"), UserId("o"), UserId("l")}


@pytest.mark.parametrize(
    ("body", "mentioned"),
    [
        ("@ann", {"ann": "a"}),
        ("Ask @Ann, please", {"ann": "a"}),
        ("(@ann's)", {"ann": "a"}),
        ("It was @ann...", {"ann": "a"}),
        ("@bob. and @o.k.", {"bob.": "b", "o.k": "o"}),
        ("@bob", {}),
        ("@eve, who is no member", {}),
        ("@annabel", {}),
        ("mail ann@ann.example", {}),
        ("@ann@example.org", {}),
        ("/@ann", {}),
        ("@an", {}),
        ("@" + "l" * 31, {}),
        ("@" + LONGEST + ".l", {}),
        ("@@ann", {}),
    ],
)
def test_a_mention_is_a_word_of_its_own_that_names_a_member(body: str, mentioned: dict[str, str]) -> None:
    assert mentions_in(body, {h: KNOWN[h] for h in handles_in(body) if h in KNOWN}, MEMBERS) == mentioned


@pytest.mark.parametrize("stops", ["", ".", "...", ". And", "." * 9_000])
def test_the_longest_handle_there_may_be_is_found_at_the_end_of_a_sentence_too(stops: str) -> None:
    body = f"Ask @{LONGEST}{stops}"
    assert handles_in(body)[-1] == LONGEST
    assert mentions_in(body, KNOWN, MEMBERS) == {LONGEST: "l"}


@pytest.mark.parametrize(
    "body", ["@ann你好", "你好@ann", "你好@ann你好", "@annさん。", "问@ann。", "é@ann", "@ann\u0661."]
)
def test_where_words_are_written_without_spaces_people_can_be_mentioned(body: str) -> None:
    assert mentions_in(body, KNOWN, MEMBERS) == {"ann": "a"}


@pytest.mark.parametrize(
    "body",
    [
        "@aaa" + "." * 200_000 + "@",
        "@" + "a" * 200_000 + "@",
        "@" + "a." * 100_000 + "@",
        "@aaa@" * 40_000,
        "@" * 200_000,
    ],
    ids=lambda body: body[:6],
)
def test_looking_for_mentions_takes_no_longer_than_in_proportion_to_the_text(body: str) -> None:
    begun_s = time.process_time()
    assert handles_in(body) == []
    assert time.process_time() - begun_s < 1, "milliseconds, or minutes"


def test_a_text_full_of_handles_makes_a_bounded_number_of_them() -> None:
    body = " ".join(f"@person{number}." for number in range(10 * MENTIONS_MAX))
    assert len(handles_in(body)) == 2 * MENTIONS_MAX
