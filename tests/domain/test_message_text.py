"""Code, links and mentions in message bodies, by the cases that the web client's tests use too."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import pytest

from imchat.domain.ids import UserId
from imchat.domain.mentions import handles_in, mentions_in
from imchat.domain.message_text import tokens, visible_text

_CASES: Final[dict[str, list[tuple[str, Any]]]] = json.loads(
    (Path(__file__).parents[2] / "frontend/test/lib/message-text-cases.json").read_text("utf-8")
)


@pytest.mark.parametrize(("body", "links"), _CASES["links"])
def test_a_link_ends_where_the_web_client_ends_it(body: str, links: list[str]) -> None:
    assert [token.text for token in tokens(body) if token.kind == "link"] == links


@pytest.mark.parametrize(("body", "code"), _CASES["code"])
def test_code_is_what_the_web_client_shows_as_code(body: str, code: list[str]) -> None:
    assert [token.text for token in tokens(body) if token.kind == "code"] == code


@pytest.mark.parametrize(("body", "mentioned"), _CASES["mentions"])
def test_code_and_links_mention_no_one(body: str, mentioned: list[str]) -> None:
    known = {"ann": UserId("a")}
    assert list(mentions_in(body, known, {UserId("a")})) == mentioned
    assert ("ann" in handles_in(body)) == bool(mentioned)


@pytest.mark.parametrize(("body", "visible"), _CASES["visible"])
def test_the_visible_text_has_no_marks_and_hides_spoilers(body: str, visible: str) -> None:
    assert visible_text(body) == visible


@pytest.mark.parametrize(
    "body",
    [
        "`" * 200_000,
        "` `` " * 40_000,
        "".join("`" * length + " " for length in range(1, 600)),
        "\\`" * 100_000,
        "**a " * 50_000,
        "*a " * 60_000,
        "||a" * 60_000,
        "[a](" * 50_000,
        "> " * 100_000,
        "https://a.b/(" * 15_000,
        "https://a.b/" + ")" * 200_000,
    ],
    ids=lambda body: body[:6],
)
def test_finding_formats_takes_linear_time(body: str) -> None:
    started_s = time.process_time()
    visible_text(body + "@ann")
    handles_in(body + "@ann")
    assert time.process_time() - started_s < 3, "this should take a fraction of a second"
