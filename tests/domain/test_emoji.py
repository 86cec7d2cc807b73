"""Emoji validation: exactly the emoji of Unicode's list."""

from __future__ import annotations

import pytest
from tests.support.problems import check_generated
from tools import generate

from imchat.domain.emoji import check_emoji
from imchat.errors import Invalid


def test_the_committed_table_matches_the_unicode_data() -> None:
    check_generated(generate.EMOJI_PATH, generate.emoji_table())


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "👩🏽‍🚀", "🏳️‍🌈", "🇨🇭", "#️⃣", "🧑🏿‍❤️‍🧑🏻", "🏴󠁧󠁢󠁷󠁬󠁳󠁿"])
def test_an_emoji_may_have_any_number_of_code_points(emoji: str) -> None:
    assert check_emoji(emoji) == emoji


def test_an_emoji_without_variation_selector_is_completed() -> None:
    assert check_emoji("\u2764") == check_emoji("\u2764\ufe0f") == "\u2764\ufe0f"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "1",
        "👍👍",
        "👍 ",
        "+1",
        ":tada:",
        "🏽",
        "🇨",
        "é",
        "\ufe0f",
        "👍\u200d👍",
        "👩‍👩",
        "🙂" * 5000,
    ],
)
def test_anything_but_a_single_emoji_is_rejected(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        check_emoji(text)
    assert raised.value.details == {"field": "emoji", "limit": "one emoji"}
