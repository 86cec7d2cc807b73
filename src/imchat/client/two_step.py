"""Two-step sign-in of the signed-in account: setting up an authenticator app, and turning its codes on and off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from imchat.client.session import Session

SOFTWARE_TOKEN: Final = "SOFTWARE_TOKEN_MFA"  # noqa: S105 - a challenge, not a password


class TwoStepSetup(NamedTuple):
    """A new secret for an authenticator app: `uri`, to be shown as a QR code, or `secret`, to be typed. Keep both private."""

    secret: str
    uri: str


def setup_uri(site_url: str, email: str, secret: str) -> str:
    """Return the `otpauth` URI of a secret. The app shows it as the account `email` of "imchat" at the site's host.

    Source: https://github.com/google/google-authenticator/wiki/Key-Uri-Format. The omitted values are the defaults of
    all apps, and those that user pools use: SHA-1, 6 digits, 30 seconds.
    """
    host = urlsplit(site_url).hostname or ""
    issuer = f"imchat {host.replace(':', '-')}"  # a colon ends the issuer
    label = quote(f"{issuer}:{email}", safe=":@")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer}, quote_via=quote)}"


class TwoStep:
    """The two-step sign-in of the account of a session."""

    def __init__(self, session: Session, site_url: str, email: str) -> None:
        self._session = session
        self._site_url = site_url
        self._email = email

    async def is_on(self) -> bool:
        """Return whether signing in requires a code."""
        user = await self._session.call("GetUser")
        return SOFTWARE_TOKEN in user.get("UserMFASettingList", ())

    async def set_up(self) -> TwoStepSetup:
        """Return a new secret."""
        secret = str((await self._session.call("AssociateSoftwareToken"))["SecretCode"])
        return TwoStepSetup(secret, setup_uri(self._site_url, self._email, secret))

    async def turn_on(self, code: str) -> None:
        """Verify the secret with a code, and require codes."""
        await self._session.call("VerifySoftwareToken", UserCode="".join(code.split()))
        await self._set_preference(on=True)

    async def turn_off(self) -> None:
        """Stop requiring codes."""
        await self._set_preference(on=False)

    async def _set_preference(self, *, on: bool) -> None:
        settings = {"Enabled": on, "PreferredMfa": on}
        await self._session.call("SetUserMFAPreference", SoftwareTokenMfaSettings=settings)
