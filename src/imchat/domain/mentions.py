"""Find `@handle` mentions in message bodies."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Final

from imchat.domain.ids import UserId
from imchat.domain.limits import HANDLE_MAX, HANDLE_MIN, MENTIONS_MAX

_LINK: Final = (
    r"(?<![A-Za-z0-9_])(?i:https?)://"
    r"[^\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff<>\"]++"
)
_MENTION: Final = re.compile(
    rf"{_LINK}|"
    rf"(?<![A-Za-z0-9_.@/])@([A-Za-z0-9_.]{{{HANDLE_MIN},{HANDLE_MAX}}}+)\.*+(?![A-Za-z0-9_.@])"
)
"""A link, or an `@`, a handle, and full stops that may end a sentence. Not a part of an e-mail address. A match without a
handle is a link, which mentions no one.

Only the characters of handles and addresses prevent a match, because some languages are written without spaces:
`你好@bob你好` contains a mention. Possessive quantifiers (`+` after a quantifier) avoid backtracking, so the time is linear in
the length of the text. `frontend/src/lib/text.ts` has the same rule.
"""


def handles_in(body: str) -> list[str]:
    """Return the handles that a body may mention, in lower case. Considers the first `MENTIONS_MAX` mentions."""
    found = dict.fromkeys(match[1].lower() for match in _MENTION.finditer(body) if match[1])
    return [handle for text in list(found)[:MENTIONS_MAX] for handle in _candidate_handles(text)]


def mentions_in(body: str, known: Mapping[str, UserId], members: Container[UserId]) -> dict[str, UserId]:
    """Return the members that a body mentions, by handle. `known` are the users with the handles from `handles_in`."""
    mentions: dict[str, UserId] = {}
    for match in _MENTION.finditer(body):
        for handle in _candidate_handles(match[1].lower()) if match[1] else ():
            if known.get(handle) in members:
                mentions[handle] = known[handle]
                break
    return mentions


def _candidate_handles(text: str) -> list[str]:
    """Return the text itself, and the text without the full stops that may end the sentence."""
    bare = text.rstrip(".")
    return [text, bare] if HANDLE_MIN <= len(bare) < len(text) else [text]
