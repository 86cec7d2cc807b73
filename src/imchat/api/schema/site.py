"""`/config.json`."""

from __future__ import annotations

from typing import Literal

from imchat.api.schema.base import Answer


class SiteAuth(Answer):
    """Where the web client signs people in."""

    endpoint: str
    region: str
    user_pool_id: str
    client_id: str


class SiteConfig(Answer):
    """`/config.json`: where everything is. URLs are absolute, or relative to the site's origin."""

    version: Literal[1]
    api_url: str
    ws_url: str
    auth: SiteAuth
