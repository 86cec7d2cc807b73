"""An authenticator app for tests, independent of imchat's code: RFC 6238 with SHA-1, 30 seconds and 6 digits."""

from __future__ import annotations

import base64
import hmac
import struct
import time
from dataclasses import dataclass


@dataclass
class Authenticator:
    """Shows the codes of a base32 secret."""

    secret: str

    def code_at(self, time_s: float) -> str:
        """Return the code that the app shows at `time_s` (epoch seconds)."""
        digest = hmac.digest(base64.b32decode(self.secret), struct.pack(">Q", int(time_s) // 30), "sha1")
        start = digest[-1] & 15
        (number,) = struct.unpack(">I", digest[start : start + 4])
        return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"

    def code(self, *, steps_from_now: int = 0) -> str:
        """Return the code of now, or of another step of 30 seconds."""
        return self.code_at(time.time() + 30 * steps_from_now)

    def wrong_code(self) -> str:
        """Return a code that is valid neither now nor within several steps."""
        valid = {self.code(steps_from_now=steps) for steps in range(-10, 11)}
        return next(code for code in map("{:06}".format, range(30)) if code not in valid)
