"""A deployment does what it must, in its order, and nothing else: the first one, a repeated one, a changed one."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.support.fake_aws import APP, NO_CHANGES, SITE, SITE_FILES, STATE, World, change

from imchat.api.schema import SiteConfig
from imchat.deploy import Deployment, Plan, Release, deploy, make_plan
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


def run(aws: World, release: Release | None = None, **options: Any) -> Deployment:
    done = deploy(aws.target, release=release or aws.release(), progress=aws.happened.append, **options)
    assert done is not None
    return done


@pytest.fixture
def deployed(aws: World) -> World:
    run(aws)
    aws.happened.clear()
    aws.calls.clear()
    aws.fetched.clear()
    return aws


def test_the_first_deployment_makes_three_stacks_and_the_site_in_their_order(aws: World) -> None:
    done = run(aws)
    steps = [one for one in aws.happened if not type(one).__name__.startswith("Resource")]
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
    assert (done.url, done.changed) == ("the-SiteUrl", True)
    assert aws.statuses() == dict.fromkeys((STATE, APP, SITE), "CREATE_COMPLETE")
    assert aws.cloudfront.invalidated == []  # nobody has a copy of what was not there


def test_values_go_from_stack_to_stack(deployed: World) -> None:
    app, site = (deployed.cloudformation.stacks[name].parameters for name in (APP, SITE))
    assert app["TableArn"] == "the-TableArn"
    assert app["ArtifactBucketName"] == "artifacts"
    assert (app["CodeKey"], app["LayerKey"]) == ("code/code.zip", "layer/1.zip")
    assert (app["Stage"], app["MemoryMb"], app["CallbackUrlOverride"]) == ("test", "1024", "")
    assert site["AttachmentBucketDomain"] == "the-AttachmentBucketDomain"
    assert site["HttpApiDomain"] == "the-HttpApiDomain"


def test_what_belongs_to_a_stage_is_tagged_so(deployed: World) -> None:
    for stack in deployed.cloudformation.stacks.values():
        assert stack.tags == {"imchat:stage": "test"}


def test_config_json_tells_the_web_client_where_everything_is(deployed: World) -> None:
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
    }
    SiteConfig.model_validate(
        config
    )  # the shape that `imchat local` serves and the web client's types are made from


def test_files_are_served_as_what_they_are_and_kept_as_long_as_they_may_be(deployed: World) -> None:
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


def test_deploying_again_changes_nothing_and_takes_seven_calls(deployed: World) -> None:
    done = run(deployed, approve=lambda _: pytest.fail("there is nothing to approve"))
    assert done.changed is False
    assert done.plan.empty
    assert Counter(deployed.calls) == {"describe_stacks": 3, "get_template": 3, "ListObjectsV2": 1}
    assert len(deployed.fetched) == 3


def test_changed_code_is_uploaded_and_only_the_app_is_updated(deployed: World) -> None:
    done = run(deployed, deployed.release(code=b"better"))
    assert done.changed
    assert [one for one in deployed.happened if isinstance(one, ArtifactUploaded)] == [
        ArtifactUploaded("code", "code/better.zip", 6, uploaded=True)
    ]
    finished = {one.stack: one.changed for one in deployed.happened if isinstance(one, StackFinished)}
    assert finished == {STATE: False, APP: True, SITE: False}
    assert deployed.calls.count("execute_change_set") == 1
    assert deployed.calls.count("create_change_set") == 1  # what was planned is what is executed
    assert "PutObject" in deployed.calls
    assert deployed.calls.count("PutObject") == 1


def test_code_that_lies_there_is_not_uploaded_again(deployed: World) -> None:
    run(deployed, deployed.release(code=b"better"))
    deployed.calls.clear()
    run(deployed, deployed.release(code=b"code"))
    assert "PutObject" not in deployed.calls


def test_a_changed_site_uploads_what_differs_last_of_all_removes_what_is_gone(deployed: World) -> None:
    files = {"index.html": b"<html>2</html>", "sw.js": b"worker", "assets/app-87654321.js": b"new"}
    run(deployed, deployed.release(files=files))
    assert [one for one in deployed.happened if not isinstance(one, StackFinished)] == [
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


def test_a_changed_site_stack_keeps_its_copies_so_they_are_dropped(deployed: World) -> None:
    deployed.configured(price_class="PriceClass_All")
    run(deployed, deployed.release(files={**SITE_FILES, "index.html": b"2"}))
    assert deployed.cloudfront.invalidated == [["/index.html"]]


def test_each_invalidation_is_a_new_one(deployed: World) -> None:
    for number in (2, 3, 2):
        run(deployed, deployed.release(files={**SITE_FILES, "index.html": b"%d" % number}))
    assert len(set(deployed.cloudfront.references)) == 3


def test_a_file_that_somebody_removed_or_changed_is_put_right(deployed: World) -> None:
    deployed.s3.delete_object(Bucket="site", Key="sw.js")
    deployed.s3.put_object(Bucket="site", Key="config.json", Body=b"{}")
    run(deployed)
    assert deployed.objects("site")["sw.js"] == b"worker"
    assert json.loads(deployed.objects("site")["config.json"])["version"] == 1
    assert deployed.cloudfront.invalidated == [["/config.json"]]


def test_changed_settings_reach_their_stack(deployed: World) -> None:
    deployed.configured(memory_mb=512, sign_up="invitation")
    run(deployed)
    assert deployed.cloudformation.stacks[APP].parameters["MemoryMb"] == "512"
    assert deployed.cloudformation.stacks[STATE].parameters["SignUp"] == "invitation"


def test_an_output_that_changes_on_the_way_makes_the_next_stacks_plan_anew(deployed: World) -> None:
    """The plan took the state's outputs as they were; what is executed has them as they are."""
    deployed.cloudformation.stacks[STATE].outputs["TableArn"] = "the-old-TableArn"
    deployed.configured(sign_up="invitation")
    run(deployed, deployed.release(code=b"better"))
    assert deployed.cloudformation.stacks[APP].parameters["TableArn"] == "the-TableArn"
    assert deployed.change_sets() == []


@pytest.mark.parametrize("wording", NO_CHANGES)
def test_no_changes_in_either_wording_is_no_failure(deployed: World, wording: str) -> None:
    deployed.cloudformation.no_changes_wording = wording
    body = deployed.cloudformation.stacks[APP].body
    deployed.cloudformation.get_template = lambda **_: {"TemplateBody": {"as": "data"}}  # type: ignore[method-assign]  # as boto3 gives JSON
    done = run(deployed)
    assert done.changed is False
    assert deployed.cloudformation.stacks[APP].body == body
    assert deployed.change_sets() == []


def test_a_long_template_goes_through_the_artifact_bucket(deployed: World) -> None:
    release = deployed.release()
    app = release.templates["app"]
    long = replace(app, body=app.body + "#" * INLINE_BYTES)
    run(deployed, replace(release, templates={**release.templates, "app": long}))
    url = deployed.cloudformation.stacks[APP].body
    assert url.startswith("https://artifacts.s3")
    key = url.partition(".com/")[2]
    assert deployed.objects("artifacts")[key].decode() == long.body


# ---- plans


def test_a_first_plan_says_what_is_known_and_leaves_nothing_behind(aws: World) -> None:
    plan = make_plan(aws.target, release=aws.release())
    assert [(step.stack, step.action, step.exact) for step in plan.stacks] == [
        (STATE, "create", False),
        (APP, "create", False),
        (SITE, "create", False),
    ]
    made = {one.resource: one.condition for one in plan.stacks[1].changes}
    assert made["HttpFunction"] is None
    known = {one.name: one.after for one in plan.stacks[1].parameters}
    assert known["TableArn"] is None
    assert known["CodeKey"] == "code/code.zip"
    assert [one.upload for one in plan.artifacts] == [True, True]
    assert plan.files.upload == ("assets/app-12345678.js", "sw.js", "index.html")
    assert plan.files.config is True
    assert aws.statuses() == {}
    assert set(aws.calls) == {"describe_stacks"}


def test_a_plan_shows_resources_properties_and_parameters_and_executes_nothing(deployed: World) -> None:
    deployed.cloudformation.changes[APP] = [
        change("Modify", "HttpFunction", "AWS::Lambda::Function", "Code"),
        change("Modify", "Packages", "AWS::Lambda::LayerVersion", "Content!"),
        change("Remove", "OldAlarm", "AWS::CloudWatch::Alarm"),
    ]
    plan = make_plan(deployed.target, release=deployed.release(code=b"better"))
    state, app, site = plan.stacks
    assert (state.action, site.action) == ("none", "none")
    assert [(one.change, one.resource, one.properties) for one in app.changes] == [
        ("modify", "HttpFunction", ("Code",)),
        ("replace", "Packages", ("Content",)),
        ("remove", "OldAlarm", ()),
    ]
    assert [(one.name, one.before, one.after) for one in app.parameters] == [
        ("CodeKey", "code/code.zip", "code/better.zip")
    ]
    assert [one.upload for one in plan.artifacts] == [False, True]
    assert app.exact
    assert not plan.empty
    assert deployed.change_sets() == []
    assert not {"execute_change_set", "PutObject"} & set(deployed.calls)


def test_a_plan_of_nothing_is_empty(deployed: World) -> None:
    assert make_plan(deployed.target, release=deployed.release()).empty


def test_a_refused_plan_changes_nothing_and_leaves_nothing_behind(deployed: World) -> None:
    asked: list[Plan] = []

    def refuse(plan: Plan) -> bool:
        asked.append(plan)
        return False

    assert deploy(deployed.target, release=deployed.release(code=b"better"), approve=refuse) is None
    assert asked[0].stacks[1].action == "update"
    assert deployed.change_sets() == []
    assert not {"execute_change_set", "PutObject"} & set(deployed.calls)


@pytest.mark.parametrize("run_it", [make_plan, deploy])
@pytest.mark.parametrize(
    ("resource", "type_", "changed", "message"),
    [
        (
            "Table",
            "AWS::DynamoDB::Table",
            change("Modify", "Table", "AWS::DynamoDB::Table", "BillingMode", "KeySchema!"),
            "AWS::DynamoDB::Table would be replaced because of KeySchema, and what it holds lost",
        ),
        (
            "UserPool",
            "AWS::Cognito::UserPool",
            change("Remove", "UserPool", "AWS::Cognito::UserPool"),
            "AWS::Cognito::UserPool would be removed, and what it holds lost",
        ),
        (
            "AttachmentBucket",
            "AWS::S3::Bucket",
            change("Modify", "AttachmentBucket", "AWS::S3::Bucket", "BucketName", Replacement="Conditional"),
            "AWS::S3::Bucket would be perhaps replaced because of BucketName",
        ),
        (
            "Table",
            "AWS::DynamoDB::Table",
            change("Modify", "Table", "AWS::DynamoDB::Table", "TableName", PolicyAction="ReplaceAndRetain"),
            "would be replaced because of TableName",
        ),
    ],
)
def test_a_plan_that_loses_data_is_refused_with_the_property_that_asks_for_it(
    deployed: World, run_it: Any, resource: str, type_: str, changed: dict[str, Any], message: str
) -> None:
    deployed.cloudformation.changes[STATE] = [changed]
    deployed.configured(sign_up="invitation")
    with pytest.raises(DeployError) as refused:
        run_it(deployed.target, release=deployed.release())
    assert refused.value.message.startswith(f"{STATE}: {resource}: ")
    assert message in refused.value.message
    assert "nothing was changed; deploy the version that was deployed before" in refused.value.message
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
def test_more_than_one_change_of_secondary_indexes_is_refused(
    deployed: World, before: list[Any], after: list[Any], named: str
) -> None:
    contexts = {
        f"{when}Context": json.dumps({"Properties": {"GlobalSecondaryIndexes": indexes}})
        for when, indexes in (("Before", before), ("After", after))
    }
    deployed.cloudformation.changes[STATE] = [
        change("Modify", "Table", "AWS::DynamoDB::Table", "GlobalSecondaryIndexes", **contexts)
    ]
    deployed.configured(sign_up="invitation")
    with pytest.raises(
        DeployError, match=rf"2 secondary indexes would change at once \({named}\).*first, then"
    ):
        run(deployed)


def test_one_change_of_a_secondary_index_is_let_through(deployed: World) -> None:
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
    deployed.configured(sign_up="invitation")
    assert run(deployed).changed
