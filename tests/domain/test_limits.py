"""Every limit is exact, and an error names the field and the limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imchat.domain import limits
from imchat.errors import Invalid


def _title(text: str) -> str:
    return limits.check_line(text, field="title", maximum=limits.TITLE_CHARS)


@pytest.mark.parametrize(
    ("check", "valid"),
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
        (limits.check_body, "\u3164a"),
        (limits.check_body, "\u0301"),
        (limits.check_body, "\U0001f9ff\ufe0f"),
        (_title, "\u2800.\u2800"),
        (limits.check_description, ""),
        (limits.check_description, "a\n\u200b"),
        (limits.check_handle, "a.b"),
        (limits.check_handle, "a" * 30),
        (limits.check_client_message_id, "A-_9" * 16),
    ],
)
def test_a_value_within_the_limits_is_returned_unchanged(check: Callable[[str], str], valid: str) -> None:
    assert check(valid) == valid


@pytest.mark.parametrize(
    ("check", "invalid", "field", "limit"),
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
        (limits.check_client_message_id, "", "client_message_id", 64),
        (limits.check_client_message_id, "x" * 65, "client_message_id", 64),
        (limits.check_client_message_id, "a b", "client_message_id", 64),
    ],
)
def test_an_error_has_the_field_and_the_limit(
    check: Callable[[str], str], invalid: str, field: str, limit: object
) -> None:
    with pytest.raises(Invalid) as raised:
        check(invalid)
    assert raised.value.details == {"field": field, "limit": limit}
    assert invalid.strip() == "" or len(invalid) < 5 or invalid not in raised.value.message


INVISIBLE = (
    *("\u200b", "\u3164", "\uffa0", "\u115f", "\u1160", "\u2800", "\u00ad", "\u034f", "\u180e", "\ufe0f"),
    *("\U000e0041", "\u2065", "\ufff9", "\u2063", "\ufeff", "\u3000", "\x85"),
)


@pytest.mark.parametrize("char", [*INVISIBLE, "\u200b\u3164 \u2800"], ids=ascii)
@pytest.mark.parametrize(
    ("check", "field"),
    [(limits.check_body, "body"), (_title, "title"), (limits.check_description, "description")],
)
def test_a_text_without_a_visible_character_is_invalid(
    check: Callable[[str], str], field: str, char: str
) -> None:
    with pytest.raises(Invalid, match=f"{field} must contain a visible character") as raised:
        check(char)
    assert raised.value.details == {"field": field, "limit": 1}


def test_the_beginning_of_a_handle_has_two_of_its_characters() -> None:
    assert [text for text in ("an", "a.", "a", "an n", "än", "a" * 31) if limits.is_handle_prefix(text)] == [
        "an",
        "a.",
    ]


@pytest.mark.parametrize("text", ["", "a b", "a/b", "../x", "x" * 65, "é", "a\n"])
def test_text_in_another_format_is_not_an_id(text: str) -> None:
    assert not limits.is_id(text)
