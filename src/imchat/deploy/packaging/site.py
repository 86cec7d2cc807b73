"""The web client in its bucket: compare, upload and remove files, make `config.json`, invalidate CloudFront's copies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from imchat.assets import cache_control, content_type, site_dir, site_files
from imchat.deploy.aws_errors import error_code
from imchat.deploy.context import AwsSession, stack_name
from imchat.deploy.endpoints import resolve_endpoints
from imchat.errors import DeployError
from imchat.sign_up_policy import SignUpPolicy

CONFIG_FILE: Final = "config.json"
INDEX_FILE: Final = "index.html"
_MAX_DELETED_AT_ONCE: Final = 1000
"""S3's limit for one request."""


@dataclass(frozen=True, slots=True)
class PlannedFiles:
    """The site's files by path. `config`: whether `config.json` is written; None where that is not known yet."""

    upload: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    config: bool | None = False


def read_site() -> dict[str, bytes]:
    """Return the built web client's files by path. Raises: ConfigError if it was never built."""
    return {path: file.read_bytes() for path, file in site_files(site_dir()).items()}


def config_json(session: AwsSession, outputs: Mapping[str, str], sign_up: SignUpPolicy) -> bytes:
    """Return `config.json`, which the web client reads first. Its schema is `SiteConfig` of `api/schema/site.py`."""
    endpoints = resolve_endpoints(outputs, session.endpoint_url)
    auth = {
        "endpoint": session.client("cognito-idp").meta.endpoint_url,
        "region": session.region,
        "user_pool_id": outputs["UserPoolId"],
        "client_id": outputs["UserPoolClientId"],
    }
    config = {
        "version": 1,
        "api_url": endpoints.api,
        "ws_url": endpoints.websocket,
        "auth": auth,
        "sign_up": sign_up.to_wire(),
    }
    return json.dumps(config, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class SiteBucket:
    """The bucket of the site's stack. Its files are compared by their checksums, which S3 returns as entity tags."""

    client: Any
    name: str
    stack: str

    @classmethod
    def of(cls, session: AwsSession, outputs: Mapping[str, str], *, stage: str) -> Self:
        """Return the bucket that the site's stack created."""
        return cls(session.client("s3"), outputs["SiteBucketName"], stack_name(stage, "site"))

    def compare(self, files: Mapping[str, bytes], config: bytes | None) -> PlannedFiles:
        """Return what to upload and remove so that the bucket holds exactly `files` and `config` (None: not known yet).

        Raises: DeployError if the bucket is gone.
        """
        present = self._checksums()
        wanted = {path: _checksum(content) for path, content in files.items()}
        return PlannedFiles(
            upload=upload_order(path for path, checksum in wanted.items() if present.get(path) != checksum),
            remove=tuple(sorted(present.keys() - wanted.keys() - {CONFIG_FILE})),
            config=None if config is None else present.get(CONFIG_FILE) != _checksum(config),
        )

    def upload(self, path: str, content: bytes) -> None:
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
            batch, left = left[:_MAX_DELETED_AT_ONCE], left[_MAX_DELETED_AT_ONCE:]
            objects = [{"Key": path} for path in batch]
            self.client.delete_objects(Bucket=self.name, Delete={"Objects": objects, "Quiet": True})

    def _checksums(self) -> dict[str, str]:
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
            return {
                item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", [])
            }
        except ClientError as error:
            if error_code(error) != "NoSuchBucket":
                raise
            raise DeployError(
                f"the site's bucket {self.name} was deleted outside of imchat",
                hint=(
                    "run `imchat teardown` and then `imchat deploy`: they create the site again, and keep accounts, "
                    "messages and files"
                ),
                stack=self.stack,
                resource="SiteBucket",
            ) from error


def upload_order(paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths so that a file comes before those that refer to it: a page loaded meanwhile finds all its files."""
    return tuple(sorted(paths, key=lambda path: (path == INDEX_FILE, "/" not in path, path)))


def invalidate(session: AwsSession, distribution_id: str, paths: tuple[str, ...]) -> None:
    """Remove `paths` from CloudFront's caches."""
    # CloudFront ignores a request with a reference that it has seen.
    batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": session.new_id()}
    session.client("cloudfront").create_invalidation(DistributionId=distribution_id, InvalidationBatch=batch)


def _checksum(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
