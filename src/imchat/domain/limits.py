"""Every bound of the wire contract, and the checks that enforce them. The only place a limit stands."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category

from imchat.errors import Invalid

BODY_CHARS: Final = 8_000
"""Longest message body, in Unicode code points."""
BODY_BYTES: Final = 24 * 1024
"""Longest message body, in UTF-8 bytes."""
TITLE_CHARS: Final = 100
DESCRIPTION_CHARS: Final = 500
DISPLAY_NAME_CHARS: Final = 80
HANDLE_MIN: Final = 3
HANDLE_MAX: Final = 30
HANDLE_PATTERN: Final = r"^[a-z0-9_.]+$"
PREFIX_MIN: Final = 2
"""Shortest prefix of a directory search: the directory is kept by the first two letters."""
CLIENT_MESSAGE_ID_MAX: Final = 64
CLIENT_MESSAGE_ID_PATTERN: Final = r"^[A-Za-z0-9_-]+$"
ID_PATTERN: Final = r"^[A-Za-z0-9_-]{1,64}$"
"""Conversation and user ids; anything else names nothing."""
MEMBERS_AT_CREATION: Final = 49
"""People in a conversation when it is made, its maker included: 2 items each, the head and the first event fill a
transaction of 100."""
GROUP_MEMBERS: Final = 1_000
CHANNEL_MEMBERS: Final = 10_000
"""People in a public channel."""
MEMBERS_SHOWN: Final = 1_000
"""Members that come with a conversation; those of a larger one are read page by page."""
CHANNEL_WORDS: Final = 8
"""Words of its title by which a public channel is found, the first ones."""
CHANNELS_FOUND: Final = 20
GROUP_INVITES: Final = 50
"""Invites of one group that can be used."""
INVITE_S_MIN: Final = 60
INVITE_S_MAX: Final = 366 * 24 * 60 * 60
INVITE_USES_MAX: Final = 10_000
PAGE_MAX: Final = 200
PAGE_DEFAULT: Final = 50
DIRECTORY_PAGE: Final = 20
USER_IDS_MAX: Final = 100
"""Profiles asked for in one request."""
REPLAY_WINDOW: Final = 50
"""Events checked for an earlier attempt when a send names no `after_seq`."""
BEHIND_MAX: Final = 1_000
"""Events past `after_seq` that a send checks; beyond them the client has to read the log first."""
MENTIONS_KEPT: Final = 100
"""Unread mentions of a person that are counted in one conversation."""
PREVIEW_CHARS: Final = 200
"""How much of the newest message's body the inbox carries."""
MENTIONS_MAX: Final = 50
"""Different handles looked up for one message; those after them are plain text."""
REACTION_KINDS: Final = 20
"""Different emoji under one message."""
REACTION_NAMES: Final = 20
"""People named for each of them, the first ones; the others are counted. With it an event stays below 50 KB."""
PINS_MAX: Final = 50
"""Messages pinned in one conversation."""
REQUEST_BYTES: Final = 128 * 1024
"""Longest request body: the longest message, every character escaped, fits."""
FRAME_BYTES: Final = 4 * 1024
"""Longest frame a client may send; its commands are small."""
NESTING_MAX: Final = 32
"""Deepest nesting of arrays and objects in a request."""
RATE_REQUESTS: Final = 300
RATE_S: Final = 60
TICKET_S: Final = 30
CONNECTION_S: Final = 2 * 60 * 60
"""Longest life of a WebSocket connection. Source: API Gateway quotas, "Connection duration for WebSocket API"."""
CONNECTIONS_PER_USER: Final = 32
SIGNAL_MEMBERS: Final = 100
"""Receipts and typing are pushed in conversations of up to this many members: in larger ones they would cost more than
they tell, and clients read the cursors when they look."""
WATCH_S: Final = 5 * 60
"""How long a watcher of somebody's presence hears of it."""
WATCHED_MAX: Final = 20
"""People whose presence is watched by one request: those on a screen."""
WATCHERS_MAX: Final = 100
"""Watchers of one person; the one who asked longest ago makes way."""
SEQ_MAX: Final = 10**12 - 1
"""Highest `seq` that the sort key's padding holds."""

_HANDLE = re.compile(HANDLE_PATTERN)
_CLIENT_MESSAGE_ID = re.compile(CLIENT_MESSAGE_ID_PATTERN)
_ID = re.compile(ID_PATTERN)
_FORBIDDEN_IN_BODY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zs"})
"""Unicode's categories of what takes no ink: controls, formats such as the zero-width space, spaces."""
_FORBIDDEN_IN_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


def check_body(body: str) -> str:
    """Return a message's body as it came. Raises: Invalid unless it has 1 to 8,000 characters, at most 24 KB,
    something other than white space, and no control characters but tab, line feed and carriage return."""
    if not body.strip():
        raise Invalid("body must not be empty", field="body", limit=1)
    if len(body) > BODY_CHARS:
        raise Invalid(
            f"body has {len(body):,} characters; {BODY_CHARS:,} is the most", field="body", limit=BODY_CHARS
        )
    # What Python calls printable holds nothing of these, and is told apart many times sooner.
    if not body.isprintable() and _FORBIDDEN_IN_BODY.search(body):
        raise Invalid(
            "body holds a control character",
            field="body",
            limit="no control characters but tab and line breaks",
        )
    size = len(body.encode())
    if size > BODY_BYTES:
        raise Invalid(f"body has {size:,} bytes; {BODY_BYTES:,} is the most", field="body", limit=BODY_BYTES)
    return body


def check_line(text: str, *, field: str, maximum: int) -> str:
    """Return a one-line text as it came. Raises: Invalid unless it has 1 to `most` characters, one that can be seen
    among them, and no line break or other control character."""
    if all(category(char) in _INVISIBLE_CATEGORIES for char in text):
        raise Invalid(f"{field} must not be empty", field=field, limit=1)
    if len(text) > maximum:
        raise Invalid(
            f"{field} has {len(text):,} characters; {maximum} is the most", field=field, limit=maximum
        )
    if _FORBIDDEN_IN_LINE.search(text):
        raise Invalid(f"{field} holds a line break or a control character", field=field, limit="one line")
    return text


def check_description(text: str) -> str:
    """Return a description as it came; it may be empty. Raises: Invalid where it has over 500 characters, or control
    characters but tab and line breaks."""
    check_count(len(text), field="description", maximum=DESCRIPTION_CHARS, unit=" characters")
    if _FORBIDDEN_IN_BODY.search(text):
        raise Invalid(
            "description holds a control character",
            field="description",
            limit="no control characters but tab and line breaks",
        )
    return text


def check_handle(handle: str) -> str:
    """Return the handle. Raises: Invalid unless it is 3 to 30 of a-z, 0-9, `_` and `.`."""
    check_count(len(handle), field="handle", minimum=HANDLE_MIN, maximum=HANDLE_MAX, unit=" characters")
    if not _HANDLE.fullmatch(handle):
        raise Invalid("handle may hold a-z, 0-9, _ and . only", field="handle", limit=HANDLE_PATTERN)
    return handle


def check_prefix(prefix: str) -> str:
    """Return a directory prefix, lower-cased. Raises: Invalid if it cannot begin a handle or has under 2 characters."""
    prefix = prefix.lower()
    check_count(len(prefix), field="prefix", minimum=PREFIX_MIN, maximum=HANDLE_MAX, unit=" characters")
    if not _HANDLE.fullmatch(prefix):
        raise Invalid("prefix may hold a-z, 0-9, _ and . only", field="prefix", limit=HANDLE_PATTERN)
    return prefix


def check_client_message_id(client_message_id: str) -> str:
    """Return the id. Raises: Invalid unless it is 1 to 64 of letters, digits, `_` and `-`."""
    if len(client_message_id) > CLIENT_MESSAGE_ID_MAX or not _CLIENT_MESSAGE_ID.fullmatch(client_message_id):
        raise Invalid(
            f"client_message_id must be 1 to {CLIENT_MESSAGE_ID_MAX} of A-Z a-z 0-9 _ -",
            field="client_message_id",
            limit=CLIENT_MESSAGE_ID_MAX,
        )
    return client_message_id


def check_count(count: int, *, field: str, maximum: int, minimum: int = 0, unit: str = "") -> int:
    """Return a number, of `unit` where it counts something.

    Raises: Invalid, naming the bound that it misses, unless it lies in `least`..`most`.
    """
    if not minimum <= count <= maximum:
        bounds = f"it must be {minimum:,} to {maximum:,}{unit}"
        raise Invalid(
            f"{field} is {count:,}{unit}; {bounds}",
            field=field,
            limit=minimum if count < minimum else maximum,
        )
    return count


def is_id(text: str) -> bool:
    """Whether `text` could be the id of a conversation or a user at all."""
    return _ID.fullmatch(text) is not None
