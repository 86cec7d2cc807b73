"""Numbers and names as people read them: sizes, times, AWS's types and statuses."""

from __future__ import annotations

import re
from typing import Final

_SERVICES: Final = {
    "ApiGatewayV2": "API Gateway",
    "CertificateManager": "Certificate Manager",
    "Logs": "CloudWatch",
}
_KB: Final = 1000
_STATUSES: Final = {
    "CREATE_COMPLETE": "created",
    "UPDATE_COMPLETE": "updated",
    "DELETE_COMPLETE": "deleted",
    "IMPORT_COMPLETE": "imported",
    "DELETE_SKIPPED": "let go",
    "CREATE_IN_PROGRESS": "being created",
    "UPDATE_IN_PROGRESS": "being updated",
    "DELETE_IN_PROGRESS": "being deleted",
    "CREATE_FAILED": "could not be created",
    "UPDATE_FAILED": "could not be updated",
    "DELETE_FAILED": "could not be deleted",
    "REVIEW_IN_PROGRESS": "planned, never made",
    "ROLLBACK_COMPLETE": "empty: its creation failed and was taken back",
    "ROLLBACK_IN_PROGRESS": "its creation failed and is being taken back",
    "ROLLBACK_FAILED": "its creation failed, and so did taking it back",
    "UPDATE_ROLLBACK_COMPLETE": "as before: the last update failed and was taken back",
    "UPDATE_ROLLBACK_IN_PROGRESS": "an update failed and is being taken back",
    "UPDATE_ROLLBACK_FAILED": "an update failed, and so did taking it back",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "updated, cleaning up",
}


def size(size_bytes: int) -> str:
    """As `142 KB`, `8.1 MB`."""
    kb = size_bytes / _KB
    if kb < 1:
        return f"{size_bytes} bytes"
    return f"{kb:.0f} KB" if round(kb) < _KB else f"{kb / _KB:.1f} MB"


def elapsed(seconds: float) -> str:
    """As `12 s`, `1 m 04 s`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


def count(number: int, noun: str) -> str:
    """As `1 resource`, `58 resources`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def kind(resource_type: str) -> str:
    """A resource's type, as `Lambda function` for `AWS::Lambda::Function`."""
    _, service, name = [*resource_type.split("::"), "", ""][:3]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower().replace("api", "API")
    return f"{_SERVICES.get(service, service)} {words}".strip()


def status(cloudformation: str) -> str:
    """A status of CloudFormation's, as `being updated` for UPDATE_IN_PROGRESS."""
    return _STATUSES.get(cloudformation, cloudformation.replace("_", " ").lower())


def stack(name: str) -> str:
    """Which of a stage's stacks it is, as `app` for `imchat-prod-app`."""
    return name.rpartition("-")[2]
