"""Find code, links and mentions in message bodies, and the text without the characters that mark formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from unicodedata import category

from imchat.domain.limits import HANDLE_MAX, HANDLE_MIN

_TOKEN: Final = re.compile(
    r"(?P<ticks>`++)"
    r"|(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<link>(?<![A-Za-z0-9])[hH][tT]{2}[pP][sS]?://|(?<![A-Za-z0-9.@/-])[wW]{3}\.(?=[^\W_]))"
    rf"|(?<![A-Za-z0-9_.@/])@(?P<mention>[A-Za-z0-9_.]{{{HANDLE_MIN},{HANDLE_MAX}}}+)\.*+(?![A-Za-z0-9_.@])"
)
"""The start of code or a link; an escaped character; or an `@`, a handle, and full stops that may end a sentence. A mention
is not a part of an e-mail address.

Only the characters of handles and addresses prevent a mention, because some languages are written without spaces:
`你好@bob你好` contains a mention. Possessive quantifiers (`+` after a quantifier) avoid backtracking, so the time is linear in
the length of the text. `frontend/src/lib/text.ts` has the same rules: `frontend/test/lib/message-text-cases.json` tests both.
"""

_LINK_ASCII: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~:/?#[]@!$&'()*+,;=%{}"
)
_JOINERS: Final = "\u200c\u200d"
_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_AFTER_LINK: Final = ".,:;!?'*_~([{" + _JOINERS
_BLOCK_TICKS: Final = 3
_QUOTE_PREFIX: Final = re.compile(r" {0,3}>+ ?")
_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,32}(?=[ \t]*\n)", re.ASCII)


HIDDEN: Final = "▒▒▒"
"""Stands for a spoiler."""
_SPOILER: Final = re.compile(r"\|\|((?:(?!\|\|).)+)\|\|", re.DOTALL)
_LABELLED_LINK: Final = re.compile('(?<!!)\\[([^\\[\\]]+)\\]\\(<?\ufdd0([0-9]+)\ufdd1>?(?: "[^"\n]*")?\\)')
_LINE_PREFIX: Final = re.compile(r"^ {0,3}>+(?: |$)", re.MULTILINE)
_OWN_MARKS: Final = re.compile("[\ufdd0-\ufddf]")
_MARKS: Final = {
    "strong": ("\ufdd2", "\ufdd3"),
    "emphasis": ("\ufdd4", "\ufdd5"),
    "strike": ("\ufdd6", "\ufdd7"),
    "code": ("\ufdd8", "\ufdd9"),
}
_ATOM: Final = re.compile("\ufdd0([0-9]+)\ufdd1")
_PAIRS: Final = tuple(
    (style, re.compile(pattern, re.DOTALL))
    for style, pattern in (
        ("strong", r"\*\*(?=\S)((?:(?!\*\*).)+)(?<=\S)\*\*"),
        ("strike", r"~~(?=\S)((?:(?!~~).)+)(?<=\S)~~"),
        ("emphasis", r"(?<![*A-Za-z0-9_])\*(?=[^\s*])([^*]+)(?<=[^\s*])\*(?!\*)"),
        ("emphasis", r"(?<!\w)_(?=[^\s_])([^_]+)(?<=[^\s_])_(?!\w)"),
        ("strike", r"(?<![~\w])~(?=[^\s~])([^~]+)(?<=[^\s~])~(?![~\w])"),
    )
)
"""The characters around a format, as in `frontend/src/lib/visibleText.ts`."""


class Token(NamedTuple):
    """A part of a body. `text` is a handle, the text of the code, the escaped character, or the link."""

    kind: str
    start: int
    end: int
    text: str


def tokens(body: str) -> Iterator[Token]:
    """Find what is `code`, a `link`, an `escape` or a `mention`, from left to right. `mention` may be no user's handle."""
    runs: _BacktickRuns | None = None
    position = 0
    while match := _TOKEN.search(body, position):
        start, position, kind = match.start(), match.end(), match.lastgroup
        if kind == "ticks":
            runs = runs or _BacktickRuns(body)
            length = position - start
            end = runs.code_end(position, length)
            if end is not None:
                position = end
                yield Token("code", start, end, _code_text(body, start, end, length))
        elif kind == "link":
            position = _link_end(body, start, position)
            yield Token("link", start, position, body[start:position])
        elif kind == "escape":
            # People write the backslash of a shrug, ¯\_(ツ)_/¯, to see it.
            yield Token(
                "escape", start, position, match[0] if body[start - 1 : start] == "¯" else match[0][1:]
            )
        else:
            yield Token("mention", start, position, match["mention"])


def visible_text(
    body: str,
    styles: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    link: Callable[[str, str], str] = lambda label, _: label,
) -> str:
    """Return a body without the characters that mark formats, and with spoilers hidden.

    `styles` are the texts before and after what is `strong`, `emphasis`, `strike` or `code`; `link` formats a link with a
    label and an address.
    """
    atoms: list[Token] = []
    masked: list[str] = []
    position = 0
    for token in tokens(body):
        masked += (_without_marks(body[position : token.start]), f"\ufdd0{len(atoms)}\ufdd1")
        atoms.append(token)
        position = token.end
    text = "".join((*masked, _without_marks(body[position:])))

    def atom(match: re.Match[str]) -> str:
        token = atoms[int(match[1])]
        if token.kind == "code":
            return f"{_MARKS['code'][0]}{token.text}{_MARKS['code'][1]}"
        return body[token.start : token.end] if token.kind == "mention" else token.text

    def labelled(match: re.Match[str]) -> str:
        token = atoms[int(match[2])]
        return link(match[1], token.text) if token.kind == "link" else match[0]

    text = _LINE_PREFIX.sub("", _LABELLED_LINK.sub(labelled, _SPOILER.sub(HIDDEN, text)))
    for name, pair in _PAIRS:
        text = pair.sub(rf"{_MARKS[name][0]}\1{_MARKS[name][1]}", text)
    text = _ATOM.sub(atom, text)
    for name, marks in _MARKS.items():
        for mark, shown in zip(marks, styles.get(name, ("", "")), strict=True):
            text = text.replace(mark, shown)
    return text


def _without_marks(text: str) -> str:
    """Replace the characters that `visible_text` uses as marks. Unicode assigns them to no text."""
    return _OWN_MARKS.sub("\ufffd", text)


class _BacktickRuns:
    """The runs of backticks in a body. Code ends at the next run of the same length: one or two must be on the same line."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._starts: dict[int, list[int]] = {}
        self._newline = -1
        for run in reversed(list(re.finditer("`+", body))):
            self._starts.setdefault(run.end() - run.start(), []).append(run.start())

    def code_end(self, start: int, length: int) -> int | None:
        """Return the end of the code that begins at `start`; None if it has no end. Must be called in order."""
        starts = self._starts.get(length, [])
        while starts and starts[-1] < start:
            starts.pop()
        if not starts:
            return None
        if length < _BLOCK_TICKS and self._next_newline(start) < starts[-1]:
            return None
        return starts[-1] + length

    def _next_newline(self, start: int) -> int:
        if self._newline < start:
            found = self._body.find("\n", start)
            self._newline = found if found >= 0 else len(self._body)
        return self._newline


def _code_text(body: str, start: int, end: int, ticks: int) -> str:
    inner = body[start + ticks : end - ticks]
    if ticks < _BLOCK_TICKS:
        padded = inner.startswith(" ") and inner.endswith(" ") and inner.strip()
        return inner[1:-1] if padded else inner
    # Each line of a block in a quote begins with the quote's sign, which is no part of the code.
    if _QUOTE_PREFIX.match(body[body.rfind("\n", 0, start) + 1 : start]):
        first, *lines = inner.split("\n")
        inner = "\n".join([first, *(_QUOTE_PREFIX.sub("", line, count=1) for line in lines)])
    language = _LANGUAGE.match(inner)
    code = inner[language.end() :] if language else inner
    return re.sub(r"\n[ \t]*\Z", "", re.sub(r"\A[ \t]*\n", "", code))


def _link_end(body: str, link: int, start: int) -> int:
    """Return the end of a link whose scheme or "www." ends at `start`: before punctuation, or a bracket opened outside it."""
    open_brackets = dict.fromkeys(_CLOSERS.values(), 0)
    end = start
    while end < len(body) and _is_link_char(body[end]):
        char = body[end]
        if char in "*~" and body[end + 1 : end + 2] == char:  # two of them begin or end a format
            break
        if char in _CLOSERS:
            open_brackets[_CLOSERS[char]] += 1
        elif char in open_brackets:
            if not open_brackets[char]:
                break
            open_brackets[char] -= 1
        end += 1
    if body[max(link - 2, 0) : link] == "](" and body[end : end + 1] == ")":
        return end  # the brackets of a link with a label show where it ends
    while end > start and body[end - 1] in _AFTER_LINK:
        end -= 1
    return end


def _is_link_char(char: str) -> bool:
    """Return whether a link may contain the character: of other scripts only letters, marks, digits and joiners."""
    return char in _LINK_ASCII if char.isascii() else category(char)[0] in "LMN" or char in _JOINERS
