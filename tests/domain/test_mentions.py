"""Mentions in message bodies."""

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
        ("https://example.com/?u=@ann", {}),
        ("HTTP://example.com/#@ann", {}),
        ("(https://example.com/a,@ann)", {}),
        ("你好https://example.com/?@ann", {}),
        ("https://@ann", {}),
        ("https://example.com/?u=@ann @ann", {"ann": "a"}),
        ("<https://example.com>@ann", {"ann": "a"}),
        ("https://example.com\u3000@ann", {"ann": "a"}),
        ("xhttps://,@ann", {"ann": "a"}),
    ],
)
def test_a_mention_is_a_separate_word_with_a_members_handle(body: str, mentioned: dict[str, str]) -> None:
    assert mentions_in(body, {h: KNOWN[h] for h in handles_in(body) if h in KNOWN}, MEMBERS) == mentioned


@pytest.mark.parametrize("stops", ["", ".", "...", ". And", "." * 9_000])
def test_the_longest_handle_is_found_before_full_stops(stops: str) -> None:
    body = f"Ask @{LONGEST}{stops}"
    assert handles_in(body)[-1] == LONGEST
    assert mentions_in(body, KNOWN, MEMBERS) == {LONGEST: "l"}


@pytest.mark.parametrize(
    "body", ["@ann你好", "你好@ann", "你好@ann你好", "@annさん。", "问@ann。", "é@ann", "@ann\u0661."]
)
def test_mentions_work_in_languages_without_spaces(body: str) -> None:
    assert mentions_in(body, KNOWN, MEMBERS) == {"ann": "a"}


@pytest.mark.parametrize(
    "body",
    [
        "@aaa" + "." * 200_000 + "@",
        "@" + "a" * 200_000 + "@",
        "@" + "a." * 100_000 + "@",
        "@aaa@" * 40_000,
        "@" * 200_000,
        "https://" * 25_000 + "@ann",
    ],
    ids=lambda body: body[:6],
)
def test_finding_mentions_takes_linear_time(body: str) -> None:
    started_s = time.process_time()
    assert handles_in(body) == []
    assert time.process_time() - started_s < 1, "this should take milliseconds"


def test_the_number_of_handles_in_a_text_is_limited() -> None:
    body = " ".join(f"@person{number}." for number in range(10 * MENTIONS_MAX))
    assert len(handles_in(body)) == 2 * MENTIONS_MAX
