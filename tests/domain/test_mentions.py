"""Which words of a text mean people."""

from __future__ import annotations

import pytest

from imchat.domain.ids import UserId
from imchat.domain.limits import MENTIONS_MAX
from imchat.domain.mentions import handles_in, mentions_in

KNOWN = {"ann": UserId("a"), "bob.": UserId("b"), "o.k": UserId("o"), "eve": UserId("e")}
MEMBERS = {UserId("a"), UserId("b"), UserId("o")}


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
        ("é@ann", {}),
        ("@an", {}),
        ("@" + "a" * 31, {}),
        ("@@ann", {}),
    ],
)
def test_a_mention_is_a_word_of_its_own_that_names_a_member(body: str, mentioned: dict[str, str]) -> None:
    assert mentions_in(body, {h: KNOWN[h] for h in handles_in(body) if h in KNOWN}, MEMBERS) == mentioned


def test_a_text_full_of_handles_makes_a_bounded_number_of_them() -> None:
    body = " ".join(f"@person{number}." for number in range(10 * MENTIONS_MAX))
    assert len(handles_in(body)) == 2 * MENTIONS_MAX
