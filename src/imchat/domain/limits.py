"""All limits of the API, and the checks that enforce them. No other module defines a limit."""

from __future__ import annotations

import re
from typing import Final

from imchat.errors import Invalid

BODY_CHARS: Final = 8_000
"""Maximum length of a message body, in Unicode code points."""
BODY_BYTES: Final = 24 * 1024
"""Maximum length of a message body, in UTF-8 bytes."""
TITLE_CHARS: Final = 100
DESCRIPTION_CHARS: Final = 500
DISPLAY_NAME_CHARS: Final = 80
HANDLE_MIN: Final = 3
HANDLE_MAX: Final = 30
HANDLE_PATTERN: Final = r"^[a-z0-9_.]+$"
PREFIX_MIN: Final = 2
"""Minimum beginning of a handle in a directory search: the directory is partitioned by the first two letters."""
CLIENT_MESSAGE_ID_MAX: Final = 64
CLIENT_MESSAGE_ID_PATTERN: Final = r"^[A-Za-z0-9_-]+$"
ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"
"""The format of conversation and user ids."""
MEMBERS_AT_CREATION: Final = 49
"""Members of a new conversation, including its creator: 2 items each, the head and the first event fill a
transaction of 100."""
GROUP_MEMBERS: Final = 1_000
CHANNEL_MEMBERS: Final = 10_000
"""Members of a public channel."""
MEMBERS_SHOWN: Final = 1_000
"""Members returned with a conversation. Members of a larger one are read page by page."""
INDEX_TERMS: Final = 32
"""Search terms of a channel's title or a display name that are indexed: the first ones. A change replaces the old ones by
the new ones in one transaction of at most 100 items."""
CHANNELS_FOUND: Final = 20
GROUP_INVITES: Final = 50
"""Usable invites of one group."""
INVITE_S_MIN: Final = 60
INVITE_S_MAX: Final = 366 * 24 * 60 * 60
INVITE_USES_MAX: Final = 10_000
PAGE_MAX: Final = 200
PAGE_DEFAULT: Final = 50
DIRECTORY_PAGE: Final = 20
USER_IDS_MAX: Final = 100
"""Profiles requested at once."""
REPLAY_WINDOW: Final = 50
"""Events checked for an earlier attempt if a send has no `after_seq`."""
BEHIND_MAX: Final = 1_000
"""Events after `after_seq` that a send checks. With more, the client must read the log first."""
MENTIONS_KEPT: Final = 100
"""Unread mentions of a user that are counted in one conversation."""
PREVIEW_CHARS: Final = 200
"""Characters of the newest message's body in the inbox."""
MENTIONS_MAX: Final = 50
"""Different handles looked up for one message. Further handles stay plain text."""
REACTION_KINDS: Final = 20
"""Different emoji on one message."""
REACTION_NAMES: Final = 20
"""Users listed per emoji: the first ones. Others are only counted. This keeps an event below 50 KB."""
PINS_MAX: Final = 50
"""Pinned messages of one conversation."""
REQUEST_BYTES: Final = 128 * 1024
"""Maximum size of a request body. The longest message fits, even with every character escaped."""
FRAME_BYTES: Final = 4 * 1024
"""Maximum size of a WebSocket frame from a client."""
NESTING_MAX: Final = 32
"""Maximum nesting of arrays and objects in a request."""
RATE_REQUESTS: Final = 300
RATE_READ_BYTES: Final = 64 * 1024 * 1024
"""Bytes that a user may read in `RATE_S` seconds; a read counts as 4 KB more than its response."""
RATE_S: Final = 60
STRANGERS_ADDED: Final = 20
"""Strangers that a user adds to groups, or starts a conversation with, in `STRANGERS_ADDED_S`."""
STRANGERS_ADDED_S: Final = 60 * 60
TICKET_S: Final = 30
CONNECTION_S: Final = 2 * 60 * 60
"""Maximum lifetime of a WebSocket connection. Source: API Gateway quotas, "Connection duration for WebSocket API"."""
CONNECTIONS_PER_USER: Final = 32
SIGNAL_MEMBERS: Final = 100
"""Read receipts and typing are pushed in conversations of up to this many members. In larger ones the cost is not worth
it, and clients fetch the read cursors when they need them."""
WATCH_S: Final = 5 * 60
"""How long a presence subscription lasts."""
WATCHED_MAX: Final = 20
"""Users whose presence one request can subscribe to: about those visible on a screen."""
WATCHERS_MAX: Final = 100
"""Presence subscribers of one user. The oldest subscription is replaced."""
SEQ_MAX: Final = 10**12 - 1
"""Highest `seq` that fits the padding of the sort key."""

_HANDLE = re.compile(HANDLE_PATTERN)
_CLIENT_MESSAGE_ID = re.compile(CLIENT_MESSAGE_ID_PATTERN)
_ID = re.compile(ID_PATTERN)
_FORBIDDEN_IN_BODY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_VISIBLE = re.compile(
    r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # controls and white space
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\u2800\ufff9-\ufffb\ud800-\udfff]"
)
"""A visible character: no control, no white space, not Default_Ignorable_Code_Point (second and third line; source: Unicode
16, DerivedCoreProperties.txt), no blank Braille pattern. `frontend/src/core/validation.ts` has the same rule."""
_FORBIDDEN_IN_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


def check_body(body: str) -> str:
    """Return a message body unchanged.

    Raises: Invalid unless it has 1 to 8,000 characters, at most 24 KB, a visible character, and no control characters
    other than tab, line feed and carriage return.
    """
    _check_visible(body, field="body")
    if len(body) > BODY_CHARS:
        raise Invalid(
            f"body has {len(body):,} characters; the maximum is {BODY_CHARS:,}",
            field="body",
            limit=BODY_CHARS,
        )
    # A printable string contains none of these, and `isprintable` is many times faster.
    if not body.isprintable() and _FORBIDDEN_IN_BODY.search(body):
        raise Invalid(
            "body contains a control character",
            field="body",
            limit="no control characters but tab and line breaks",
        )
    size = len(body.encode())
    if size > BODY_BYTES:
        raise Invalid(
            f"body has {size:,} bytes; the maximum is {BODY_BYTES:,}", field="body", limit=BODY_BYTES
        )
    return body


def check_line(text: str, *, field: str, maximum: int) -> str:
    """Return a one-line text unchanged.

    Raises: Invalid unless it has 1 to `maximum` characters, at least one of them visible, and no line breaks or other
    control characters.
    """
    _check_visible(text, field=field)
    if len(text) > maximum:
        raise Invalid(
            f"{field} has {len(text):,} characters; the maximum is {maximum}", field=field, limit=maximum
        )
    if _FORBIDDEN_IN_LINE.search(text):
        raise Invalid(f"{field} contains a line break or a control character", field=field, limit="one line")
    return text


def _check_visible(text: str, *, field: str) -> None:
    if _VISIBLE.search(text) is None:
        raise Invalid(f"{field} must contain a visible character", field=field, limit=1)


def check_description(text: str) -> str:
    """Return a description unchanged. It may be empty.

    Raises: Invalid if it has more than 500 characters, only invisible ones, or control characters other than tab and line
    breaks.
    """
    if text:
        _check_visible(text, field="description")
    check_count(len(text), field="description", maximum=DESCRIPTION_CHARS, unit=" characters")
    if _FORBIDDEN_IN_BODY.search(text):
        raise Invalid(
            "description contains a control character",
            field="description",
            limit="no control characters but tab and line breaks",
        )
    return text


def check_handle(handle: str) -> str:
    """Return a handle. Raises: Invalid unless it is 3 to 30 characters of a-z, 0-9, `_` and `.`."""
    check_count(len(handle), field="handle", minimum=HANDLE_MIN, maximum=HANDLE_MAX, unit=" characters")
    if not _HANDLE.fullmatch(handle):
        raise Invalid("handle may contain only a-z, 0-9, _ and .", field="handle", limit=HANDLE_PATTERN)
    return handle


def is_handle_prefix(text: str) -> bool:
    """Return whether handles can be searched for by this beginning: two characters or more of those of a handle."""
    return PREFIX_MIN <= len(text) <= HANDLE_MAX and _HANDLE.fullmatch(text) is not None


def check_client_message_id(client_message_id: str) -> str:
    """Return a client message id. Raises: Invalid unless it is 1 to 64 letters, digits, `_` and `-`."""
    if len(client_message_id) > CLIENT_MESSAGE_ID_MAX or not _CLIENT_MESSAGE_ID.fullmatch(client_message_id):
        raise Invalid(
            f"client_message_id must be 1 to {CLIENT_MESSAGE_ID_MAX} characters of A-Z, a-z, 0-9, _ and -",
            field="client_message_id",
            limit=CLIENT_MESSAGE_ID_MAX,
        )
    return client_message_id


def check_count(count: int, *, field: str, maximum: int, minimum: int = 0, unit: str = "") -> int:
    """Return a number unchanged. `unit` follows it in the error message.

    Raises: Invalid with the violated limit, unless the number is within `minimum` and `maximum`.
    """
    if not minimum <= count <= maximum:
        bounds = f"it must be {minimum:,} to {maximum:,}{unit}"
        raise Invalid(
            f"{field} is {count:,}{unit}; {bounds}",
            field=field,
            limit=minimum if count < minimum else maximum,
        )
    return count


def check_id(text: str, *, field: str) -> str:
    """Return the id of a user or conversation. Raises: Invalid unless it is 1 to 64 letters, digits, `_` and `-`."""
    if not isinstance(text, str) or not is_id(text):
        raise Invalid(
            f"{field} must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -", field=field, limit=ID_PATTERN
        )
    return text


def is_id(text: str) -> bool:
    """Return whether a text has the format of a conversation or user id."""
    return _ID.fullmatch(text) is not None
