"""The Admin* and List* operations on accounts. The caller has verified the signature."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from imchat.local.identity import pool_keys
from imchat.local.identity.accounts import GROUPS, Account, Status
from imchat.local.identity.codes import Purpose
from imchat.local.identity.context import PoolContext, new_email, new_password, username
from imchat.local.identity.protocol import CognitoError, CognitoRequest, as_attributes, invalid_parameter
from imchat.local.identity.sign_up import ATTRIBUTES, make_account, user_attributes
from imchat.local.identity.two_step import mfa_settings, set_preference

TEMPORARY_PASSWORD_MS: Final = 7 * 24 * 3600 * 1000
MAX_PAGE: Final = 60
_FILTER: Final = re.compile(r'\s*"?email"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')


def admin_create_user(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Create an account with a temporary password, and deliver it unless `MessageAction` is `SUPPRESS`."""
    _check_pool(context, request)
    email = new_email(request)
    action = request.optional("MessageAction")
    if action not in {None, "SUPPRESS"}:
        raise invalid_parameter("MessageAction must be SUPPRESS or missing.")
    requested = request.optional("TemporaryPassword")
    password = (
        pool_keys.random_letters(16) if requested is None else new_password(request, "TemporaryPassword")
    )
    attributes = user_attributes(request, email, ATTRIBUTES | {"email_verified"})
    verified = attributes.pop("email_verified", "false").lower() == "true"
    account = make_account(context, email, password, Status.FORCE_CHANGE_PASSWORD, attributes)
    until_ms = context.now_ms() + TEMPORARY_PASSWORD_MS
    account = replace(account, email_verified=verified, temporary_until_ms=until_ms)
    context.accounts.add(account)
    if action is None:
        context.deliveries.add(Purpose.INVITATION, email, password)
    return {"User": _user_response(account)}


def admin_get_user(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Return one account."""
    account = _get_account(context, request)
    user = _user_response(account)
    return {**user, "UserAttributes": user.pop("Attributes"), **mfa_settings(context, account)}


def admin_set_user_mfa_preference(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Set whether the user's sign-in requires a code; turning it off lets in a user who lost the authenticator app."""
    return set_preference(context, _get_account(context, request), request)


def admin_set_user_password(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Set a password, temporary unless `Permanent`, and end all sessions of the user."""
    account = _get_account(context, request)
    permanent = request.boolean("Permanent")
    status = Status.CONFIRMED if permanent else Status.FORCE_CHANGE_PASSWORD
    changed = context.with_password(account, new_password(request, "Password"), status)
    until_ms = None if permanent else context.now_ms() + TEMPORARY_PASSWORD_MS
    return _save(context, changed, temporary_until_ms=until_ms, generation=account.generation + 1)


def admin_reset_user_password(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Invalidate the password and deliver a code for setting a new one."""
    account = _get_account(context, request)
    _save(context, account, status=Status.RESET_REQUIRED, generation=account.generation + 1)
    context.send_code(Purpose.PASSWORD_RESET, context.find_user(account.email))
    return {}


def admin_disable_user(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Disable an account: no sign-in and no token refresh."""
    account = _get_account(context, request)
    return _save(context, account, enabled=False, generation=account.generation + 1)


def admin_enable_user(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Enable an account again."""
    return _save(context, _get_account(context, request), enabled=True)


def admin_delete_user(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Delete the account."""
    account = _get_account(context, request)
    context.accounts.delete(account, context.software_tokens.delete(account.user_id))
    return {}


def admin_user_global_sign_out(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """End every session of the user."""
    account = _get_account(context, request)
    return _save(context, account, generation=account.generation + 1)


def admin_add_user_to_group(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Add a user to a group, which is in their next tokens."""
    account, group = _get_account(context, request), _get_group(request)
    context.accounts.set_groups(
        account, [*account.groups, group] if group not in account.groups else account.groups
    )
    return {}


def admin_remove_user_from_group(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Remove a user from a group, which is missing in their next tokens."""
    account, group = _get_account(context, request), _get_group(request)
    context.accounts.set_groups(account, [name for name in account.groups if name != group])
    return {}


def admin_list_groups_for_user(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Return the groups of a user."""
    groups = _get_account(context, request).groups
    return {"Groups": [{"GroupName": name, "UserPoolId": context.pool.pool_id} for name in groups]}


def list_users(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Return a page of accounts by e-mail address; `Filter` may be `email = "…"` or `email ^= "…"`."""
    _check_pool(context, request)
    limit = request.limit("Limit", max_limit=MAX_PAGE)
    email, exact = _parse_filter(request)
    if exact:
        found = context.accounts.find(email) if "@" in email else None
        return {"Users": [_user_response(found)] if found else []}
    accounts, after = context.accounts.page(
        prefix=email, after=request.optional("PaginationToken"), limit=limit
    )
    users = [_user_response(account) for account in accounts]
    return {"Users": users, "PaginationToken": after} if after else {"Users": users}


def list_users_in_group(context: PoolContext, request: CognitoRequest) -> dict[str, Any]:
    """Return a page of the members of a group."""
    _check_pool(context, request)
    limit = request.limit("Limit", max_limit=MAX_PAGE)
    accounts, after = context.accounts.members(
        _get_group(request), after=request.optional("NextToken"), limit=limit
    )
    users = [_user_response(account) for account in accounts]
    return {"Users": users, "NextToken": after} if after else {"Users": users}


def _parse_filter(request: CognitoRequest) -> tuple[str, bool]:
    """Return the e-mail address to look for, or its prefix, and whether it must match exactly."""
    text = request.optional("Filter")
    if not text:
        return "", False
    match = _FILTER.fullmatch(text)
    if match is None:
        raise invalid_parameter('Filter must be email = "…" or email ^= "…".')
    return re.sub(r"\\(.)", r"\1", match[2]).lower(), match[1] == "="


def _save(context: PoolContext, account: Account, **changes: Any) -> dict[str, Any]:
    context.accounts.save(replace(account, **changes, changed_ms=context.now_ms()))
    return {}


def _get_account(context: PoolContext, request: CognitoRequest) -> Account:
    _check_pool(context, request)
    account = context.accounts.find(username(request))
    if account is None:
        raise CognitoError("UserNotFoundException", "User does not exist.")
    return account


def _get_group(request: CognitoRequest) -> str:
    group = request.text("GroupName", limit=128)
    if group not in GROUPS:
        raise CognitoError("ResourceNotFoundException", "Group not found.")
    return group


def _check_pool(context: PoolContext, request: CognitoRequest) -> None:
    pool_id = request.text("UserPoolId", limit=128)
    if pool_id != context.pool.pool_id:
        raise CognitoError("ResourceNotFoundException", f"User pool {pool_id} does not exist.")


def _user_response(account: Account) -> dict[str, Any]:
    return {
        "Username": account.user_id,
        "Attributes": as_attributes(account.all_attributes()),
        "UserCreateDate": account.created_ms / 1000,
        "UserLastModifiedDate": account.changed_ms / 1000,
        "Enabled": account.enabled,
        "UserStatus": account.status.value,
    }
