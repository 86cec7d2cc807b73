"""The words by which a public channel is found."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import normalize

from imchat.domain.limits import CHANNEL_WORDS, PREFIX_MIN

_WORD: Final = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The first `CHANNEL_WORDS` different words of two letters or more, without case or other differences of writing."""
    found = _WORD.findall(normalize("NFKC", text).casefold())
    return list(dict.fromkeys(word for word in found if len(word) >= PREFIX_MIN))[:CHANNEL_WORDS]
