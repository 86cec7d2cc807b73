"""Formats numbers and AWS names for people: sizes, durations, resource types, stack statuses."""

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
    "DELETE_SKIPPED": "retained",
    "CREATE_IN_PROGRESS": "creating",
    "UPDATE_IN_PROGRESS": "updating",
    "DELETE_IN_PROGRESS": "deleting",
    "CREATE_FAILED": "creation failed",
    "UPDATE_FAILED": "update failed",
    "DELETE_FAILED": "deletion failed",
    "REVIEW_IN_PROGRESS": "change set created, never executed",
    "ROLLBACK_COMPLETE": "creation failed, rolled back",
    "ROLLBACK_IN_PROGRESS": "creation failed, rolling back",
    "ROLLBACK_FAILED": "creation failed, rollback failed",
    "UPDATE_ROLLBACK_COMPLETE": "update failed, rolled back",
    "UPDATE_ROLLBACK_IN_PROGRESS": "update failed, rolling back",
    "UPDATE_ROLLBACK_FAILED": "update failed, rollback failed",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "updated, cleaning up",
}


def size(size_bytes: int) -> str:
    """Format a size, such as `142 KB` or `8.1 MB`."""
    kb = size_bytes / _KB
    if kb < 1:
        return f"{size_bytes} bytes"
    return f"{kb:.0f} KB" if round(kb) < _KB else f"{kb / _KB:.1f} MB"


def elapsed(seconds: float) -> str:
    """Format a duration, such as `12 s` or `1 m 04 s`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


def count(number: int, noun: str) -> str:
    """Format a count, such as `1 resource` or `58 resources`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def resource_type(name: str) -> str:
    """Format a resource type, such as `Lambda function` for `AWS::Lambda::Function`."""
    _, service, resource = [*name.split("::"), "", ""][:3]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", resource).lower().replace("api", "API")
    return f"{_SERVICES.get(service, service)} {words}".strip()


def stack_status(name: str) -> str:
    """Format a CloudFormation status, such as `updating` for UPDATE_IN_PROGRESS."""
    return _STATUSES.get(name, name.replace("_", " ").lower())


def stack_kind(name: str) -> str:
    """Return the short name of a stack, such as `app` for `imchat-prod-app`."""
    return name.rpartition("-")[2]
