"""The templates and the code agree: handlers exist, variables are those that are read, routes and permissions match."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.lambda_events import authorizer_event
from tests.support.world import new_world
from tests.templates.loading import GIVEN, NAMES, Permission, load, of_type, permissions, render, role_of

from imchat import entrypoints
from imchat.api.routes import ROUTES
from imchat.entrypoints import authorizer
from imchat.entrypoints.authorizer import SUBPROTOCOL
from imchat.local.identity.service import TOKEN_LIFETIME_S
from imchat.local.identity.sessions import SESSION_LIFETIME_S
from imchat.settings import Settings
from imchat.storage.repositories.connections import SIGNED_OUT_S

FUNCTIONS: Final = of_type(load("app"), "AWS::Lambda::Function")
DOCS: Final = Path(__file__).parents[2] / "docs"
VARIABLES: Final = {f"IMCHAT_{field.name.upper()}" for field in fields(Settings)}
OUTPUT_VALUES: Final = {"TableName", "TableArn", "UserPoolId", "UserPoolClientId", "ArtifactBucketName"}


def test_functions_and_entrypoints_match() -> None:
    modules = [f"imchat.entrypoints.{found.name}" for found in pkgutil.iter_modules(entrypoints.__path__)]
    handlers = {f"{name}.handler" for name in modules if hasattr(importlib.import_module(name), "handler")}
    assert {part["Handler"] for part in FUNCTIONS.values()} == handlers
    assert len(handlers) == len(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_exactly_the_variables_that_it_reads(name: str) -> None:
    variables = render(load("app"), FUNCTIONS[name]["Environment"]["Variables"])
    assert set(variables) == VARIABLES
    assert Settings.from_environment(variables).table_name == "TableName"


def test_an_emulators_callback_url_replaces_awss() -> None:
    url = "http://127.0.0.1:4566/_aws/execute-api"
    for part in FUNCTIONS.values():
        variables = render(
            load("app"), part["Environment"]["Variables"], GIVEN | {"CallbackUrlOverride": url}
        )
        assert Settings.from_environment(variables).callback_url == f"{url}/WebSocketApi/ws"


def test_only_routes_without_a_token_have_their_own_api_gateway_route() -> None:
    app = load("app")
    api = of_type(app, "AWS::ApiGatewayV2::Route").values()
    keys = {
        route["RouteKey"]: route["AuthorizationType"] for route in api if route["ApiId"]["Ref"] == "HttpApi"
    }
    opened = {
        f"{method} /api{route.path}": "NONE"
        for route in ROUTES
        if route.access == "public"
        for method in (route.method, "HEAD")
    }
    assert keys == {"ANY /api/{proxy+}": "JWT"} | opened


def test_the_websocket_api_has_the_routes_that_the_function_handles() -> None:
    api = of_type(load("app"), "AWS::ApiGatewayV2::Route").values()
    keys = {route["RouteKey"] for route in api if route["ApiId"]["Ref"] == "WebSocketApi"}
    assert keys == {"$connect", "$disconnect", "$default"}
    assert SUBPROTOCOL == "imchat.v1"


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_outputs_are_described_and_parameters_grouped_and_labelled(name: str) -> None:
    template = load(name)
    for part in {**template["Parameters"], **template["Outputs"]}.values():
        assert len(part["Description"]) > 10
        assert part["Description"].endswith(".")
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [parameter for group in interface["ParameterGroups"] for parameter in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"]) == sorted(interface["ParameterLabels"])


@pytest.mark.parametrize("name", NAMES)
def test_a_default_is_an_allowed_value(name: str) -> None:
    for parameter, part in load(name)["Parameters"].items():
        default = part.get("Default")
        if default is not None:
            assert re.fullmatch(part.get("AllowedPattern", ".*"), str(default)), parameter
            assert default in part.get("AllowedValues", [default]), parameter


@pytest.mark.parametrize(
    ("template", "parameter", "good", "bad"),
    [
        ("app", "Stage", "prod", "Prod"),
        ("app", "ReservedConcurrency", "10", "9"),
        ("app", "AlarmMail", "ops@example.org", "example.org"),
        ("app", "AlarmTopicArn", "arn:aws:sns:eu-west-1:123456789012:alarms", "alarms"),
        ("app", "PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/bound", "bound"),
        ("app", "CallbackUrlOverride", "http://127.0.0.1:4566/x", "127.0.0.1"),
        ("site", "DomainName", "chat.example.org", "https://chat.example.org"),
        (
            "site",
            "CertificateArn",
            "arn:aws:acm:us-east-1:123456789012:certificate/a-b",
            "arn:aws:acm:eu-west-1:123456789012:certificate/a-b",
        ),
        (
            "site",
            "WebAclArn",
            "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b",
            "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b",
        ),
        (
            "state",
            "MailIdentityArn",
            "arn:aws:ses:eu-west-1:123456789012:identity/example.org",
            "example.org",
        ),
    ],
)
def test_a_parameter_accepts_valid_and_rejects_invalid_values(
    template: str, parameter: str, good: str, bad: str
) -> None:
    pattern = load(template)["Parameters"][parameter]["AllowedPattern"]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


def test_parameters_from_another_stack_are_its_outputs() -> None:
    state, app, site = map(load, NAMES)
    assert set(app["Parameters"]) >= OUTPUT_VALUES
    assert set(state["Outputs"]) >= OUTPUT_VALUES
    needed = {name for name, part in site["Parameters"].items() if "Default" not in part}
    assert needed - {"Stage"} <= {*state["Outputs"], *app["Outputs"]}


def test_a_sign_out_is_stored_for_as_long_as_its_tokens_could_be_renewed() -> None:
    [client] = of_type(load("state"), "AWS::Cognito::UserPoolClient").values()
    assert client["TokenValidityUnits"].items() >= {"RefreshToken": "days", "AccessToken": "minutes"}.items()
    longest_s = client["RefreshTokenValidity"] * 24 * 3600 + client["AccessTokenValidity"] * 60
    assert longest_s <= SIGNED_OUT_S
    assert SESSION_LIFETIME_S + TOKEN_LIFETIME_S <= SIGNED_OUT_S


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_use_only_its_table_log_connections_and_queue(
    function: str,
) -> None:
    app = load("app")
    own_log = render(app, {"Fn::GetAtt": [FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"], "Arn"]})
    connections = "arn:aws:execute-api:eu-central-1:123456789012:WebSocketApi/ws/"
    reach = {
        "dynamodb": {GIVEN["TableArn"]},
        "logs": {own_log},
        "sqs": {render(app, {"Fn::GetAtt": ["FanoutQueue", "Arn"]})},
        "execute-api": {f"{connections}{verb}/@connections/*" for verb in ("POST", "DELETE")},
    }
    for action, resource in permissions(app, role_of(app, function)):
        assert resource in reach[action.partition(":")[0]], action


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_security_page_lists_each_functions_permissions(function: str) -> None:
    app = load("app")
    may: dict[str, set[str]] = {"dynamodb": set(), "execute-api": set(), "sqs": set()}
    for action, resource in permissions(app, role_of(app, function)):
        service, _, name = action.partition(":")
        if service == "execute-api":
            may[service].add(resource.split("/")[2])
        elif service != "logs":
            may[service].add(name)
    listed = [", ".join(sorted(names)) or "none" for names in may.values()]
    page = (DOCS / "security.md").read_text("utf-8")
    assert f"| `{function}` | {' | '.join(listed)} |" in page


def test_only_functions_that_open_connections_or_suspend_users_may_close_one() -> None:
    app = load("app")
    close = "arn:aws:execute-api:eu-central-1:123456789012:WebSocketApi/ws/DELETE/@connections/*"
    may = [
        name
        for name in FUNCTIONS
        if Permission("execute-api:ManageConnections", close) in permissions(app, role_of(app, name))
    ]
    assert may == ["HttpFunction", "WebSocketFunction"]


def test_a_rejected_ticket_raises_no_alarm() -> None:
    """The authorizer rejects a ticket by raising, as API Gateway requires, so Lambda's error count cannot be used."""
    metrics = load("app")["Resources"]["FunctionErrorsAlarm"]["Properties"]["Metrics"]
    counted = set(re.findall(r"\w+Function", json.dumps(metrics)))
    assert counted == {"HttpFunction", "WebSocketFunction", "FanoutFunction"}
    [errors] = of_type(load("app"), "AWS::Logs::MetricFilter").values()
    assert errors["LogGroupName"] == {"Ref": "AuthorizerLogs"}
    assert '($.errorMessage = "*" && $.errorMessage != "Unauthorized")' in errors["FilterPattern"]
    [added] = [metric["MetricStat"]["Metric"] for metric in metrics if metric["Id"] == "authorizer"]
    [written] = errors["MetricTransformations"]
    assert (added["Namespace"], added["MetricName"]) == (written["MetricNamespace"], written["MetricName"])


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="not tested here: AWS's runtime is for Linux"
)
def test_lambda_logs_a_rejected_ticket_as_the_alarm_expects() -> None:
    program = (
        "from awslambdaric import bootstrap as b\n"
        "b.log_error(b.make_error('Unauthorized', 'Exception', [], 'r1'), b.StandardLogSink())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(result.stdout)["errorMessage"] == "Unauthorized"
    with pytest.raises(Exception, match=r"^Unauthorized$"), new_world() as world:
        authorizer.create_handler(world.app)(authorizer_event(None), None)


def test_an_alarm_adds_up_all_its_metrics() -> None:
    for name, alarm in of_type(load("app"), "AWS::CloudWatch::Alarm").items():
        metrics = alarm.get("Metrics", [])
        [expression] = [metric["Expression"] for metric in metrics if "Expression" in metric] or [""]
        # A metric without data has no value, and a sum with it has none either.
        added = sorted(f"FILL({metric['Id']}, 0)" for metric in metrics if "MetricStat" in metric)
        assert sorted(re.findall(r"FILL\(\w+, 0\)", expression)) == added, name
        assert alarm["TreatMissingData"] == "notBreaching", name


def test_the_operations_page_covers_each_alarm() -> None:
    app = load("app")
    alarms = of_type(app, "AWS::CloudWatch::Alarm").values()
    names = {render(app, alarm["AlarmName"]).removeprefix("imchat-prod-") for alarm in alarms}
    page = (DOCS / "operations.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|.*\|.*\|.*\|$", page, re.MULTILINE)) == names


def test_the_dashboard_is_valid_and_its_widgets_do_not_overlap() -> None:
    app = load("app")
    body: dict[str, Any] = json.loads(
        render(app, app["Resources"]["Dashboard"]["Properties"]["DashboardBody"])
    )
    places = [(widget["x"], widget["y"]) for widget in body["widgets"]]
    assert len(set(places)) == len(places) == 9
    shown = {tuple(metric[:4]) for widget in body["widgets"] for metric in widget["properties"]["metrics"]}
    for function in FUNCTIONS:
        name = render(app, {"Ref": function})
        assert ("AWS/Lambda", "Errors", "FunctionName", name) in shown


def test_access_logs_contain_no_user_and_no_address() -> None:
    for stage in of_type(load("app"), "AWS::ApiGatewayV2::Stage").values():
        logs = render(load("app"), stage, GIVEN | {"WebSocketAccessLogs": "yes"})["AccessLogSettings"]
        json.loads(logs["Format"])
        logged = set(re.findall(r"\$context\.([\w.]+)", logs["Format"]))
        assert logged <= {
            "requestId",
            "routeKey",
            "status",
            "eventType",
            "responseLatency",
            "integrationLatency",
            "error.message",
            "integrationErrorMessage",
        }
