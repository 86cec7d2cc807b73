"""Sign-in for `imchat local`: a user pool that implements Cognito's protocol, with real verification."""

from imchat.local.identity.codes import Purpose
from imchat.local.identity.deliveries import Deliver
from imchat.local.identity.pool_keys import REGION, AdminKey, read_admin_key
from imchat.local.identity.protocol import CognitoResponse
from imchat.local.identity.service import Identity

__all__ = ["REGION", "AdminKey", "CognitoResponse", "Deliver", "Identity", "Purpose", "read_admin_key"]
