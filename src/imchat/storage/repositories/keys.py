"""The whole single-table layout: every key imchat writes, and every access pattern that reads it.

    item                          pk                      sk                      read by
    profile                       USER#<user_id>          PROFILE                 get; get_many (names of people)
    my conversations (pointer)    USER#<user_id>          CONV#<conversation_id>  query prefix CONV# (inbox)
    open connections              USER#<user_id>          CONNECTIONS             get_many (fan-out)
    sign-in that is over          USER#<user_id>          OUT#<sign_in>           get (tickets, connections)
    watchers of a person          USER#<user_id>          WATCHERS                get (presence)
    block                         USER#<user_id>          BLOCK#MADE#<user_id>    query prefix BLOCK#MADE# (my blocks)
    the same, with the other      USER#<user_id>          BLOCK#MET#<user_id>     query prefix BLOCK# (all around me)
    unique handle                 HANDLE#<handle>         HANDLE                  condition; get_many (mentions)
    directory entry               DIR#<first two letters> <handle>                query prefix (find people)
    person, for administrators    PEOPLE                  <user_id>               query (everybody, by pages)
    what an administrator did     AUDIT                   <at_ms>-<random>        query, newest first (by pages)
    conversation head             CONV#<conversation_id>  HEAD                    get; get_many (inbox)
    member                        CONV#<conversation_id>  MEMBER#<user_id>        get (access); query prefix MEMBER#
    event                         CONV#<conversation_id>  EVENT#<seq>             query low..high (the log)
    invite                        INVITES#<conversation>  <sha256, 32 digits>     get; query (a group's invites)
    public channel, by word       CHANNELS#<two letters>  <word>#<conversation>   query prefix (find channels)
    one person's reaction         REACTIONS#<id>#<seq>    <emoji>#<user_id>       get (is it there); query (deletion)
    pushed so far (crowds)        PUSHED#<conversation_id> PUSHED                 get (fan-out)
    requests of a minute          RATE#<user_id>          <window, 12 digits>     condition
    realtime ticket               TICKET#<sha256>         TICKET                  get, then conditional delete

`EVENT#` < `HEAD` < `MEMBER#` in byte order: one query from an event upward reads the newest events, the head and the
members together, in that order. A send needs nothing else.
"""

from __future__ import annotations

import hashlib
from typing import Final

from imchat.domain.ids import ConversationId, SignInId, UserId
from imchat.domain.limits import PREFIX_MIN, SEQ_MAX
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


def user_pk(user_id: UserId) -> str:
    """The partition of everything that belongs to one person."""
    return f"USER#{user_id}"


def conversation_pk(conversation_id: ConversationId) -> str:
    """The partition of one conversation: its head, members and log."""
    return f"CONV#{conversation_id}"


def profile(user_id: UserId) -> Key:
    """A person's profile."""
    return Key(user_pk(user_id), "PROFILE")


def user_index(user_id: UserId) -> Key:
    """Says that there is such a profile."""
    return Key(USER_INDEX_PK, user_id)


def audit_entry(audit_id: str) -> Key:
    """Something that an administrator did."""
    return Key(AUDIT_PK, audit_id)


def connections(user_id: UserId) -> Key:
    """A person's open connections: one attribute each, its id, holding its expiry in epoch seconds."""
    return Key(user_pk(user_id), "CONNECTIONS")


def signed_out_sign_in(user_id: UserId, sign_in: SignInId) -> Key:
    """Exists once the person has signed out of one of their sign-ins."""
    return Key(user_pk(user_id), f"OUT#{sign_in}")


def presence_subscribers(user_id: UserId) -> Key:
    """Who wants to hear of a person's coming and going: one attribute each, their id, holding until when and from where."""
    return Key(user_pk(user_id), "WATCHERS")


def block_by_blocker(blocker_id: UserId, blocked_id: UserId) -> Key:
    """Exists while the first blocks the second; lies with the first."""
    return Key(user_pk(blocker_id), f"{BLOCK_PREFIX}{blocked_id}")


def block_by_blocked(blocked_id: UserId, blocker_id: UserId) -> Key:
    """The same block, as it lies with the first, who is blocked by the second."""
    return Key(user_pk(blocked_id), f"{BLOCKED_BY_PREFIX}{blocker_id}")


def pointer(user_id: UserId, conversation_id: ConversationId) -> Key:
    """Says that a person is in a conversation."""
    return Key(user_pk(user_id), f"{POINTER_PREFIX}{conversation_id}")


def handle(text: str) -> Key:
    """Exists while somebody has this handle."""
    return Key(f"HANDLE#{text}", "HANDLE")


def directory_pk(prefix: str) -> str:
    """The partition that holds all handles beginning like `prefix` (two characters or more)."""
    return f"DIR#{prefix[:PREFIX_MIN]}"


def directory_entry(text: str) -> Key:
    """The directory entry of a handle."""
    return Key(directory_pk(text), text)


def head(conversation_id: ConversationId) -> Key:
    """A conversation's head."""
    return Key(conversation_pk(conversation_id), HEAD_SK)


def member(conversation_id: ConversationId, user_id: UserId) -> Key:
    """A person's membership."""
    return Key(conversation_pk(conversation_id), f"{MEMBER_PREFIX}{user_id}")


def event_sk(seq: int) -> str:
    """The sort key of event `seq`; padded, so that text order is number order."""
    return f"{EVENT_PREFIX}{seq:012d}"


def event(conversation_id: ConversationId, seq: int) -> Key:
    """One event of a log."""
    return Key(conversation_pk(conversation_id), event_sk(seq))


def invites_pk(conversation_id: ConversationId) -> str:
    """The partition of a group's invites."""
    return f"INVITES#{conversation_id}"


def invite(conversation_id: ConversationId, invite_id: str) -> Key:
    """An invite, under a digest of its token."""
    return Key(invites_pk(conversation_id), invite_id)


def channel_index_pk(word: str) -> str:
    """The partition that holds all words of public channels' titles which begin like `word`."""
    return f"CHANNELS#{word[:PREFIX_MIN]}"


def channel_index_entry(word: str, conversation_id: ConversationId) -> Key:
    """Lists a public channel under a word of its title."""
    return Key(channel_index_pk(word), f"{word}#{conversation_id}")


def reactions_pk(conversation_id: ConversationId, seq: int) -> str:
    """The partition of the reactions to one message."""
    return f"REACTIONS#{conversation_id}#{seq}"


def reaction(conversation_id: ConversationId, seq: int, emoji: str, user_id: UserId) -> Key:
    """Exists while somebody reacts so to a message."""
    return Key(reactions_pk(conversation_id, seq), f"{emoji}#{user_id}")


def fanout_progress(conversation_id: ConversationId) -> Key:
    """How far the events of a crowded conversation have been pushed; apart, so that its log is not written more often."""
    return Key(f"PUSHED#{conversation_id}", "PUSHED")


def rate_counter(user_id: UserId, window: int) -> Key:
    """How many requests a person made in one stretch of time."""
    return Key(f"RATE#{user_id}", f"{window:012d}")


def ticket(secret: str) -> Key:
    """A realtime ticket, under its hash: who can read the table still cannot use one."""
    return Key(f"TICKET#{hashlib.sha256(secret.encode()).hexdigest()}", "TICKET")
