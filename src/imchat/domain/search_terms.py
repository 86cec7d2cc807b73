"""Split text of any language into search terms, and match a query against a text.

An index stores the terms of each text and only proposes candidates: `matches` decides on the text itself. The rules need no
dictionary: a term starts at every place where a word can start, and a query matches the beginning of words. In scripts
without blanks between words (Chinese, Japanese, Thai, …) a word can start at every character.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import Final, NamedTuple
from unicodedata import category, digit, normalize

SEARCHABLE: Final = "a letter, a digit or a symbol"
"""What a text must contain to be found: the wording of error messages."""
TERM_CHARS: Final = 24
"""Longer terms are cut; at most 24 characters also fit into a sort key of 1,024 bytes."""
_LONGEST_SPLIT_WORD: Final = 40
"""A longer word, such as base64, has no inner word starts."""

_UNSPACED_RANGES: Final = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # Han radicals
    (0x3005, 0x3007),  # Han iteration marks and zero
    (0x3021, 0x3029),
    (0x3041, 0x312F),  # kana, Bopomofo
    (0x3131, 0x318E),  # Hangul letters
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAA60, 0xAADF),  # Burmese, Tai Viet
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),
    (0x1AFF0, 0x1B16F),  # kana
    (0x20000, 0x3FFFF),  # Han
)
_IGNORED_MARKS: Final = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x0591, 0x05C7),  # Hebrew points
    (0x0610, 0x061A),  # Arabic
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x06D6, 0x06DC),
    (0x06DF, 0x06E4),
    (0x06E7, 0x06E8),
    (0x06EA, 0x06ED),
    (0x08D3, 0x08FF),
    (0x093C, 0x093C),  # Indic nuktas
    (0x09BC, 0x09BC),
    (0x0A3C, 0x0A3C),
    (0x0ABC, 0x0ABC),
    (0x0B3C, 0x0B3C),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)
"""The only combining marks that are ignored. Others make a different word: vowel signs of India, tones of Thai, voiced kana."""
_IGNORED: Final = ((0x0640, 0x0640), (0x05F3, 0x05F4), (0xFE00, 0xFE0F), (0x1F3FB, 0x1F3FF))
"""Characters without a meaning for the search: tatweel, geresh, variation selectors, skin tones."""
_LETTERS: Final = {
    **dict(zip("ıȷøłđðħŧŋ", "ijolddhtn", strict=True)),
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    **dict(zip("ٱىیکةہە", "اييكههه", strict=True)),
    **dict(zip("ךםןףץ", "כמנפצ", strict=True)),
    "\N{DEVANAGARI SIGN CANDRABINDU}": "\N{DEVANAGARI SIGN ANUSVARA}",
    **{chr(katakana): chr(katakana - 0x60) for katakana in range(0x30A1, 0x30F7)},
}
"""Letters that people type differently and that no normalization maps."""

_CAMEL_CASE: Final = re.compile("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_HEBREW_ABBREVIATION: Final = re.compile("(?<=[\u05d0-\u05ea])[\"'](?=[\u05d0-\u05ea])")
_WORD_START: Final = "\x1f"
"""Marks the start of a word inside a part without blanks, while a text is folded."""
_ARABIC_PREFIX: Final = re.compile("(?:[وف]?(?:[بك]?ال|لل))(?=\\w{3})")
_HEBREW_PREFIX: Final = re.compile("[והבלמשכ](?=[\u05d0-\u05ea]{3})")


class _Token(NamedTuple):
    """Adjacent characters, all or none of which belong to scripts without blanks between words (`is_unspaced`).

    `starts`: where in `text` a word can start, ascending from 0.
    """

    text: str
    is_unspaced: bool
    starts: tuple[int, ...]


class Term(NamedTuple):
    """A term to look up in an index, exactly or, if `is_prefix`, as the beginning of terms."""

    text: str
    is_prefix: bool


def index_terms(text: str, *, limit: int) -> list[str]:
    """Return the first `limit` different terms by which a text can be found."""
    found: dict[str, None] = {}
    for token in _tokenize(text):
        for start in token.starts:
            found[token.text[start : start + (2 if token.is_unspaced else TERM_CHARS)]] = None
            if len(found) == limit:
                return list(found)
    return list(found)


def query_terms(query: str) -> list[Term]:
    """Return the terms that the index of every text that matches `query` has. Empty if `query` has nothing `SEARCHABLE`."""
    return [term for part in query.split() for term in _part_terms(_tokenize(part))]


def matches(text: str, query: str) -> bool:
    """Return whether `text` contains each blank-separated part of `query`, beginning at the start of a word."""
    tokens = _tokenize(text)
    folded = _join(tokens)
    starts = set(_word_starts(tokens))
    parts = [folded_part for part in query.split() if (folded_part := _join(_tokenize(part)))]
    return bool(parts) and all(any(at in starts for at in _find_all(folded, part)) for part in parts)


def longest_term(query: str) -> Term | None:
    """Return the longest term of a query, which probably the fewest texts have; None if it has nothing `SEARCHABLE`."""
    return max(query_terms(query), key=lambda term: (len(term.text), not term.is_prefix), default=None)


def common_prefix(term: str) -> str:
    """Return the beginning of a term that its partition key contains.

    It has one character in scripts without blanks, where a query can be that short; otherwise two.
    """
    return term[: 1 if _is_unspaced(term[0]) else 2]


def _part_terms(tokens: list[_Token]) -> list[Term]:
    terms: list[Term] = []
    for token in tokens:
        is_last = token is tokens[-1]
        if token.is_unspaced and len(token.text) > 1:
            terms += [Term(token.text[at : at + 2], is_prefix=False) for at in range(len(token.text) - 1)]
        elif token.is_unspaced:
            terms.append(Term(token.text, is_prefix=True))
        else:
            word = token.text[:TERM_CHARS]
            terms.append(Term(word, is_prefix=is_last or len(word) == TERM_CHARS))
    return terms


def _join(tokens: list[_Token]) -> str:
    return " ".join(token.text for token in tokens)


def _word_starts(tokens: list[_Token]) -> list[int]:
    """Return the word starts in the joined tokens."""
    starts, offset = [], 0
    for token in tokens:
        starts += [offset + start for start in token.starts]
        offset += len(token.text) + 1
    return starts


def _find_all(text: str, part: str) -> list[int]:
    found, at = [], text.find(part)
    while at >= 0:
        found.append(at)
        at = text.find(part, at + 1)
    return found


def _tokenize(text: str) -> list[_Token]:
    plain = _HEBREW_ABBREVIATION.sub("", text.replace(_WORD_START, " "))
    folded = normalize("NFKC", _CAMEL_CASE.sub(_WORD_START, plain)).translate(_FOLDED)
    tokens: list[_Token] = []
    for part in folded.split(" "):
        for is_unspaced, chars in groupby(part, _is_unspaced):
            tokens += _to_token("".join(chars), is_unspaced=is_unspaced)
    return tokens


def _to_token(part: str, *, is_unspaced: bool) -> list[_Token]:
    """Return a token without the `_WORD_START`s; none if nothing is left."""
    pieces = [piece for piece in part.split(_WORD_START) if piece]
    text = "".join(pieces)
    if not text:
        return []
    if is_unspaced:
        return [_Token(text, is_unspaced=True, starts=tuple(range(len(text))))]
    starts = {0}
    if len(text) <= _LONGEST_SPLIT_WORD:
        offset = 0
        for piece in pieces:
            starts.add(offset)
            offset += len(piece)
        for prefix in (_ARABIC_PREFIX.match(text), _HEBREW_PREFIX.match(text)):
            if prefix:
                starts.add(prefix.end())
    return [_Token(text, is_unspaced=False, starts=tuple(sorted(starts)))]


@lru_cache(maxsize=4096)
def _is_unspaced(char: str) -> bool:
    """Return whether a character belongs to a script without blanks between words, or is an emoji or another symbol."""
    return _in_ranges(ord(char), _UNSPACED_RANGES) or category(char) in {"So", "Sm", "Sc"}


def _in_ranges(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


_MAX_FOLDED: Final = 10_000
"""More characters than the texts of most sites have; about a megabyte."""


class _FoldedCharacters(dict[int, str]):
    """The replacement of each character for `str.translate`. The first `_MAX_FOLDED` that occur are kept."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < _MAX_FOLDED:
            self[code] = folded
        return folded


def _fold(char: str) -> str:
    kind = category(char)
    code = ord(char)
    if char == _WORD_START:
        return _WORD_START
    if kind == "Cf" or _in_ranges(code, _IGNORED) or _in_ranges(code, _IGNORED_MARKS):
        return ""
    if kind == "Nd":
        return str(digit(char))
    if kind[0] in "LMN":
        decomposed = normalize("NFKD", normalize("NFKD", char).casefold())
        kept = (part for part in decomposed if not _in_ranges(ord(part), _IGNORED_MARKS))
        return normalize("NFC", "".join(_LETTERS.get(part, part) for part in kept))
    return char if kind in {"So", "Sm", "Sc"} else " "


_FOLDED: Final = _FoldedCharacters()
