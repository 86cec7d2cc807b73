"""Finding `@handle` in what people write."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Final

from imchat.domain.ids import UserId
from imchat.domain.limits import HANDLE_MAX, HANDLE_MIN, MENTIONS_MAX

_MENTION: Final = re.compile(
    rf"(?<![A-Za-z0-9_.@/])@([A-Za-z0-9_.]{{{HANDLE_MIN},{HANDLE_MAX}}}+)\.*+(?![A-Za-z0-9_.@])"
)
"""An `@`, a handle, and full stops that may end a sentence: not the middle of an e-mail address or of a link's path.

Only what can stand in a handle or an address binds, for not everybody writes with spaces: `你好@bob你好` mentions. Nothing is
tried twice (`+` behind a quantifier), so the time goes with the text's length. `frontend/src/lib/text.ts` agrees.
"""


def handles_in(body: str) -> list[str]:
    """The handles that `body` may mean, the first `MENTIONS_MAX` of them, as they are kept: in lower case."""
    found = dict.fromkeys(match[1].lower() for match in _MENTION.finditer(body))
    return [reading for text in list(found)[:MENTIONS_MAX] for reading in _candidate_handles(text)]


def mentions_in(body: str, known: Mapping[str, UserId], members: Container[UserId]) -> dict[str, UserId]:
    """Which of `members` the body mentions, by handle. `known`: who has the handles that it may mean."""
    mentions: dict[str, UserId] = {}
    for match in _MENTION.finditer(body):
        for reading in _candidate_handles(match[1].lower()):
            if known.get(reading) in members:
                mentions[reading] = known[reading]
                break
    return mentions


def _candidate_handles(text: str) -> list[str]:
    """As it stands, and without the full stops that may end the sentence."""
    bare = text.rstrip(".")
    return [text, bare] if HANDLE_MIN <= len(bare) < len(text) else [text]
