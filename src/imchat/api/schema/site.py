"""Schemas of `/config.json`."""

from __future__ import annotations

from typing import Literal

from imchat.api.schema.base import Answer


class SiteAuth(Answer):
    """The user pool and client for signing in."""

    endpoint: str
    region: str
    user_pool_id: str
    client_id: str


class SiteConfig(Answer):
    """`/config.json`: the URLs of the API and the WebSocket, absolute or relative to the site's origin, and how to sign in."""

    version: Literal[1]
    api_url: str
    ws_url: str
    auth: SiteAuth
