"""Creates the data of `--demo`: two users who can sign in, and a conversation between them. It is idempotent."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from imchat.domain.ids import UserId
from imchat.errors import ConfigError
from imchat.local.data_dir import replace_file
from imchat.local.identity import Identity
from imchat.services import conversations, messages, read_cursors, users
from imchat.services.app import App
from imchat.storage.table import Table

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A user of the demo, with the credentials to sign in."""

    name: str
    handle: str
    email: str
    password: str


_USERS: Final = (
    ("Ada Lovelace", "ada.demo", "ada@example.com"),
    ("Grace Hopper", "grace.demo", "grace@example.com"),
)
_MESSAGES: Final = (
    # minutes ago, sender (0: Ada, 1: Grace), body
    (26 * 60, 0, "Hi Grace! I set up imchat this afternoon. It took one command."),
    (26 * 60 - 1, 1, "Hello Ada, good to see you here."),
    (26 * 60 - 2, 1, "And it keeps everything on our own machine?"),
    (26 * 60 - 4, 0, "Everything: accounts, messages, keys. One folder, easy to back up."),
    (26 * 60 - 5, 1, "I like that. I once found a moth in a relay, so I check things before I trust them."),
    (
        26 * 60 - 6,
        0,
        "Then check this: pull the plug while you send. What was sent is there when it comes back.",
    ),
    (95, 1, "Good morning! I pulled the plug. Twice."),
    (94, 0, "And?"),
    (93, 1, "Not a message lost, not one doubled, all in order. 🎉"),
    (92, 0, "Shall we bring the team over?"),
    (12, 1, "Yes. Open this in a second browser, sign in as me, and answer yourself. 🙂"),
)


def seed(app: App, table: Table, keys: Path) -> tuple[DemoUser, ...]:
    """Sign up the demo users and write their conversation, unless that is done already; return the users.

    Raises: ConfigError if the password of a demo user was changed.
    """
    identity = Identity(table=table, keys=keys, now_ms=app.now_ms, deliver=lambda *_: None)
    demo_users = _load_users(keys / "demo.json")
    user_ids = [_sign_up(identity, user) for user in demo_users]
    for user_id, user in zip(user_ids, demo_users, strict=True):
        if users.me(app, user_id).handle is None:
            users.update_profile(app, user_id, handle=user.handle, display_name=user.name)
    _seed_conversation(app, *user_ids)
    return demo_users


def _seed_conversation(app: App, ada: UserId, grace: UserId) -> None:
    now_ms = app.now_ms()
    entry = conversations.create_direct(_with_clock_at(app, now_ms - 26 * 60 * MINUTE_MS), ada, grace)
    conversation_id = entry.head.conversation_id
    if entry.head.message_count:
        return
    for number, (minutes_ago, sender, body) in enumerate(_MESSAGES):
        messages.send(
            _with_clock_at(app, now_ms - minutes_ago * MINUTE_MS),
            (ada, grace)[sender],
            conversation_id,
            client_message_id=f"demo-{number}",
            body=body,
            after_seq=1,
        )
    read_cursors.mark_read(app, grace, conversation_id, entry.head.last_seq + len(_MESSAGES))


def _with_clock_at(app: App, at_ms: int) -> App:
    return replace(app, now_ms=lambda: at_ms)


def _load_users(path: Path) -> tuple[DemoUser, ...]:
    """Read the users with their passwords; generate those at the first call, because a fixed one would be public."""
    if not path.exists():
        new_passwords = {email: f"demo-{secrets.token_hex(6)}" for _, _, email in _USERS}
        replace_file(path, json.dumps(new_passwords).encode())
    passwords = json.loads(path.read_bytes())
    return tuple(DemoUser(name, handle, email, passwords[email]) for name, handle, email in _USERS)


def _sign_up(identity: Identity, user: DemoUser) -> UserId:
    status, created = _call_identity(identity, "SignUp", {"Username": user.email, "Password": user.password})
    if status == HTTPStatus.OK:
        return UserId(created["UserSub"])
    credentials = {"USERNAME": user.email, "PASSWORD": user.password}
    status, signed_in = _call_identity(
        identity, "InitiateAuth", {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": credentials}
    )
    if status != HTTPStatus.OK:
        raise ConfigError(f"the demo account {user.email} exists with another password; start without --demo")
    token = signed_in["AuthenticationResult"]["AccessToken"]
    return UserId(identity.verify_access_token(token)["sub"])


def _call_identity(
    identity: Identity, operation: str, fields: Mapping[str, Any]
) -> tuple[int, dict[str, Any]]:
    target = f"AWSCognitoIdentityProviderService.{operation}"
    body = json.dumps({"ClientId": identity.client_id, **fields}).encode()
    response = identity.handle(target, body, {}, endpoint="http://localhost")
    return response.status, json.loads(response.body)
