"""The web client in its bucket: which files differ, uploading and removing them, `config.json`, CloudFront's copies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from imchat.assets import cache_control, content_type, site_dir, site_files
from imchat.deploy.aws_errors import code_of
from imchat.deploy.endpoints import Addresses
from imchat.deploy.plan import PlannedFiles
from imchat.errors import DeployError

CONFIG: Final = "config.json"
INDEX: Final = "index.html"
_MOST_AT_ONCE: Final = 1000
"""So many objects may be deleted by one request."""


def read_site() -> dict[str, bytes]:
    """The built web client's files by path. Raises: ConfigError if it was never built."""
    return {path: place.read_bytes() for path, place in site_files(site_dir()).items()}


def config_json(outputs: Mapping[str, str], addresses: Addresses, *, region: str) -> bytes:
    """What the web client reads first: where everything is. The shape is `SiteConfig` of `api/schema/site.py`."""
    auth = {
        "endpoint": addresses.cognito,
        "region": region,
        "user_pool_id": outputs["UserPoolId"],
        "client_id": outputs["UserPoolClientId"],
    }
    config = {"version": 1, "api_url": addresses.api, "ws_url": addresses.websocket, "auth": auth}
    return json.dumps(config, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class SiteBucket:
    """The bucket of the site's stack. What lies in it is known by its checksum (the entity tag that S3 tells)."""

    client: Any
    name: str
    stack: str

    def differences(self, files: Mapping[str, bytes], config: bytes | None) -> PlannedFiles:
        """What has to be uploaded and removed so that just `files` and `config` (None: not known yet) lie there.

        Raises: DeployError if the bucket is gone.
        """
        there = self._checksums()
        wanted = {path: _checksum(content) for path, content in files.items()}
        return PlannedFiles(
            upload=in_order(path for path, checksum in wanted.items() if there.get(path) != checksum),
            remove=tuple(sorted(there.keys() - wanted.keys() - {CONFIG})),
            config=None if config is None else there.get(CONFIG) != _checksum(config),
        )

    def put(self, path: str, content: bytes) -> None:
        """Upload one file with the headers it is served with."""
        self.client.put_object(
            Bucket=self.name,
            Key=path,
            Body=content,
            ContentType=content_type(path),
            CacheControl=cache_control(path),
        )

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files."""
        left = list(paths)
        while left:
            now, left = left[:_MOST_AT_ONCE], left[_MOST_AT_ONCE:]
            objects = [{"Key": path} for path in now]
            self.client.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})

    def _checksums(self) -> dict[str, str]:
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
            return {one["Key"]: one["ETag"].strip('"') for page in pages for one in page.get("Contents", [])}
        except ClientError as error:
            if code_of(error) != "NoSuchBucket":
                raise
            raise DeployError(
                f"the site's bucket {self.name} was deleted outside of imchat",
                hint=(
                    "run `imchat teardown` and then `imchat deploy`: they make the site anew, and keep accounts, "
                    "messages and files"
                ),
                stack=self.stack,
                resource="SiteBucket",
            ) from error


def in_order(paths: Iterable[str]) -> tuple[str, ...]:
    """What others refer to first: whoever comes during the upload is never sent to a file that is not there yet."""
    return tuple(sorted(paths, key=lambda path: (path == INDEX, "/" not in path, path)))


def invalidate(client: Any, distribution: str, paths: tuple[str, ...], *, reference: str) -> None:
    """Let CloudFront fetch `paths` anew. `client`: boto3's `cloudfront`; another `reference` is another request."""
    batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": reference}
    client.create_invalidation(DistributionId=distribution, InvalidationBatch=batch)


def _checksum(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
