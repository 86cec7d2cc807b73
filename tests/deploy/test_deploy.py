"""Deployments do only what is needed, in order: the first one, a repeated one, a changed one. Plans change nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.support.fake_aws import APP, NO_CHANGES, SITE, SITE_FILES, STATE, World, change

from imchat.api.schema import SiteConfig
from imchat.deploy import Deployment, Plan, Release, deploy, execute_plan, make_plan
from imchat.deploy.cloudformation.stacks import INLINE_BYTES
from imchat.deploy.progress import (
    ArtifactUploaded,
    ConfigWritten,
    FileRemoved,
    FileUploaded,
    Invalidated,
    LayerStep,
    SmokeTested,
    StackFinished,
    StackStarted,
)
from imchat.errors import DeployError


def run_deploy(aws: World, release: Release | None = None, **options: Any) -> Deployment:
    result = deploy(aws.target, release=release or aws.release(), progress=aws.events.append, **options)
    assert result is not None
    return result


@pytest.fixture
def deployed(aws: World) -> World:
    run_deploy(aws)
    aws.events.clear()
    aws.calls.clear()
    aws.fetched.clear()
    return aws


def test_the_first_deployment_creates_three_stacks_and_the_site_in_order(aws: World) -> None:
    result = run_deploy(aws)
    steps = [event for event in aws.events if not type(event).__name__.startswith("Resource")]
    assert steps == [
        StackStarted(STATE, "create"),
        StackFinished(STATE, changed=True),
        LayerStep("packing"),
        ArtifactUploaded("layer", "layer/1.zip", 5, uploaded=True),
        ArtifactUploaded("code", "code/code.zip", 4, uploaded=True),
        StackStarted(APP, "create"),
        StackFinished(APP, changed=True),
        StackStarted(SITE, "create"),
        StackFinished(SITE, changed=True),
        FileUploaded("assets/app-12345678.js", 6, 1, 3),
        FileUploaded("sw.js", 6, 2, 3),
        FileUploaded("index.html", 14, 3, 3),
        ConfigWritten("https://the-DistributionDomain/config.json"),
        SmokeTested("https://the-DistributionDomain/api/health", 200),
        SmokeTested("https://the-DistributionDomain/config.json", 200),
        SmokeTested("https://the-DistributionDomain/", 200),
    ]
    assert (result.url, result.changed) == ("the-SiteUrl", True)
    assert aws.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")
    assert aws.cloudfront.invalidated == []  # a new distribution has nothing cached


def test_outputs_of_a_stack_are_parameters_of_later_stacks(deployed: World) -> None:
    app, site = (deployed.cloudformation.stacks[name].parameters for name in (APP, SITE))
    assert app["TableArn"] == "the-TableArn"
    assert app["ArtifactBucketName"] == "artifacts"
    assert (app["CodeKey"], app["LayerKey"]) == ("code/code.zip", "layer/1.zip")
    assert (app["Stage"], app["MemoryMb"], app["CallbackUrlOverride"]) == ("test", "1024", "")
    assert site["AttachmentBucketDomain"] == "the-AttachmentBucketDomain"
    assert site["HttpApiDomain"] == "the-HttpApiDomain"


def test_every_stack_is_tagged_with_its_stage(deployed: World) -> None:
    for stack in deployed.cloudformation.stacks.values():
        assert stack.tags == {"imchat:stage": "test"}


def test_config_json_contains_the_urls_for_the_web_client(deployed: World) -> None:
    config = json.loads(deployed.objects("site")["config.json"])
    assert config == {
        "version": 1,
        "api_url": "/api",
        "ws_url": "/ws",
        "auth": {
            "endpoint": "https://cognito-idp.eu-west-1.amazonaws.com",
            "region": "eu-west-1",
            "user_pool_id": "the-UserPoolId",
            "client_id": "the-UserPoolClientId",
        },
        "sign_up": {"policy": "open", "domains": []},
    }
    SiteConfig.model_validate(
        config
    )  # the schema that `imchat local` serves too, and that the web client's types are generated from


def test_files_have_their_content_type_and_cache_control(deployed: World) -> None:
    headers = {}
    for path in (*SITE_FILES, "config.json"):
        found = deployed.s3.head_object(Bucket="site", Key=path)
        headers[path] = (found["ContentType"], found["CacheControl"])
    assert headers == {
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "sw.js": ("text/javascript; charset=utf-8", "no-cache"),
        "assets/app-12345678.js": ("text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        "config.json": ("application/json", "no-cache"),
    }


def test_deploying_again_changes_nothing_and_makes_seven_calls(deployed: World) -> None:
    result = run_deploy(deployed, approve=lambda _: pytest.fail("there is nothing to approve"))
    assert result.changed is False
    assert result.plan.empty
    assert Counter(deployed.calls) == {"describe_stacks": 3, "get_template": 3, "ListObjectsV2": 1}
    assert len(deployed.fetched) == 3


def test_changed_code_is_uploaded_and_updates_only_the_app_stack(deployed: World) -> None:
    result = run_deploy(deployed, deployed.release(code=b"better"))
    assert result.changed
    assert [event for event in deployed.events if isinstance(event, ArtifactUploaded)] == [
        ArtifactUploaded("code", "code/better.zip", 6, uploaded=True)
    ]
    finished = {event.stack: event.changed for event in deployed.events if isinstance(event, StackFinished)}
    assert finished == {STATE: False, APP: True, SITE: False}
    assert deployed.calls.count("execute_change_set") == 1
    assert (
        deployed.calls.count("create_change_set") == 1
    )  # the planned change set is the one that is executed
    assert "PutObject" in deployed.calls
    assert deployed.calls.count("PutObject") == 1


def test_code_that_is_already_stored_is_not_uploaded_again(deployed: World) -> None:
    run_deploy(deployed, deployed.release(code=b"better"))
    deployed.calls.clear()
    run_deploy(deployed, deployed.release(code=b"code"))
    assert "PutObject" not in deployed.calls


def test_a_changed_site_uploads_files_that_differ_and_removes_old_ones_last(deployed: World) -> None:
    files = {"index.html": b"<html>2</html>", "sw.js": b"worker", "assets/app-87654321.js": b"new"}
    run_deploy(deployed, deployed.release(files=files))
    assert [event for event in deployed.events if not isinstance(event, StackFinished)] == [
        FileUploaded("assets/app-87654321.js", 3, 1, 2),
        FileUploaded("index.html", 14, 2, 2),
        Invalidated(("/index.html",)),
        SmokeTested("https://the-DistributionDomain/api/health", 200),
        SmokeTested("https://the-DistributionDomain/config.json", 200),
        SmokeTested("https://the-DistributionDomain/", 200),
        FileRemoved("assets/app-12345678.js"),
    ]
    assert deployed.objects("site").keys() == files.keys() | {"config.json"}
    assert "execute_change_set" not in deployed.calls


def test_an_updated_site_stack_invalidates_its_cached_files(deployed: World) -> None:
    deployed.configure(price_class="PriceClass_All")
    run_deploy(deployed, deployed.release(files={**SITE_FILES, "index.html": b"2"}))
    assert deployed.cloudfront.invalidated == [["/index.html"]]


def test_each_invalidation_has_its_own_reference(deployed: World) -> None:
    for number in (2, 3, 2):
        run_deploy(deployed, deployed.release(files={**SITE_FILES, "index.html": b"%d" % number}))
    assert len(set(deployed.cloudfront.references)) == 3


def test_a_file_removed_or_changed_by_hand_is_restored(deployed: World) -> None:
    deployed.s3.delete_object(Bucket="site", Key="sw.js")
    deployed.s3.put_object(Bucket="site", Key="config.json", Body=b"{}")
    run_deploy(deployed)
    assert deployed.objects("site")["sw.js"] == b"worker"
    assert json.loads(deployed.objects("site")["config.json"])["version"] == 1
    assert deployed.cloudfront.invalidated == [["/config.json"]]


def test_changed_settings_are_applied_to_their_stacks(deployed: World) -> None:
    deployed.configure(memory_mb=512, sign_up="invitation")
    run_deploy(deployed)
    assert deployed.cloudformation.stacks[APP].parameters["MemoryMb"] == "512"
    assert deployed.cloudformation.stacks[STATE].parameters["SignUp"] == "invitation"


def test_a_changed_sign_up_policy_changes_config_json(deployed: World) -> None:
    deployed.configure(sign_up="domain:example.org,example.com")
    run_deploy(deployed)
    config = json.loads(deployed.objects("site")["config.json"])
    assert config["sign_up"] == {"policy": "domain", "domains": ["example.org", "example.com"]}
    assert deployed.cloudfront.invalidated == [["/config.json"]]


def test_an_output_that_changes_during_a_deployment_replaces_the_next_stacks_change_set(
    deployed: World,
) -> None:
    """The plan used the state stack's outputs before its update; the execution uses those after it."""
    deployed.cloudformation.stacks[STATE].outputs["TableArn"] = "the-old-TableArn"
    deployed.configure(sign_up="invitation")
    run_deploy(deployed, deployed.release(code=b"better"))
    assert deployed.cloudformation.stacks[APP].parameters["TableArn"] == "the-TableArn"
    assert deployed.change_sets() == []


@pytest.mark.parametrize("wording", NO_CHANGES)
def test_both_messages_for_no_changes_are_not_failures(deployed: World, wording: str) -> None:
    deployed.cloudformation.no_changes_wording = wording
    body = deployed.cloudformation.stacks[APP].body
    deployed.cloudformation.get_template = lambda **_: {"TemplateBody": {"as": "data"}}  # type: ignore[method-assign]  # as boto3 returns a JSON template
    result = run_deploy(deployed)
    assert result.changed is False
    assert deployed.cloudformation.stacks[APP].body == body
    assert deployed.change_sets() == []


def test_a_long_template_is_read_from_the_artifact_bucket(deployed: World) -> None:
    release = deployed.release()
    app = release.templates["app"]
    long = replace(app, body=app.body + "#" * INLINE_BYTES)
    run_deploy(deployed, replace(release, templates={**release.templates, "app": long}))
    url = deployed.cloudformation.stacks[APP].body
    assert url.startswith("https://artifacts.s3")
    key = url.partition(".com/")[2]
    assert deployed.objects("artifacts")[key].decode() == long.body


# ---- plans


def test_the_first_plan_lists_what_is_known_and_leaves_nothing_in_the_account(aws: World) -> None:
    plan = make_plan(aws.target, release=aws.release())
    assert [(step.stack, step.action, step.exact) for step in plan.stacks] == [
        (STATE, "create", False),
        (APP, "create", False),
        (SITE, "create", False),
    ]
    conditions = {change.resource: change.condition for change in plan.stacks[1].changes}
    assert conditions["HttpFunction"] is None
    known = {parameter.name: parameter.after for parameter in plan.stacks[1].parameters}
    assert known["TableArn"] is None
    assert known["CodeKey"] == "code/code.zip"
    assert [artifact.upload for artifact in plan.artifacts] == [True, True]
    assert plan.files.upload == ("assets/app-12345678.js", "sw.js", "index.html")
    assert plan.files.config is True
    assert aws.statuses() == {}
    assert set(aws.calls) == {"describe_stacks"}


def test_a_plan_lists_resources_properties_and_parameters_and_executes_nothing(deployed: World) -> None:
    deployed.cloudformation.changes[APP] = [
        change("Modify", "HttpFunction", "AWS::Lambda::Function", "Code"),
        change("Modify", "Packages", "AWS::Lambda::LayerVersion", "Content!"),
        change("Remove", "OldAlarm", "AWS::CloudWatch::Alarm"),
    ]
    plan = make_plan(deployed.target, release=deployed.release(code=b"better"))
    state, app, site = plan.stacks
    assert (state.action, site.action) == ("none", "none")
    assert [(change.change, change.resource, change.properties) for change in app.changes] == [
        ("modify", "HttpFunction", ("Code",)),
        ("replace", "Packages", ("Content",)),
        ("remove", "OldAlarm", ()),
    ]
    assert [(parameter.name, parameter.before, parameter.after) for parameter in app.parameters] == [
        ("CodeKey", "code/code.zip", "code/better.zip")
    ]
    assert [artifact.upload for artifact in plan.artifacts] == [False, True]
    assert app.exact
    assert not plan.empty
    assert deployed.change_sets() == []
    assert not {"execute_change_set", "PutObject"} & set(deployed.calls)


def test_a_plan_without_changes_is_empty(deployed: World) -> None:
    assert make_plan(deployed.target, release=deployed.release()).empty


def test_a_plan_contains_everything_that_its_execution_needs(deployed: World) -> None:
    plan = make_plan(deployed.target, release=deployed.release(code=b"better"))
    deployed.configure(memory_mb=512)
    result = execute_plan(plan, deployed.target, progress=deployed.events.append)
    assert (result.url, result.changed, result.plan) == ("the-SiteUrl", True, plan)
    parameters = deployed.cloudformation.stacks[APP].parameters
    assert (parameters["CodeKey"], parameters["MemoryMb"]) == ("code/better.zip", "1024")
    assert deployed.change_sets() == []


def test_a_rejected_plan_changes_nothing_and_leaves_nothing_in_the_account(deployed: World) -> None:
    plans: list[Plan] = []

    def reject(plan: Plan) -> bool:
        plans.append(plan)
        return False

    assert deploy(deployed.target, release=deployed.release(code=b"better"), approve=reject) is None
    assert plans[0].stacks[1].action == "update"
    assert deployed.change_sets() == []
    assert not {"execute_change_set", "PutObject"} & set(deployed.calls)


@pytest.mark.parametrize("plan_or_deploy", [make_plan, deploy])
@pytest.mark.parametrize(
    ("resource", "type_", "changed", "message"),
    [
        (
            "Table",
            "AWS::DynamoDB::Table",
            change("Modify", "Table", "AWS::DynamoDB::Table", "BillingMode", "KeySchema!"),
            "AWS::DynamoDB::Table would be replaced because of KeySchema, and its data lost",
        ),
        (
            "UserPool",
            "AWS::Cognito::UserPool",
            change("Remove", "UserPool", "AWS::Cognito::UserPool"),
            "AWS::Cognito::UserPool would be removed, and its data lost",
        ),
        (
            "AttachmentBucket",
            "AWS::S3::Bucket",
            change("Modify", "AttachmentBucket", "AWS::S3::Bucket", "BucketName", Replacement="Conditional"),
            "AWS::S3::Bucket would be possibly replaced because of BucketName",
        ),
        (
            "Table",
            "AWS::DynamoDB::Table",
            change("Modify", "Table", "AWS::DynamoDB::Table", "TableName", PolicyAction="ReplaceAndRetain"),
            "would be replaced because of TableName",
        ),
    ],
)
def test_a_plan_that_loses_data_is_refused_with_the_property_that_causes_it(
    deployed: World, plan_or_deploy: Any, resource: str, type_: str, changed: dict[str, Any], message: str
) -> None:
    deployed.cloudformation.changes[STATE] = [changed]
    deployed.configure(sign_up="invitation")
    with pytest.raises(DeployError) as error:
        plan_or_deploy(deployed.target, release=deployed.release())
    assert error.value.message.startswith(f"{STATE}: {resource}: ")
    assert message in error.value.message
    assert "nothing was changed; deploy the version that was deployed before" in error.value.message
    assert "execute_change_set" not in deployed.calls
    assert deployed.change_sets() == []


def index(name: str, key: str = "a") -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": [{"AttributeName": key}], "Projection": {}}


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ([], [index("one"), index("two")], "one, two"),
        ([index("one")], [index("two")], "one, two"),
        ([index("one")], [index("one", "b")], "one, one"),
    ],
)
def test_several_changes_of_secondary_indexes_at_once_are_refused(
    deployed: World, before: list[Any], after: list[Any], named: str
) -> None:
    contexts = {
        f"{when}Context": json.dumps({"Properties": {"GlobalSecondaryIndexes": indexes}})
        for when, indexes in (("Before", before), ("After", after))
    }
    deployed.cloudformation.changes[STATE] = [
        change("Modify", "Table", "AWS::DynamoDB::Table", "GlobalSecondaryIndexes", **contexts)
    ]
    deployed.configure(sign_up="invitation")
    with pytest.raises(
        DeployError, match=rf"2 secondary indexes would change at once \({named}\).*first, then"
    ):
        run_deploy(deployed)


def test_one_change_of_a_secondary_index_is_accepted(deployed: World) -> None:
    context = json.dumps({"Properties": {"GlobalSecondaryIndexes": [index("one")]}})
    deployed.cloudformation.changes[STATE] = [
        change(
            "Modify",
            "Table",
            "AWS::DynamoDB::Table",
            "GlobalSecondaryIndexes",
            BeforeContext='{"Properties": {}}',
            AfterContext=context,
        )
    ]
    deployed.configure(sign_up="invitation")
    assert run_deploy(deployed).changed
