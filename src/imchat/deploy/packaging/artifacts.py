"""The artifact bucket: bundles and large templates, each under a key that holds its checksum, so uploaded once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from imchat.deploy.aws_errors import code_of
from imchat.deploy.progress import ArtifactKind, ArtifactUploaded, Progress
from imchat.errors import DeployError


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The bucket `name` of the state's stack `stack`. `client`: boto3's `s3`."""

    client: Any
    name: str
    stack: str
    region: str

    def has(self, key: str) -> bool:
        """Whether something lies under `key`: then it is what belongs there."""
        try:
            self.client.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if code_of(error) in {"404", "NoSuchKey", "NotFound", "NoSuchBucket"}:
                return False
            raise
        return True

    def provide(self, kind: ArtifactKind, key: str, content: Callable[[], bytes], progress: Progress) -> None:
        """Upload what `content` makes, unless it lies there. Raises: DeployError if the bucket is gone."""
        if self.has(key):
            progress(ArtifactUploaded(kind, key, 0, uploaded=False))
            return
        body = content()
        try:
            self.client.put_object(Bucket=self.name, Key=key, Body=body)
        except ClientError as error:
            if code_of(error) != "NoSuchBucket":
                raise
            raise DeployError(
                f"the bucket {self.name} of code and templates was deleted outside of imchat",
                hint=(
                    f"make it again with `aws s3 mb s3://{self.name} --region {self.region}`, then run "
                    "`imchat deploy`: what it held is uploaded anew"
                ),
                stack=self.stack,
                resource="ArtifactBucket",
            ) from error
        progress(ArtifactUploaded(kind, key, len(body), uploaded=True))

    def url(self, key: str) -> str:
        """Where CloudFormation reads an object from."""
        signed: str = self.client.generate_presigned_url(
            "get_object", Params={"Bucket": self.name, "Key": key}
        )
        return signed.partition("?")[0]
