"""All keys of the single table, and the access patterns that read them.

    item                          pk                      sk                      read by
    profile                       USER#<user_id>          PROFILE                 get; get_many (display names)
    my conversations (pointer)    USER#<user_id>          CONV#<conversation_id>  query prefix CONV# (inbox)
    open connections              USER#<user_id>          CONNECTIONS             get_many (fan-out)
    ended sign-in                 USER#<user_id>          OUT#<sign_in>           get (tickets, connections)
    presence subscribers          USER#<user_id>          WATCHERS                get (presence)
    block                         USER#<user_id>          BLOCK#MADE#<user_id>    query prefix BLOCK#MADE# (my blocks)
    same block, blocked user's    USER#<user_id>          BLOCK#MET#<user_id>     query prefix BLOCK# (both directions)
    unique handle                 HANDLE#<handle>         HANDLE                  condition; get_many (mentions)
    directory entry               DIR#<first two letters> <handle>                query prefix (find users)
    user, by word of their name   NAMES#<one or two letters> <term>#<user_id>     query prefix (find users)
    user index (administrators)   PEOPLE                  <user_id>               query (all users, by page)
    audit log entry               AUDIT                   <at_ms>-<random>        query, newest first (by page)
    conversation head             CONV#<conversation_id>  HEAD                    get; get_many (inbox)
    member                        CONV#<conversation_id>  MEMBER#<user_id>        get (access); query prefix MEMBER#
    event                         CONV#<conversation_id>  EVENT#<seq>             query low..high (the log)
    invite                        INVITES#<conversation>  <sha256, 32 digits>     get; query (a group's invites)
    public channel, by word       CHANNELS#<letters>      <term>#<conversation>   query prefix (find channels)
    reaction of one user          REACTIONS#<id>#<seq>    <emoji>#<user_id>       get (does it exist); query (deletion)
    fan-out progress              PUSHED#<conversation_id> PUSHED                 get (fan-out)
    rate counter (one window)     RATE#<user_id>          <window, 12 digits>     condition
    strangers added (one hour)    RATE#<user_id>          STRANGERS#<hour>        condition
    read counter (one window)     RATE#<user_id>          READS#<window>          condition
    realtime ticket               TICKET#<sha256>         TICKET                  get, then conditional delete

`EVENT#` < `HEAD` < `MEMBER#` in byte order: one query from an event onward reads the newest events, the head and the
members, in that order. A send needs nothing else.

Every function here raises Invalid for an id that does not match `limits.ID_PATTERN`, so that no id can contain the `#`
between the parts of a key.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from imchat.domain.ids import ConversationId, SignInId, UserId
from imchat.domain.limits import PREFIX_MIN, SEQ_MAX, check_id
from imchat.domain.search_terms import common_prefix
from imchat.storage.table import Key

POINTER_PREFIX: Final = "CONV#"
MEMBER_PREFIX: Final = "MEMBER#"
ANY_BLOCK_PREFIX: Final = "BLOCK#"
BLOCK_PREFIX: Final = "BLOCK#MADE#"
BLOCKED_BY_PREFIX: Final = "BLOCK#MET#"
EVENT_PREFIX: Final = "EVENT#"
USER_INDEX_PK: Final = "PEOPLE"
AUDIT_PK: Final = "AUDIT"
HEAD_SK: Final = "HEAD"
LAST_EVENT_SK: Final = f"{EVENT_PREFIX}{SEQ_MAX}"
_CHECKED_IDS: Final = 8192
"""Ids whose check is cached: every request needs the same few again and again."""


@lru_cache(_CHECKED_IDS)
def _user(user_id: UserId) -> UserId:
    check_id(user_id, field="user_id")
    return user_id


@lru_cache(_CHECKED_IDS)
def _conversation(conversation_id: ConversationId) -> ConversationId:
    check_id(conversation_id, field="conversation_id")
    return conversation_id


def user_pk(user_id: UserId) -> str:
    """Return the partition key of a user's items."""
    return f"USER#{_user(user_id)}"


def conversation_pk(conversation_id: ConversationId) -> str:
    """Return the partition key of a conversation: its head, members and log."""
    return f"CONV#{_conversation(conversation_id)}"


def profile(user_id: UserId) -> Key:
    """Return the key of a user's profile."""
    return Key(user_pk(user_id), "PROFILE")


def user_index(user_id: UserId) -> Key:
    """Return the key of a user's entry in the index of all profiles."""
    return Key(USER_INDEX_PK, _user(user_id))


def audit_entry(audit_id: str) -> Key:
    """Return the key of an audit log entry."""
    return Key(AUDIT_PK, audit_id)


def connections(user_id: UserId) -> Key:
    """Return the key of a user's open connections: one attribute per connection id, its value is the expiry (epoch seconds)."""
    return Key(user_pk(user_id), "CONNECTIONS")


def signed_out_sign_in(user_id: UserId, sign_in: SignInId) -> Key:
    """Return the key of an item that exists once the user has signed out of this sign-in."""
    return Key(user_pk(user_id), f"OUT#{sign_in}")


def presence_subscribers(user_id: UserId) -> Key:
    """Return the key of a user's presence subscribers: one attribute per subscriber id, with its expiry and conversation."""
    return Key(user_pk(user_id), "WATCHERS")


def block_by_blocker(blocker_id: UserId, blocked_id: UserId) -> Key:
    """Return the key of a block in the partition of the user who blocks."""
    return Key(user_pk(blocker_id), f"{BLOCK_PREFIX}{_user(blocked_id)}")


def block_by_blocked(blocked_id: UserId, blocker_id: UserId) -> Key:
    """Return the key of the same block in the partition of the blocked user."""
    return Key(user_pk(blocked_id), f"{BLOCKED_BY_PREFIX}{_user(blocker_id)}")


def pointer(user_id: UserId, conversation_id: ConversationId) -> Key:
    """Return the key of a user's inbox entry for a conversation."""
    return Key(user_pk(user_id), f"{POINTER_PREFIX}{_conversation(conversation_id)}")


def handle(text: str) -> Key:
    """Return the key of an item that exists while the handle is taken."""
    return Key(f"HANDLE#{text}", "HANDLE")


def directory_pk(prefix: str) -> str:
    """Return the partition key of all handles with this prefix (at least two characters)."""
    return f"DIR#{prefix[:PREFIX_MIN]}"


def directory_entry(text: str) -> Key:
    """Return the key of a handle's directory entry."""
    return Key(directory_pk(text), text)


def name_index_pk(term: str) -> str:
    """Return the partition key of all terms of display names that begin with `term`."""
    return f"NAMES#{common_prefix(term)}"


def name_index_entry(term: str, user_id: UserId) -> Key:
    """Return the key of a user's index entry for one term of their display name."""
    return Key(name_index_pk(term), f"{term}#{_user(user_id)}")


def head(conversation_id: ConversationId) -> Key:
    """Return the key of a conversation's head."""
    return Key(conversation_pk(conversation_id), HEAD_SK)


def member(conversation_id: ConversationId, user_id: UserId) -> Key:
    """Return the key of a user's membership."""
    return Key(conversation_pk(conversation_id), f"{MEMBER_PREFIX}{_user(user_id)}")


def event_sk(seq: int) -> str:
    """Return the sort key of event `seq`. It is padded, so that text order is number order."""
    return f"{EVENT_PREFIX}{seq:012d}"


def event(conversation_id: ConversationId, seq: int) -> Key:
    """Return the key of an event."""
    return Key(conversation_pk(conversation_id), event_sk(seq))


def invites_pk(conversation_id: ConversationId) -> str:
    """Return the partition key of a group's invites."""
    return f"INVITES#{_conversation(conversation_id)}"


def invite(conversation_id: ConversationId, invite_id: str) -> Key:
    """Return the key of an invite. `invite_id` is a digest of its token."""
    return Key(invites_pk(conversation_id), invite_id)


def channel_index_pk(term: str) -> str:
    """Return the partition key of all terms of channel titles that begin with `term`, or that `term` begins with."""
    return f"CHANNELS#{common_prefix(term)}"


def channel_index_entry(term: str, conversation_id: ConversationId) -> Key:
    """Return the key of a public channel's index entry for one term of its title."""
    return Key(channel_index_pk(term), f"{term}#{_conversation(conversation_id)}")


def reactions_pk(conversation_id: ConversationId, seq: int) -> str:
    """Return the partition key of the reactions to a message."""
    return f"REACTIONS#{_conversation(conversation_id)}#{seq}"


def reaction(conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> Key:
    """Return the key of an item that exists while the user has this reaction to the message."""
    return Key(reactions_pk(conversation_id, seq), f"{emoji}#{_user(user_id)}")


def fanout_progress(conversation_id: ConversationId) -> Key:
    """Return the key of a conversation's fan-out progress. Its own partition keeps these writes off the conversation's."""
    return Key(f"PUSHED#{_conversation(conversation_id)}", "PUSHED")


def rate_counter(user_id: UserId, window: int) -> Key:
    """Return the key of a user's request count in one time window."""
    return Key(f"RATE#{_user(user_id)}", f"{window:012d}")


def stranger_counter(user_id: UserId, window: int) -> Key:
    """Return the key of the number of strangers that a user added in one time window."""
    return Key(f"RATE#{_user(user_id)}", f"STRANGERS#{window:012d}")


def read_counter(user_id: UserId, window: int) -> Key:
    """Return the key of a user's count of reads in one time window."""
    return Key(f"RATE#{_user(user_id)}", f"READS#{window:012d}")


def ticket(secret: str) -> Key:
    """Return the key of a realtime ticket. It has only a hash, so that read access to the table is not enough to use a ticket."""
    return Key(f"TICKET#{hashlib.sha256(secret.encode()).hexdigest()}", "TICKET")
