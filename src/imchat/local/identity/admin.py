"""What an administrator may do to accounts: the Admin* and List* operations. Their caller has checked the signature."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from imchat.local.identity import pool
from imchat.local.identity.accounts import GROUPS, Account, Status
from imchat.local.identity.codes import Purpose
from imchat.local.identity.context import PoolContext, new_email, new_password, username
from imchat.local.identity.protocol import CognitoError, Request, as_attributes, invalid_parameter
from imchat.local.identity.sign_up import ATTRIBUTES, make_account, user_attributes

TEMPORARY_PASSWORD_MS: Final = 7 * 24 * 3600 * 1000
MAX_PAGE: Final = 60
_FILTER: Final = re.compile(r'\s*"?email"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')


def admin_create_user(state: PoolContext, request: Request) -> dict[str, Any]:
    """An account with a temporary password, delivered unless `MessageAction` is `SUPPRESS`."""
    _check_pool(state, request)
    email = new_email(request)
    action = request.optional("MessageAction")
    if action not in {None, "SUPPRESS"}:
        raise invalid_parameter("MessageAction must be SUPPRESS or missing.")
    given = request.optional("TemporaryPassword")
    password = pool.random_letters(16) if given is None else new_password(request, "TemporaryPassword")
    attributes = user_attributes(request, email, ATTRIBUTES | {"email_verified"})
    verified = attributes.pop("email_verified", "false").lower() == "true"
    account = make_account(state, email, password, Status.FORCE_CHANGE_PASSWORD, attributes)
    until_ms = state.now_ms() + TEMPORARY_PASSWORD_MS
    account = replace(account, email_verified=verified, temporary_until_ms=until_ms)
    state.accounts.add(account)
    if action is None:
        state.deliver(Purpose.INVITATION, email, password)
    return {"User": _shown(account)}


def admin_get_user(state: PoolContext, request: Request) -> dict[str, Any]:
    """One account."""
    shown = _shown(_account(state, request))
    return {**shown, "UserAttributes": shown.pop("Attributes")}


def admin_set_user_password(state: PoolContext, request: Request) -> dict[str, Any]:
    """Set a password, temporary unless `Permanent`; whatever was signed in must sign in again."""
    account = _account(state, request)
    permanent = request.flag("Permanent")
    status = Status.CONFIRMED if permanent else Status.FORCE_CHANGE_PASSWORD
    changed = state.with_password(account, new_password(request, "Password"), status)
    until_ms = None if permanent else state.now_ms() + TEMPORARY_PASSWORD_MS
    return _save(state, changed, temporary_until_ms=until_ms, generation=account.generation + 1)


def admin_reset_user_password(state: PoolContext, request: Request) -> dict[str, Any]:
    """Make the password useless and deliver a code for a new one."""
    account = _account(state, request)
    _save(state, account, status=Status.RESET_REQUIRED, generation=account.generation + 1)
    state.send_code(Purpose.PASSWORD_RESET, account, account.email)
    return {}


def admin_disable_user(state: PoolContext, request: Request) -> dict[str, Any]:
    """Refuse sign-in and refresh from now on."""
    account = _account(state, request)
    return _save(state, account, enabled=False, generation=account.generation + 1)


def admin_enable_user(state: PoolContext, request: Request) -> dict[str, Any]:
    """Allow sign-in again."""
    return _save(state, _account(state, request), enabled=True)


def admin_delete_user(state: PoolContext, request: Request) -> dict[str, Any]:
    """Remove the account."""
    state.accounts.delete(_account(state, request))
    return {}


def admin_user_global_sign_out(state: PoolContext, request: Request) -> dict[str, Any]:
    """End every session of the user."""
    account = _account(state, request)
    return _save(state, account, generation=account.generation + 1)


def admin_add_user_to_group(state: PoolContext, request: Request) -> dict[str, Any]:
    """Put a user into a group; their next tokens say so."""
    account, group = _account(state, request), _group(request)
    state.accounts.set_groups(
        account, [*account.groups, group] if group not in account.groups else account.groups
    )
    return {}


def admin_remove_user_from_group(state: PoolContext, request: Request) -> dict[str, Any]:
    """Take a user out of a group; their next tokens say so."""
    account, group = _account(state, request), _group(request)
    state.accounts.set_groups(account, [name for name in account.groups if name != group])
    return {}


def admin_list_groups_for_user(state: PoolContext, request: Request) -> dict[str, Any]:
    """The groups a user is in."""
    groups = _account(state, request).groups
    return {"Groups": [{"GroupName": name, "UserPoolId": state.pool.pool_id} for name in groups]}


def list_users(state: PoolContext, request: Request) -> dict[str, Any]:
    """Accounts by e-mail address, in pages; `Filter` may say `email = "…"` or `email ^= "…"`."""
    _check_pool(state, request)
    limit = request.limit("Limit", highest=MAX_PAGE)
    wanted, exact = _filter(request)
    if exact:
        found = state.accounts.find(wanted) if "@" in wanted else None
        return {"Users": [_shown(found)] if found else []}
    accounts, after = state.accounts.page(
        prefix=wanted, after=request.optional("PaginationToken"), limit=limit
    )
    users = [_shown(account) for account in accounts]
    return {"Users": users, "PaginationToken": after} if after else {"Users": users}


def list_users_in_group(state: PoolContext, request: Request) -> dict[str, Any]:
    """The members of a group, in pages."""
    _check_pool(state, request)
    limit = request.limit("Limit", highest=MAX_PAGE)
    accounts, after = state.accounts.members(
        _group(request), after=request.optional("NextToken"), limit=limit
    )
    users = [_shown(account) for account in accounts]
    return {"Users": users, "NextToken": after} if after else {"Users": users}


def _filter(request: Request) -> tuple[str, bool]:
    """What the e-mail addresses must begin with, or be."""
    text = request.optional("Filter")
    if not text:
        return "", False
    match = _FILTER.fullmatch(text)
    if match is None:
        raise invalid_parameter('Filter must be email = "…" or email ^= "…".')
    return re.sub(r"\\(.)", r"\1", match[2]).lower(), match[1] == "="


def _save(state: PoolContext, account: Account, **changes: Any) -> dict[str, Any]:
    state.accounts.save(replace(account, **changes, changed_ms=state.now_ms()))
    return {}


def _account(state: PoolContext, request: Request) -> Account:
    _check_pool(state, request)
    account = state.accounts.find(username(request))
    if account is None:
        raise CognitoError("UserNotFoundException", "User does not exist.")
    return account


def _group(request: Request) -> str:
    group = request.text("GroupName", limit=128)
    if group not in GROUPS:
        raise CognitoError("ResourceNotFoundException", "Group not found.")
    return group


def _check_pool(state: PoolContext, request: Request) -> None:
    pool_id = request.text("UserPoolId", limit=128)
    if pool_id != state.pool.pool_id:
        raise CognitoError("ResourceNotFoundException", f"User pool {pool_id} does not exist.")


def _shown(account: Account) -> dict[str, Any]:
    return {
        "Username": account.user_id,
        "Attributes": as_attributes(account.all_attributes()),
        "UserCreateDate": account.created_ms / 1000,
        "UserLastModifiedDate": account.changed_ms / 1000,
        "Enabled": account.enabled,
        "UserStatus": account.status.value,
    }
