"""Every bound holds at its edge, and a refusal names the field and the bound."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imchat.domain import limits
from imchat.errors import Invalid


def _title(text: str) -> str:
    return limits.check_line(text, field="title", maximum=limits.TITLE_CHARS)


@pytest.mark.parametrize(
    ("check", "good"),
    [
        (limits.check_body, "x"),
        (limits.check_body, "x" * 8_000),
        (limits.check_body, "é" * 8_000),
        (
            limits.check_body,
            "👩\u200d👩\u200d👧\u200d👦 \t\r\n \u202ertl\u202c \u0301 \ufeff \u2028 \U0010ffff",
        ),
        (limits.check_body, "  kept  "),
        (_title, "t" * 100),
        (_title, "👩\u200d👧"),
        (limits.check_handle, "a.b"),
        (limits.check_handle, "a" * 30),
        (limits.check_prefix, "ab"),
        (limits.check_client_message_id, "A-_9" * 16),
    ],
)
def test_what_is_within_the_bounds_comes_back_as_it_came(check: Callable[[str], str], good: str) -> None:
    assert check(good) == good


@pytest.mark.parametrize(
    ("check", "bad", "field", "limit"),
    [
        (limits.check_body, "", "body", 1),
        (limits.check_body, " \n\t ", "body", 1),
        (limits.check_body, "x" * 8_001, "body", 8_000),
        (limits.check_body, "€" * 8_000 + "😀", "body", 8_000),
        (limits.check_body, "😀" * 6_145, "body", 24 * 1024),
        (limits.check_body, "a\x00b", "body", "no control characters but tab and line breaks"),
        (limits.check_body, "a\x1bb", "body", "no control characters but tab and line breaks"),
        (limits.check_body, "a\x7fb", "body", "no control characters but tab and line breaks"),
        (limits.check_body, "a\ud800b", "body", "no control characters but tab and line breaks"),
        (_title, "", "title", 1),
        (_title, "   ", "title", 1),
        (_title, "\u200b\u2060 \u202e", "title", 1),
        (_title, "t" * 101, "title", 100),
        (_title, "two\nlines", "title", "one line"),
        (limits.check_handle, "ab", "handle", 3),
        (limits.check_handle, "a" * 31, "handle", 30),
        (limits.check_handle, "Anna", "handle", limits.HANDLE_PATTERN),
        (limits.check_handle, "ann\n", "handle", limits.HANDLE_PATTERN),
        (limits.check_handle, "änn", "handle", limits.HANDLE_PATTERN),
        (limits.check_prefix, "a", "prefix", 2),
        (limits.check_prefix, "a b", "prefix", limits.HANDLE_PATTERN),
        (limits.check_client_message_id, "", "client_message_id", 64),
        (limits.check_client_message_id, "x" * 65, "client_message_id", 64),
        (limits.check_client_message_id, "a b", "client_message_id", 64),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_its_field_and_bound(
    check: Callable[[str], str], bad: str, field: str, limit: object
) -> None:
    with pytest.raises(Invalid) as refusal:
        check(bad)
    assert refusal.value.details == {"field": field, "limit": limit}
    assert bad.strip() == "" or len(bad) < 5 or bad not in refusal.value.message


def test_a_prefix_is_compared_in_lower_case() -> None:
    assert limits.check_prefix("AN") == "an"


@pytest.mark.parametrize("text", ["", "a b", "a/b", "../x", "x" * 65, "é", "a\n"])
def test_text_that_could_be_no_id_is_none(text: str) -> None:
    assert not limits.is_id(text)
