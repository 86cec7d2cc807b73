"""The user pool of one data folder: its ids, its key files, and what is derived from its secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import string
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from imchat.errors import ConfigError
from imchat.local.data_dir import replace_file
from imchat.local.identity import srp
from imchat.srp import N
from imchat.storage.table import Key, Put, Table

REGION: Final = "local"
_POOL: Final = Key("POOL", "POOL")
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Pool:
    """The ids that clients name, and a secret that never leaves the data folder."""

    pool_id: str
    client_id: str
    secret: bytes

    @classmethod
    def load(cls, table: Table) -> Pool:
        """The pool that lies in the table, made at the first call."""
        item = table.get(_POOL)
        if item is None:
            item = {
                "pool_id": f"{REGION}_{random_letters(9)}",
                "client_id": random_letters(26).lower(),
                "secret": secrets.token_hex(32),
            }
            table.write(Put(_POOL, item))
        return cls(item["pool_id"], item["client_id"], bytes.fromhex(item["secret"]))

    def srp_identity(self, user_id: str) -> str:
        """Whom an SRP proof speaks of: the pool's name and the user id."""
        return self.pool_id.partition("_")[2] + user_id

    def digest(self, purpose: str, value: str) -> bytes:
        """32 bytes that nobody without the pool's secret can tell from random ones, the same for the same arguments."""
        return hmac.digest(self.secret, f"{purpose}:{value}".encode(), "sha256")

    def stand_in(self, name: str) -> tuple[str, int, int]:
        """User id, salt and verifier to show for an unknown user: always the same for one name, true for nobody."""
        user_id = str(uuid.UUID(bytes=self.digest("user", name)[:16], version=4))
        salt = int.from_bytes(self.digest("salt", name)[: srp.SALT_BYTES], "big")
        top = 1 << (8 * srp.SALT_BYTES - 2)
        verifier = hashlib.shake_256(self.digest("verifier", name)).digest(384)
        return user_id, salt % top | top, int.from_bytes(verifier, "big") % N


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The credentials that Admin* and List* calls are signed with, and the pool they are for."""

    pool_id: str
    access_key_id: str
    secret_access_key: str


def read_admin_key(folder: Path) -> AdminKey:
    """Read `admin.json`. Raises: ConfigError."""
    path = folder / "admin.json"
    try:
        stored: Any = json.loads(path.read_bytes())
        return AdminKey(stored["pool_id"], stored["access_key_id"], stored["secret_access_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"cannot read {path} ({type(error).__name__}); delete it and start `imchat local` again: a new one is made"
        ) from error


def load_admin_key(folder: Path, pool_id: str) -> AdminKey:
    """Read `admin.json`, made at the first call and for another pool. Raises: ConfigError."""
    path = folder / "admin.json"
    if path.exists():
        key = read_admin_key(folder)
        if key.pool_id == pool_id:
            return key
    made = AdminKey(pool_id, f"LOCAL{random_letters(15).upper()}", random_letters(40))
    _write_private(path, json.dumps(asdict(made)).encode())
    return made


def load_signing_key(folder: Path) -> rsa.RSAPrivateKey:
    """Read `signing.pem`, the key of all tokens, made at the first call. Raises: ConfigError."""
    path = folder / "signing.pem"
    if not path.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_private(path, pem)
    try:
        # The full check of a key that this program made and that only its owner can write would cost start-up time.
        key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read {path}: {error}; delete it, a new one is made, and everyone signs in again"
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError(
            f"{path} is not an RSA key; delete it, a new one is made, and everyone signs in again"
        )
    return key


def _write_private(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise ConfigError(
            f"cannot write {path} ({error.strerror}); choose another folder with --data-dir"
        ) from error


def random_letters(count: int) -> str:
    """`count` random ASCII letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
