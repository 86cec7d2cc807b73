"""What `--demo` fills in: two people who can sign in, and a conversation between them. Doing it again changes nothing."""

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
    """Somebody of the demo, and how to sign in as them."""

    name: str
    handle: str
    email: str
    password: str


_PEOPLE: Final = (
    ("Ada Lovelace", "ada.demo", "ada@example.com"),
    ("Grace Hopper", "grace.demo", "grace@example.com"),
)
_HISTORY: Final = (
    # minutes ago, who (0: Ada, 1: Grace), what
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


def fill(app: App, table: Table, keys: Path) -> tuple[DemoUser, ...]:
    """The demo's people, signed up if they are not, with their conversation, written if it is not.

    Raises: ConfigError where somebody has changed their passwords.
    """
    identity = Identity(table=table, keys=keys, now_ms=app.now_ms, deliver=lambda *_: None)
    people = _passwords(keys / "demo.json")
    user_ids = [_sign_up(identity, person) for person in people]
    for user_id, person in zip(user_ids, people, strict=True):
        if users.me(app, user_id).handle is None:
            users.update_profile(app, user_id, handle=person.handle, display_name=person.name)
    _converse(app, *user_ids)
    return people


def _converse(app: App, ada: UserId, grace: UserId) -> None:
    now_ms = app.now_ms()
    entry = conversations.create_direct(_wait_until(app, now_ms - 26 * 60 * MINUTE_MS), ada, grace)[0]
    conversation_id = entry.head.conversation_id
    if entry.head.message_count:
        return
    for number, (minutes_ago, who, body) in enumerate(_HISTORY):
        messages.send(
            _wait_until(app, now_ms - minutes_ago * MINUTE_MS),
            (ada, grace)[who],
            conversation_id,
            client_message_id=f"demo-{number}",
            body=body,
            after_seq=1,
        )
    read_cursors.mark_read(app, grace, conversation_id, entry.head.last_seq + len(_HISTORY))


def _wait_until(app: App, at_ms: int) -> App:
    return replace(app, now_ms=lambda: at_ms)


def _passwords(place: Path) -> tuple[DemoUser, ...]:
    """Everyone with their password, made at the first call: a known one would open the server to whoever reads this."""
    if not place.exists():
        made = {email: f"demo-{secrets.token_hex(6)}" for _, _, email in _PEOPLE}
        replace_file(place, json.dumps(made).encode())
    kept = json.loads(place.read_bytes())
    return tuple(DemoUser(name, handle, email, kept[email]) for name, handle, email in _PEOPLE)


def _sign_up(identity: Identity, person: DemoUser) -> UserId:
    status, made = _call_identity(identity, "SignUp", {"Username": person.email, "Password": person.password})
    if status == HTTPStatus.OK:
        return UserId(made["UserSub"])
    credentials = {"USERNAME": person.email, "PASSWORD": person.password}
    status, known = _call_identity(
        identity, "InitiateAuth", {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": credentials}
    )
    if status != HTTPStatus.OK:
        raise ConfigError(
            f"the demo's account {person.email} exists with another password; start without --demo"
        )
    token = known["AuthenticationResult"]["AccessToken"]
    return UserId(identity.verify_access_token(token)["sub"])


def _call_identity(
    identity: Identity, operation: str, fields: Mapping[str, Any]
) -> tuple[int, dict[str, Any]]:
    target = f"AWSCognitoIdentityProviderService.{operation}"
    body = json.dumps({"ClientId": identity.client_id, **fields}).encode()
    answer = identity.handle(target, body, {}, endpoint="http://localhost")
    return answer.status, json.loads(answer.body)
