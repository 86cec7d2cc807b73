"""templates/state.yaml: data is retained and protected, and the table has the keys that the code reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from cloudformation_validate import CompositeEngine
from tests.templates.loading import load, path_of
from tests.templates.template_rules import HOLDS_NOTHING

from imchat.deploy.operate.users import ADMINS
from imchat.deploy.plan import STATEFUL
from imchat.local.identity.accounts import GROUPS
from imchat.local.identity.context import MIN_PASSWORD_CHARACTERS
from imchat.local.identity.two_step import SOFTWARE_TOKEN
from imchat.storage.table import TTL_ATTRIBUTE, Key

USER_POOL_PROPERTIES: Final = Path(__file__).parent / "user_pool_forever.json"
REPLACING_PROPERTIES: Final = Path(__file__).parent / "state_forever.json"


@pytest.fixture(scope="module")
def state() -> dict[str, Any]:
    return load("state")


def test_every_resource_with_data_is_retained(state: dict[str, Any]) -> None:
    with_data = {
        name: resource
        for name, resource in state["Resources"].items()
        if resource["Type"] not in HOLDS_NOTHING
    }
    assert STATEFUL.isdisjoint(HOLDS_NOTHING)
    for name, resource in with_data.items():
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert resource["UpdateReplacePolicy"] == "Retain", name


def test_the_table_is_protected_from_deletion_and_can_be_restored(state: dict[str, Any]) -> None:
    table = state["Resources"]["Table"]["Properties"]
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_table_has_the_keys_that_the_code_reads(state: dict[str, Any]) -> None:
    table = state["Resources"]["Table"]["Properties"]
    assert table["KeySchema"] == [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(Key._fields, ("HASH", "RANGE"), strict=True)
    ]
    types = {found["AttributeName"]: found["AttributeType"] for found in table["AttributeDefinitions"]}
    assert types == dict.fromkeys(Key._fields, "S")
    assert table["TimeToLiveSpecification"] == {"AttributeName": TTL_ATTRIBUTE, "Enabled": True}
    assert "GlobalSecondaryIndexes" not in table


def test_immutable_properties_of_the_user_pool_stay_the_same(state: dict[str, Any]) -> None:
    """Another value would make CloudFormation replace the pool with all its accounts: never edit the golden file."""
    pool = state["Resources"]["UserPool"]["Properties"]
    golden = json.loads(USER_POOL_PROPERTIES.read_text())
    assert {name: pool.get(name) for name in golden} == golden


def test_immutable_properties_of_the_table_and_buckets_stay_the_same(state: dict[str, Any]) -> None:
    """As above, for every property that AWS cannot change in place: a name added to a bucket later makes a new bucket."""
    found = CompositeEngine().validate_template(str(path_of("state"))).diagnostics
    fixed = [
        (str(one.entity.logical_id), one.property_path.removeprefix("Properties."))
        for one in found
        if one.rule_id == "I9001"
        and state["Resources"][str(one.entity.logical_id)]["Type"] not in HOLDS_NOTHING
    ]
    assert {
        f"{resource}.{name}": state["Resources"][resource]["Properties"][name] for resource, name in fixed
    } == json.loads(REPLACING_PROPERTIES.read_text())


def test_the_pool_is_protected_and_its_client_reveals_no_accounts(
    state: dict[str, Any],
) -> None:
    pool = state["Resources"]["UserPool"]["Properties"]
    client = state["Resources"]["UserPoolClient"]["Properties"]
    assert pool["DeletionProtection"] == "ACTIVE"
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["EnableTokenRevocation"] is True
    assert client["GenerateSecret"] is False
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    assert 15 <= client["AccessTokenValidity"] <= 60
    assert client["TokenValidityUnits"]["AccessToken"] == "minutes"


def test_a_password_that_is_valid_on_one_machine_is_valid_on_aws(state: dict[str, Any]) -> None:
    policy = state["Resources"]["UserPool"]["Properties"]["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] == MIN_PASSWORD_CHARACTERS
    assert not any(policy[f"Require{what}"] for what in ("Lowercase", "Uppercase", "Numbers", "Symbols"))


def test_two_step_sign_in_is_optional_and_uses_an_app_as_on_one_machine(state: dict[str, Any]) -> None:
    pool = state["Resources"]["UserPool"]["Properties"]
    assert pool["MfaConfiguration"] == "OPTIONAL"
    assert pool["EnabledMfas"] == [SOFTWARE_TOKEN]


def test_the_administrators_group_has_one_name_everywhere(state: dict[str, Any]) -> None:
    assert state["Resources"]["Administrators"]["Properties"]["GroupName"] == ADMINS
    assert {ADMINS} == GROUPS
