"""Find `@handle` mentions in message bodies."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from imchat.domain.ids import UserId
from imchat.domain.limits import HANDLE_MIN, MENTIONS_MAX
from imchat.domain.message_text import tokens


def handles_in(body: str) -> list[str]:
    """Return the handles that a body may mention, in lower case. Considers the first `MENTIONS_MAX` mentions."""
    found = dict.fromkeys(_mentioned(body))
    return [handle for text in list(found)[:MENTIONS_MAX] for handle in _candidate_handles(text)]


def mentions_in(body: str, known: Mapping[str, UserId], members: Container[UserId]) -> dict[str, UserId]:
    """Return the members that a body mentions, by handle. `known` are the users with the handles from `handles_in`."""
    mentions: dict[str, UserId] = {}
    for text in _mentioned(body):
        for handle in _candidate_handles(text):
            if known.get(handle) in members:
                mentions[handle] = known[handle]
                break
    return mentions


def _mentioned(body: str) -> Iterator[str]:
    """Return what follows each `@` that may be a mention: not in code and not in links."""
    return (token.text.lower() for token in tokens(body) if token.kind == "mention")


def _candidate_handles(text: str) -> list[str]:
    """Return the text itself, and the text without the full stops that may end the sentence."""
    bare = text.rstrip(".")
    return [text, bare] if HANDLE_MIN <= len(bare) < len(text) else [text]
