"""The URLs of a stage: on AWS, and through an emulator (nothing else knows an emulator's URLs)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The URLs of a stage. Users open `site`; the smoke test fetches `health`, `config` and `index`."""

    site: str
    health: str
    config: str
    index: str
    api: str
    websocket: str


def resolve_endpoints(outputs: Mapping[str, str], endpoint_url: str | None) -> Endpoints:
    """Return the URLs of a stage from the outputs of all its stacks.

    On AWS everything has the site's origin. The smoke test uses CloudFront's own host name, because a custom domain may
    not point to it yet. An emulator has no common origin: it serves the site from the bucket, and the APIs by their ids.
    """
    if endpoint_url is None:
        base = f"https://{outputs['DistributionDomain']}"
        return Endpoints(
            site=outputs["SiteUrl"],
            health=f"{base}/api/health",
            config=f"{base}/config.json",
            index=f"{base}/",
            api="/api",
            websocket="/ws",
        )
    apis = _emulator_apis(endpoint_url)
    api = f"{apis}/{outputs['HttpApiId']}/$default/api"
    bucket = f"{endpoint_url.rstrip('/')}/{outputs['SiteBucketName']}"
    return Endpoints(
        site=f"{bucket}/index.html",
        health=f"{api}/health",
        config=f"{bucket}/config.json",
        index=f"{bucket}/index.html",
        api=api,
        websocket=f"{apis}/{outputs['WebSocketApiId']}/ws".replace("http", "ws", 1),
    )


def emulator_parameters(endpoint_url: str | None) -> dict[str, str]:
    """Return the parameters that only an emulator needs: the URL through which the functions reach connections."""
    return {} if endpoint_url is None else {"CallbackUrlOverride": _emulator_apis(endpoint_url)}


def _emulator_apis(endpoint_url: str) -> str:
    return f"{endpoint_url.rstrip('/')}/_aws/execute-api"
