"""The artifact bucket: bundles and large templates, each under a key with its checksum, so that it is uploaded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from botocore.exceptions import ClientError

from imchat.deploy.aws_errors import error_code
from imchat.deploy.context import AwsSession, stack_name
from imchat.deploy.progress import ArtifactKind, ArtifactUploaded, Progress
from imchat.errors import DeployError


@dataclass(frozen=True, slots=True)
class ArtifactBucket:
    """The bucket that the state stack created. `client` is boto3's for S3."""

    client: Any
    name: str
    stack: str
    region: str

    @classmethod
    def of(cls, session: AwsSession, outputs: Mapping[str, str], *, stage: str) -> Self:
        """Return the bucket that the state stack created."""
        name = outputs["ArtifactBucketName"]
        return cls(session.client("s3"), name, stack_name(stage, "state"), session.region)

    def has(self, key: str) -> bool:
        """Return whether there is an object under `key`; the checksum in the key says that it is the right one."""
        try:
            self.client.head_object(Bucket=self.name, Key=key)
        except ClientError as error:
            if error_code(error) in {"404", "NoSuchKey", "NotFound", "NoSuchBucket"}:
                return False
            raise
        return True

    def ensure(self, kind: ArtifactKind, key: str, content: Callable[[], bytes], progress: Progress) -> None:
        """Upload what `content` returns unless `key` exists. Raises: DeployError if the bucket is gone."""
        if self.has(key):
            progress(ArtifactUploaded(kind, key, 0, uploaded=False))
            return
        body = content()
        try:
            self.client.put_object(Bucket=self.name, Key=key, Body=body)
        except ClientError as error:
            if error_code(error) != "NoSuchBucket":
                raise
            raise DeployError(
                f"the bucket {self.name} of code and templates was deleted outside of imchat",
                hint=(
                    f"create it with `aws s3 mb s3://{self.name} --region {self.region}`, then run "
                    "`imchat deploy`, which uploads its contents again"
                ),
                stack=self.stack,
                resource="ArtifactBucket",
            ) from error
        progress(ArtifactUploaded(kind, key, len(body), uploaded=True))

    def url(self, key: str) -> str:
        """Return the URL from which CloudFormation reads an object."""
        signed: str = self.client.generate_presigned_url(
            "get_object", Params={"Bucket": self.name, "Key": key}
        )
        return signed.partition("?")[0]
