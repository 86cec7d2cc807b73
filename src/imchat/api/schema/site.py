"""Schemas of `/config.json`."""

from __future__ import annotations

from typing import Literal

from imchat.api.schema.base import ResponseModel


class SiteAuth(ResponseModel):
    """The user pool and client for signing in."""

    endpoint: str
    region: str
    user_pool_id: str
    client_id: str


class SiteSignUp(ResponseModel):
    """Who may create an account: anyone, no one, or people with an e-mail address in one of `domains`."""

    policy: Literal["open", "invitation", "domain"]
    domains: list[str]


class SiteConfig(ResponseModel):
    """`/config.json`: the URLs of the API and the WebSocket, absolute or relative to the site's origin, and how to sign in.

    `sign_up` is missing on servers that are older than it; they refuse a sign-up that their policy does not allow.
    """

    version: Literal[1]
    api_url: str
    ws_url: str
    auth: SiteAuth
    sign_up: SiteSignUp | None = None
