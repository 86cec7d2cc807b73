"""Under which addresses a stage is reached: on AWS, and (the only place that knows) through an emulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Addresses:
    """`site` is where people go; `health`, `config` and `index` are fetched to see that it works."""

    site: str
    health: str
    config: str
    index: str
    api: str
    websocket: str
    cognito: str


def addresses(outputs: Mapping[str, str], *, cognito: str, endpoint_url: str | None) -> Addresses:
    """`outputs`: those of all three stacks; `cognito`: where its API is.

    On AWS everything has the site's origin, and it is tried at CloudFront's own name: a domain of one's own may not point
    to it yet. An emulator has no such origin: it serves the site from the bucket, and the APIs by their ids.
    """
    if endpoint_url is None:
        base = f"https://{outputs['DistributionDomain']}"
        return Addresses(
            site=outputs["SiteUrl"],
            health=f"{base}/api/health",
            config=f"{base}/config.json",
            index=f"{base}/",
            api="/api",
            websocket="/ws",
            cognito=cognito,
        )
    apis = _emulated_apis(endpoint_url)
    api = f"{apis}/{outputs['HttpApiId']}/$default/api"
    bucket = f"{endpoint_url.rstrip('/')}/{outputs['SiteBucketName']}"
    return Addresses(
        site=f"{bucket}/index.html",
        health=f"{api}/health",
        config=f"{bucket}/config.json",
        index=f"{bucket}/index.html",
        api=api,
        websocket=f"{apis}/{outputs['WebSocketApiId']}/ws".replace("http", "ws", 1),
        cognito=cognito,
    )


def emulator_values(endpoint_url: str | None) -> dict[str, str]:
    """Parameters that only an emulator needs: where the functions post to connections."""
    return {} if endpoint_url is None else {"CallbackUrlOverride": _emulated_apis(endpoint_url)}


def _emulated_apis(endpoint_url: str) -> str:
    return f"{endpoint_url.rstrip('/')}/_aws/execute-api"
