"""Creates accounts: signing up, and the confirmation code that some sites send by mail."""

from __future__ import annotations

from typing import NamedTuple

import urllib3

from imchat.client.session import fetch_site_config


class SignUp(NamedTuple):
    """A new account. Unless `confirmed`, a code was sent to its address: call `confirm_sign_up` with it."""

    user_id: str
    confirmed: bool


async def sign_up(url: str, email: str, password: str) -> SignUp:
    """Create an account at the site at `url`."""
    with urllib3.PoolManager() as pool:
        cognito = (await fetch_site_config(pool, url)).cognito(pool)
        response = await cognito.call("SignUp", Username=email, Password=password)
    return SignUp(str(response["UserSub"]), bool(response["UserConfirmed"]))


async def confirm_sign_up(url: str, email: str, code: str) -> None:
    """Confirm a new account with the code that was sent."""
    with urllib3.PoolManager() as pool:
        cognito = (await fetch_site_config(pool, url)).cognito(pool)
        await cognito.call("ConfirmSignUp", Username=email, ConfirmationCode=code.strip())


async def resend_code(url: str, email: str) -> str:
    """Send another confirmation code; return the masked address it was sent to."""
    with urllib3.PoolManager() as pool:
        cognito = (await fetch_site_config(pool, url)).cognito(pool)
        response = await cognito.call("ResendConfirmationCode", Username=email)
    return str(response.get("CodeDeliveryDetails", {}).get("Destination", ""))
