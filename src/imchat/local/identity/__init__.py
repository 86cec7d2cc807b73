"""Sign-in for `imchat local`: a user pool that implements Cognito's protocol, with real verification."""

from imchat.local.identity.codes import Purpose
from imchat.local.identity.deliveries import Deliver
from imchat.local.identity.limits import LIMITS, AddressLimits, Kind, Limit, kind_of
from imchat.local.identity.pool import REGION, AdminKey, read_admin_key
from imchat.local.identity.protocol import CognitoResponse, too_many_requests
from imchat.local.identity.service import TARGET_PREFIX, Identity
from imchat.local.identity.work_queue import QueueFull, WorkQueue

__all__ = [
    "LIMITS",
    "REGION",
    "TARGET_PREFIX",
    "AddressLimits",
    "AdminKey",
    "CognitoResponse",
    "Deliver",
    "Identity",
    "Kind",
    "Limit",
    "Purpose",
    "QueueFull",
    "WorkQueue",
    "kind_of",
    "read_admin_key",
    "too_many_requests",
]
