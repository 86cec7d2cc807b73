"""What counts as an emoji: Unicode's own list, and nothing beside it."""

from __future__ import annotations

import pytest
from tests.support.problems import check_generated
from tools import generate

from imchat.domain.emoji import check_emoji
from imchat.errors import Invalid


def test_the_committed_table_is_what_unicodes_data_makes() -> None:
    check_generated(generate.EMOJI_FILE, generate.emoji_table())


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "👩🏽‍🚀", "🏳️‍🌈", "🇨🇭", "#️⃣", "🧑🏿‍❤️‍🧑🏻", "🏴󠁧󠁢󠁷󠁬󠁳󠁿"])
def test_an_emoji_of_any_number_of_code_points_is_one(emoji: str) -> None:
    assert check_emoji(emoji) == emoji


def test_an_emoji_written_short_is_the_same_as_written_in_full() -> None:
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
def test_what_is_no_single_emoji_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_emoji(text)
    assert refused.value.details == {"field": "emoji", "limit": "one emoji"}
