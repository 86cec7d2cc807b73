"""Rules for mistakes in templates that show only on AWS. A rule yields the problems that it finds.

The rules check an `Installation`: the templates, and the few values of the code that they have to agree with. Their numbers
are those of the mutants in tests/templates/template_mutants.py, which each rule has to find.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from tests.support.lambda_events import http_event, websocket_event
from tests.support.world import new_world
from tests.templates.loading import (
    ACCOUNT,
    GIVEN,
    NAMES,
    REGION,
    Template,
    load,
    of_type,
    path_of,
    permissions,
    render,
    role_of,
)
from tests.templates.page_function import answers

from imchat.domain.limits import CONNECTION_S, FRAME_BYTES
from imchat.entrypoints import http, websocket

GOLDEN: Final = Path(__file__).parent / "user_pool_forever.json"
ALL_VIEWER_EXCEPT_HOST: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
CACHED_ERRORS: Final = frozenset({400, 403, 404, 405, 414, 500, 501, 502, 503, 504})
"""Errors that CloudFront caches for a moment. Source: CloudFront developer guide, "Control how long CloudFront caches errors"."""
CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
HOLDS_NOTHING: Final = frozenset(
    {"AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Logs::LogGroup"}
)
"""Resource types that are deleted with the state stack: the sign-up function that Cognito calls, and its parts."""
LARGEST_BODY_BYTES: Final = 51_200
INVOKE: Final = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{{}}/invocations"
EXECUTE: Final = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{{}}"
V2: Final = "AWS::ApiGatewayV2::"


@cache
def connect_answer() -> dict[str, Any]:
    """Return the WebSocket function's response to a new connection."""
    with new_world() as world:
        return websocket.create_handler(world.app)(websocket_event("$connect", "c1", user_id="ada-1"), None)


@cache
def status_for_an_id_token() -> int:
    """Return the HTTP function's status for an ID token that the authorizer accepted."""
    with new_world() as world:
        event = http_event("GET", "/api/me", user_id="ada-1", token_use="id")
        return int(http.create_handler(world.app)(event, None)["statusCode"])


@dataclass(slots=True)
class Installation:
    """Three templates, the sizes of their files, and the code's values that they have to agree with."""

    state: Template = field(default_factory=lambda: load("state"))
    app: Template = field(default_factory=lambda: load("app"))
    site: Template = field(default_factory=lambda: load("site"))
    file_bytes: dict[str, int] = field(
        default_factory=lambda: {name: path_of(name).stat().st_size for name in NAMES}
    )
    connection_s: int = CONNECTION_S
    frame_bytes: int = FRAME_BYTES
    connect_answer: dict[str, Any] = field(default_factory=connect_answer)
    status_for_an_id_token: int = field(default_factory=status_for_an_id_token)

    @property
    def templates(self) -> dict[str, Template]:
        return {name: getattr(self, name) for name in NAMES}

    @property
    def behaviours(self) -> dict[str, dict[str, Any]]:
        """The distribution's behaviours by path pattern; the default behaviour has `*`."""
        config = self.distribution
        return {"*": config["DefaultCacheBehavior"]} | {
            behaviour["PathPattern"]: behaviour for behaviour in config.get("CacheBehaviors", [])
        }

    @property
    def distribution(self) -> dict[str, Any]:
        config: dict[str, Any] = self.site["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
        return config

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        return of_type(self.app, "AWS::Lambda::Function")

    def api_parts(self, kind: str, protocol: str) -> dict[str, dict[str, Any]]:
        """Return the routes, stages, integrations or authorizers of the HTTP or the WebSocket API."""
        apis = of_type(self.app, f"{V2}Api")
        return {
            name: part
            for name, part in of_type(self.app, f"{V2}{kind}").items()
            if apis[part["ApiId"]["Ref"]]["ProtocolType"] == protocol
        }


Problems: TypeAlias = Iterator[str]
Rule: TypeAlias = Callable[[Installation], Problems]
RULES: Final[dict[str, Rule]] = {}


def rule(number: str) -> Callable[[Rule], Rule]:
    """Register a rule under its number."""

    def register(function: Rule) -> Rule:
        RULES[number] = function
        return function

    return register


@rule("1")
def websocket_routes_reach_the_stage(installation: Installation) -> Problems:
    for name, stage in installation.api_parts("Stage", "WEBSOCKET").items():
        if stage.get("AutoDeploy") is not True:
            yield f"{name} is not deployed automatically"
        if "DeploymentId" in stage:
            yield f"{name} is fixed to one deployment"
    if of_type(installation.app, f"{V2}Deployment"):
        yield "there is a Deployment resource"


@rule("2")
def websocket_access_logs_are_opt_in(installation: Installation) -> Problems:
    for name, stage in installation.api_parts("Stage", "WEBSOCKET").items():
        if "AccessLogSettings" in render(installation.app, stage):
            yield f"{name} logs access by default, which needs a role of the whole account"
    for name, template in installation.templates.items():
        if of_type(template, "AWS::ApiGateway::Account"):
            yield f"{name} sets the role of the whole account and region"


@rule("3")
def integrations_refer_to_functions_in_the_form_of_their_api(installation: Installation) -> Problems:
    arns = {name: render(installation.app, {"Fn::GetAtt": [name, "Arn"]}) for name in installation.functions}
    for name, part in installation.api_parts("Integration", "WEBSOCKET").items():
        if render(installation.app, part["IntegrationUri"]) not in map(INVOKE.format, arns.values()):
            yield f"{name} does not name a function's invocations"
    for name, part in installation.api_parts("Authorizer", "WEBSOCKET").items():
        if render(installation.app, part["AuthorizerUri"]) not in map(INVOKE.format, arns.values()):
            yield f"{name} does not name a function's invocations"
    for name, part in installation.api_parts("Integration", "HTTP").items():
        if render(installation.app, part["IntegrationUri"]) not in arns.values():
            yield f"{name} does not name a function by its plain ARN"
        if part.get("PayloadFormatVersion") != "2.0":
            yield f"{name} does not send payload format 2.0"


@rule("4")
def apis_may_call_their_functions(installation: Installation) -> Problems:
    allowed = {
        (render(installation.app, part["FunctionName"]), render(installation.app, part["SourceArn"]))
        for part in of_type(installation.app, "AWS::Lambda::Permission").values()
        if part["Principal"] == "apigateway.amazonaws.com" and part["Action"] == "lambda:InvokeFunction"
    }
    calls = [
        (part["IntegrationUri"], f"{part['ApiId']['Ref']}/*/*")
        for part in of_type(installation.app, f"{V2}Integration").values()
    ] + [
        (part["AuthorizerUri"], f"{part['ApiId']['Ref']}/authorizers/{name}")
        for name, part in installation.api_parts("Authorizer", "WEBSOCKET").items()
    ]
    for uri, source in calls:
        rendered = render(installation.app, uri)
        [function] = [name for name in installation.functions if _arn(installation, name) in rendered] or [
            "no function"
        ]
        if (
            function == "no function"
            or (render(installation.app, {"Ref": function}), EXECUTE.format(source)) not in allowed
        ):
            yield f"{source} may not call {function}"


@rule("5")
def tickets_are_checked_once_when_a_connection_opens(installation: Installation) -> Problems:
    for name, part in installation.api_parts("Route", "WEBSOCKET").items():
        guarded = part.get("AuthorizationType") == "CUSTOM" and "AuthorizerId" in part
        if guarded != (part["RouteKey"] == "$connect"):
            yield f"{name} ({part['RouteKey']}) is {'' if guarded else 'not '}guarded"
    for name, part in installation.api_parts("Authorizer", "WEBSOCKET").items():
        if part["AuthorizerType"] != "REQUEST":
            yield f"{name} is not a REQUEST authorizer"
        if "IdentitySource" in part:
            yield f"{name} names a header, and header names are case-sensitive there"


@rule("6")
def a_browser_gets_the_subprotocol_that_it_offered(installation: Installation) -> Problems:
    if installation.connect_answer.get("headers", {}).get("Sec-WebSocket-Protocol") != "imchat.v1":
        yield "the response to $connect has no subprotocol"
    for name, part in installation.api_parts("Integration", "WEBSOCKET").items():
        if part["IntegrationType"] != "AWS_PROXY":
            yield f"{name} does not forward the function's headers"


@rule("7")
def connections_stay_within_api_gateways_limits(installation: Installation) -> Problems:
    if installation.connection_s > 2 * 60 * 60:
        yield "a connection is expected to last longer than two hours"
    if installation.frame_bytes > 32 * 1024:
        yield "a client's frame may be longer than 32 KB"
    for name in ("WebSocketFunction", "AuthorizerFunction", "HttpFunction"):
        if installation.functions[name]["Timeout"] > 29:
            yield f"{name} may run longer than API Gateway waits"


@rule("8")
def closed_connections_are_deleted(installation: Installation) -> Problems:
    table = installation.state["Resources"]["Table"]["Properties"]
    if not table.get("TimeToLiveSpecification", {}).get("Enabled"):
        yield "expired items stay in the table"
    if installation.connection_s < 2 * 60 * 60:
        yield "connections expire in the table while they are open"
    for function in installation.functions:
        allowed = permissions(installation.app, role_of(installation.app, function))
        posts = any("/POST/@connections/" in found.resource for found in allowed)
        if posts and "dynamodb:UpdateItem" not in {found.action for found in allowed}:
            yield f"{function} posts to connections and cannot delete a closed one"


@rule("9")
def only_access_tokens_of_this_client_are_accepted(installation: Installation) -> Problems:
    for name, part in installation.api_parts("Authorizer", "HTTP").items():
        jwt = part.get("JwtConfiguration", {})
        if jwt.get("Audience") != [{"Ref": "UserPoolClientId"}]:
            yield f"{name} accepts other clients' tokens"
        if (
            render(installation.app, jwt.get("Issuer"))
            != f"https://cognito-idp.{REGION}.amazonaws.com/UserPoolId"
        ):
            yield f"{name} does not have the pool as issuer"
    public = {"GET /api/health", "HEAD /api/health"}
    for name, part in installation.api_parts("Route", "HTTP").items():
        guarded = part.get("AuthorizationType") == "JWT" and "AuthorizerId" in part
        if guarded == (part["RouteKey"] in public):
            yield f"{name} ({part['RouteKey']}) is {'' if guarded else 'not '}guarded"
    for key in public - {part["RouteKey"] for part in installation.api_parts("Route", "HTTP").values()}:
        yield f"{key} needs a token"
    if installation.status_for_an_id_token != 401:
        yield "an ID token is accepted"


@rule("10")
def the_firewall_is_attached_to_cloudfront(installation: Installation) -> Problems:
    for name, template in installation.templates.items():
        if of_type(template, "AWS::WAFv2::WebACLAssociation"):
            yield f"{name} associates a firewall, which HTTP and WebSocket APIs cannot have"
    if "WebACLId" in render(installation.site, installation.distribution):
        yield "the distribution has a firewall by default"
    given = GIVEN | {"WebAclArn": "arn:aws:wafv2:us-east-1:1:global/webacl/x"}
    if render(installation.site, installation.distribution, given).get("WebACLId") != given["WebAclArn"]:
        yield "the given firewall is not attached to the distribution"
    pattern = installation.site["Parameters"]["WebAclArn"].get("AllowedPattern", ".*")
    if re.fullmatch(pattern, f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/a/b"):
        yield "a regional firewall is accepted"


@rule("11")
def apis_are_reached_through_cloudfront_unchanged(installation: Installation) -> Problems:
    stages = [f"/{part['StageName']}" for part in installation.api_parts("Stage", "WEBSOCKET").values()]
    for pattern in ["/api/*", *stages]:
        behaviour = installation.behaviours.get(pattern, {})
        if behaviour.get("CachePolicyId") != CACHING_DISABLED:
            yield f"{pattern} is cached"
        if behaviour.get("OriginRequestPolicyId") != ALL_VIEWER_EXCEPT_HOST:
            yield f"{pattern} does not forward headers, or forwards the site's host name"
        if behaviour.get("ViewerProtocolPolicy") != "https-only":
            yield f"{pattern} answers plain HTTP"
    if not {"POST", "PUT", "PATCH", "DELETE"} <= set(
        installation.behaviours["/api/*"].get("AllowedMethods", [])
    ):
        yield "/api/* rejects methods"
    for origin in installation.distribution["Origins"]:
        if "OriginPath" in origin:
            yield f"the origin {origin['Id']} changes paths"


@rule("11a")
def functions_post_to_connections_through_the_websocket_api(installation: Installation) -> Problems:
    [stage] = installation.api_parts("Stage", "WEBSOCKET").values()
    expected = f"https://{stage['ApiId']['Ref']}.execute-api.{REGION}.amazonaws.com/{stage['StageName']}"
    for name, part in installation.functions.items():
        if render(installation.app, part["Environment"]["Variables"].get("IMCHAT_CALLBACK_URL")) != expected:
            yield f"{name} does not post to {expected}"
        for found in permissions(installation.app, role_of(installation.app, name)):
            if found.action == "execute-api:ManageConnections" and not found.resource.startswith(
                EXECUTE.format(f"{stage['ApiId']['Ref']}/{stage['StageName']}/")
            ):
                yield f"{name} may post to connections of another stage"


@rule("12")
def concurrency_is_reserved_only_on_request(installation: Installation) -> Problems:
    for name, part in installation.functions.items():
        if "ReservedConcurrentExecutions" in render(installation.app, part):
            yield f"{name} reserves concurrency, which a new account cannot"


@rule("13")
def snapshots_need_a_version_an_alias_and_a_runtime_that_supports_them(
    installation: Installation,
) -> Problems:
    versions = [part["FunctionName"] for part in of_type(installation.app, "AWS::Lambda::Version").values()]
    aliases = [part["FunctionName"] for part in of_type(installation.app, "AWS::Lambda::Alias").values()]
    for name, part in installation.functions.items():
        if render(installation.app, part).get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
            yield f"{name} takes paid snapshots by default"
        if "SnapStart" in part:
            if {"Ref": name} not in versions or {"Ref": name} not in aliases:
                yield f"{name} takes snapshots that are never used: no version, or no alias"
            if "python3.11" in installation.app["Parameters"]["Runtime"]["AllowedValues"]:
                yield f"{name} takes snapshots, and may have a runtime without support for them"
            if part.get("EphemeralStorage", {}).get("Size", 512) > 512:
                yield f"{name} has too much /tmp for snapshots"


@rule("14")
def new_code_changes_the_stack(installation: Installation) -> Problems:
    for name, part in installation.functions.items():
        if part["Code"].get("S3Key") != {"Ref": "CodeKey"}:
            yield f"{name} has its code under a key that stays the same"
    for name, part in of_type(installation.app, "AWS::Lambda::LayerVersion").items():
        if part["Content"].get("S3Key") != {"Ref": "LayerKey"}:
            yield f"{name} has its content under a key that stays the same"
    for key in ("CodeKey", "LayerKey"):
        if "Default" in installation.app["Parameters"][key]:
            yield f"{key} has a default value"


@rule("15")
def data_is_retained(installation: Installation) -> Problems:
    for name, resource in installation.state["Resources"].items():
        if resource["Type"] in HOLDS_NOTHING:
            continue
        if resource.get("DeletionPolicy") not in {"Retain", "RetainExceptOnCreate"}:
            yield f"{name} is deleted with the stack"
        if resource.get("UpdateReplacePolicy") != "Retain":
            yield f"{name} is deleted when it is replaced"
    for name, part in of_type(installation.state, "AWS::DynamoDB::Table").items():
        if part.get("DeletionProtectionEnabled") is not True:
            yield f"{name} can be deleted"
        if not part.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield f"{name} cannot be restored"
    for kind in ("AWS::DynamoDB::Table", "AWS::Cognito::UserPool"):
        if of_type(installation.app, kind) or of_type(installation.site, kind):
            yield f"a {kind} is in a stack that teardown deletes"


@rule("16")
def immutable_properties_of_the_user_pool_stay_the_same(installation: Installation) -> Problems:
    pool = installation.state["Resources"]["UserPool"]["Properties"]
    for name, value in json.loads(GOLDEN.read_text()).items():
        if pool.get(name) != value:
            yield f"{name} would replace the pool"


@rule("17")
def the_pool_declares_no_standard_attributes(installation: Installation) -> Problems:
    if "Schema" in installation.state["Resources"]["UserPool"]["Properties"]:
        yield "every later update of the pool would fail"


@rule("18")
def sign_up_can_use_ses_and_reveals_no_accounts(installation: Installation) -> Problems:
    pool = installation.state["Resources"]["UserPool"]["Properties"]
    mail = "arn:aws:ses:eu-central-1:1:identity/example.org"
    sender = render(installation.state, pool["EmailConfiguration"], GIVEN | {"MailIdentityArn": mail})
    if sender.get("SourceArn") != mail or sender.get("EmailSendingAccount") != "DEVELOPER":
        yield "mail cannot be sent through SES"
    for name, client in of_type(installation.state, "AWS::Cognito::UserPoolClient").items():
        if client.get("PreventUserExistenceErrors") != "ENABLED":
            yield f"{name} reveals who has an account"
        if client.get("EnableTokenRevocation") is not True:
            yield f"{name} does not revoke refresh tokens at sign-out"
        unit = client.get("TokenValidityUnits", {}).get("AccessToken", "hours")
        minutes = client.get("AccessTokenValidity", 1) * {"minutes": 1, "hours": 60, "days": 1440}[unit]
        if not 15 <= minutes <= 60:
            yield f"{name} issues access tokens for {minutes} minutes"


@rule("19")
def the_table_has_no_unused_index(installation: Installation) -> Problems:
    if installation.state["Resources"]["Table"]["Properties"].get("GlobalSecondaryIndexes"):
        yield "keys.py reads no index, and an update can create or delete only one"


@rule("20")
def only_the_distribution_reads_the_sites_bucket(installation: Installation) -> Problems:
    buckets = of_type(installation.site, "AWS::S3::Bucket")
    for origin in installation.distribution["Origins"]:
        if "S3OriginConfig" not in origin:
            continue
        if origin["S3OriginConfig"] != {"OriginAccessIdentity": ""} or "OriginAccessControlId" not in origin:
            yield f"the origin {origin['Id']} is not read by origin access control"
        if origin["DomainName"] not in [{"Fn::GetAtt": [name, "RegionalDomainName"]} for name in buckets]:
            yield f"the origin {origin['Id']} is not named by its region, so first requests are redirected"
    if not any("S3OriginConfig" in origin for origin in installation.distribution["Origins"]):
        yield "the site's bucket is not an origin"
    expected = {"StringEquals": {"AWS:SourceArn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/Distribution"}}
    for name, part in of_type(installation.site, "AWS::S3::BucketPolicy").items():
        for statement in render(installation.site, part["PolicyDocument"])["Statement"]:
            if statement["Effect"] == "Allow" and (
                statement["Principal"] != {"Service": "cloudfront.amazonaws.com"}
                or statement.get("Condition") != expected
            ):
                yield f"{name} allows others than this distribution"


@rule("21")
def alarms_are_delivered(installation: Installation) -> Problems:
    for name, part in of_type(installation.app, "AWS::SNS::Topic").items():
        key = part.get("KmsMasterKeyId")
        if key is not None and (
            not isinstance(key, dict) or key.get("Ref") not in installation.app["Resources"]
        ):
            yield f"{name} is encrypted with a key that CloudWatch may not use"
    given = GIVEN | {"AlarmMail": "ops@example.org", "AlarmTopicArn": "arn:aws:sns:eu-central-1:1:mine"}
    topics = {
        render(installation.app, {"Ref": name}) for name in of_type(installation.app, "AWS::SNS::Topic")
    }
    for name, part in of_type(installation.app, "AWS::CloudWatch::Alarm").items():
        if set(render(installation.app, part, given).get("AlarmActions", [])) != {
            given["AlarmTopicArn"],
            *topics,
        }:
            yield f"{name} is not sent to every configured receiver"


@rule("22")
def only_the_root_is_served_index_html(installation: Installation) -> Problems:
    for error in installation.distribution.get("CustomErrorResponses", []):
        if "ResponsePagePath" in error or "ResponseCode" in error:
            yield f"{error['ErrorCode']} of the API is replaced by the site"
    for pattern, behaviour in installation.behaviours.items():
        kinds = [found["EventType"] for found in behaviour.get("FunctionAssociations", [])]
        if kinds != (["viewer-request"] if pattern == "*" else []):
            yield f"{pattern} runs {kinds or 'no function'}"
    code = installation.site["Resources"]["PageAddresses"]["Properties"]["FunctionCode"]
    expected = {
        "/": "/index.html",
        "/foo/bar": "302 /",
        "/foo": "302 /",
        "/a.b/c": "302 /",
        "/sw.js": "/sw.js",
    }
    for path, answer in zip(expected, answers(code, tuple(expected)), strict=True):
        if answer != expected[path]:
            yield f"{path} is answered with {answer}, where the web client's files are not found"


@rule("23")
def each_stack_needs_only_earlier_ones(installation: Installation) -> Problems:
    outputs = {name: set(template["Outputs"]) for name, template in installation.templates.items()}
    for position, name in enumerate(NAMES):
        for later in NAMES[position:]:
            for needed in outputs[later] & set(installation.templates[name]["Parameters"]):
                yield f"{name} needs {needed} of {later}"
    for name, part in of_type(installation.app, f"{V2}Api").items():
        if "CorsConfiguration" in part:
            yield f"{name} allows another origin, and everything has the same"


@rule("24")
def a_queued_job_stays_hidden_while_it_is_processed(installation: Installation) -> Problems:
    queues = of_type(installation.app, "AWS::SQS::Queue")
    reserved = installation.app["Parameters"]["ReservedConcurrency"]["AllowedPattern"]
    for name, part in of_type(installation.app, "AWS::Lambda::EventSourceMapping").items():
        queue = queues[part["EventSourceArn"]["Fn::GetAtt"][0]]
        if (
            queue.get("VisibilityTimeout", 30)
            < 6 * installation.functions[part["FunctionName"]["Ref"]]["Timeout"]
        ):
            yield f"{name}'s queue makes messages visible again too soon"
        if part.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} repeats the whole batch when one message fails"
        if "deadLetterTargetArn" not in queue.get("RedrivePolicy", {}):
            yield f"{name}'s queue retries forever"
        least = min(n for n in range(1, 1000) if re.fullmatch(reserved, str(n)))
        if not 2 <= part.get("ScalingConfig", {}).get("MaximumConcurrency", 1000) <= least:
            yield f"{name} may start more executions than its function allows, and loses throttled jobs"


@rule("25")
def runtimes_are_supported_and_reserved_variables_are_not_set(installation: Installation) -> Problems:
    runtimes = installation.app["Parameters"]["Runtime"]
    for runtime in {runtimes["Default"], *runtimes.get("AllowedValues", ["any"])}:
        if runtime not in {"python3.11", "python3.12", "python3.13", "python3.14"}:
            yield f"{runtime} has ended or is unknown"
    if runtimes["Default"] not in {"python3.13", "python3.14"}:
        yield f"the default, {runtimes['Default']}, ends before 2029"
    for name, part in installation.functions.items():
        if part["Runtime"] != {"Ref": "Runtime"}:
            yield f"{name} has another runtime"
        for variable in part["Environment"]["Variables"]:
            if variable.startswith(("AWS_", "LAMBDA_")):
                yield f"{name} sets {variable}, which is reserved"


@rule("26")
def templates_fit_into_a_request(installation: Installation) -> Problems:
    for name, size in installation.file_bytes.items():
        if size > LARGEST_BODY_BYTES:
            yield f"{name} has {size:,} bytes; from {LARGEST_BODY_BYTES:,} on it has to be in a bucket"


@rule("27")
def pages_have_a_content_security_policy(installation: Installation) -> Problems:
    policies = of_type(installation.site, "AWS::CloudFront::ResponseHeadersPolicy")
    for name, part in policies.items():
        config = part["ResponseHeadersPolicyConfig"]
        policy = config.get("SecurityHeadersConfig", {}).get("ContentSecurityPolicy", {})
        if not policy.get("ContentSecurityPolicy") or policy.get("Override") is not True:
            yield f"{name} has no content security policy"
        for header in config.get("CustomHeadersConfig", {}).get("Items", []):
            if header["Header"].lower() == "content-security-policy":
                yield f"{name} sends it as a custom header, which CloudFront rejects"
    for pattern in ("*", "/assets/*", "/api/*"):
        if installation.behaviours[pattern].get("ResponseHeadersPolicyId") not in [
            {"Ref": name} for name in policies
        ]:
            yield f"{pattern} sends no security headers"


@rule("28")
def each_function_has_its_own_log_and_permissions(installation: Installation) -> Problems:
    for template in installation.templates.values():
        yield from _shared_or_unlimited(template)


def _shared_or_unlimited(template: Template) -> Problems:
    functions = of_type(template, "AWS::Lambda::Function")
    groups = of_type(template, "AWS::Logs::LogGroup")
    used = [(part["Role"], part.get("LoggingConfig", {}).get("LogGroup")) for part in functions.values()]
    for name, part in functions.items():
        logging = part.get("LoggingConfig", {})
        group = logging.get("LogGroup", {}).get("Ref")
        if (
            "RetentionInDays" not in groups.get(group, {})
            or [log for _, log in used].count({"Ref": group}) > 1
        ):
            yield f"{name} has no log group of its own, with retention"
        if logging.get("LogFormat") != "JSON":
            yield f"{name} does not log JSON"
        if [role for role, _ in used].count(part["Role"]) > 1:
            yield f"{name} shares a role"
        own_log = render(template, {"Fn::GetAtt": [group, "Arn"]}) if group in groups else ""
        for action, resource in permissions(template, role_of(template, name)):
            if "*" in action:
                yield f"{name} may do {action}"
            if "*" in re.sub(r"/@connections/\*$|/index/\*$", "", resource) and resource != own_log:
                yield f"{name} may do {action} on {resource}"
    for name, part in of_type(template, "AWS::IAM::Role").items():
        if part.get("ManagedPolicyArns"):
            yield f"{name} has managed policies"


@rule("29")
def errors_are_not_cached_for_other_users(installation: Installation) -> Problems:
    times = {
        error["ErrorCode"]: error.get("ErrorCachingMinTTL")
        for error in installation.distribution.get("CustomErrorResponses", [])
    }
    for code in CACHED_ERRORS:
        if times.get(code) != 0:
            yield f"CloudFront caches a {code} and returns it to other users"


def _arn(installation: Installation, function: str) -> str:
    return str(render(installation.app, {"Fn::GetAtt": [function, "Arn"]}))
