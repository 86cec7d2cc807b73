"""The user pool of one data folder: its ids, its key files, and values derived from its secret."""

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
    """The ids that clients send, and a secret that never leaves the data folder."""

    pool_id: str
    client_id: str
    secret: bytes

    @classmethod
    def load(cls, table: Table) -> Pool:
        """Load the pool from the table; create it at the first call."""
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
        """Return the identity in an SRP proof: the pool's name and the user id."""
        return self.pool_id.partition("_")[2] + user_id

    def digest(self, purpose: str, value: str) -> bytes:
        """Return 32 bytes that look random without the pool's secret, the same for the same arguments."""
        return hmac.digest(self.secret, f"{purpose}:{value}".encode(), "sha256")

    def fake_credentials(self, name: str) -> tuple[str, int, int]:
        """Return user id, salt and verifier for an unknown user: the same for each name, valid for no password.

        As with an account, the user id is itself a name with the same salt. `name` is in lower case.
        """
        user_id = (
            name if _is_user_id(name) else str(uuid.UUID(bytes=self.digest("user", name)[:16], version=4))
        )
        salt = int.from_bytes(self.digest("salt", user_id)[: srp.SALT_BYTES], "big")
        top = 1 << (8 * srp.SALT_BYTES - 2)
        verifier = hashlib.shake_256(self.digest("verifier", user_id)).digest(384)
        return user_id, salt % top | top, int.from_bytes(verifier, "big") % N


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The credentials that sign Admin* and List* calls, and the id of their pool."""

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
            f"cannot read {path} ({type(error).__name__}); delete it and start `imchat local` again to create a new one"
        ) from error


def load_admin_key(folder: Path, pool_id: str) -> AdminKey:
    """Read `admin.json`; create it if it is missing or for another pool. Raises: ConfigError."""
    path = folder / "admin.json"
    if path.exists():
        key = read_admin_key(folder)
        if key.pool_id == pool_id:
            return key
    key = AdminKey(pool_id, f"LOCAL{random_letters(15).upper()}", random_letters(40))
    _write_private(path, json.dumps(asdict(key)).encode())
    return key


def load_signing_key(folder: Path) -> rsa.RSAPrivateKey:
    """Read `signing.pem`, the key of all tokens; create it at the first call. Raises: ConfigError."""
    path = folder / "signing.pem"
    if not path.exists():
        new_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = new_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write_private(path, pem)
    try:
        # Only the owner can write this key, and this program created it: a full check would only slow down the start.
        key = serialization.load_pem_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read {path}: {error}; delete it to create a new one; all users must then sign in again"
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigError(
            f"{path} is not an RSA key; delete it to create a new one; all users must then sign in again"
        )
    return key


def _is_user_id(name: str) -> bool:
    """Return whether a name has the form of a user id: a random UUID."""
    try:
        found = uuid.UUID(name)
    except ValueError:
        return False
    return str(found) == name and found.version == 4  # noqa: PLR2004 - the version of random UUIDs


def _write_private(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise ConfigError(
            f"cannot write {path} ({error.strerror}); choose another folder with --data-dir"
        ) from error


def random_letters(count: int) -> str:
    """Return `count` random ASCII letters and digits."""
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
