"""Template mutants: for each rule of template_rules.py, ways to break an installation that the rule must catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from tests.templates.template_rules import Installation

Mutant: TypeAlias = Callable[[Installation], None]
MUTANTS: Final[list[tuple[str, Mutant]]] = []
"""The rule's number, and a function that makes the mistake that its name describes."""


def mutant(number: str) -> Callable[[Mutant], Mutant]:
    """Register a mutant that the rule of this number has to find."""

    def register(function: Mutant) -> Mutant:
        MUTANTS.append((number, function))
        return function

    return register


def add(template: dict[str, Any], kind: str, **properties: Any) -> None:
    template["Resources"]["Added"] = {"Type": kind, "Properties": properties}


def app(installation: Installation, name: str) -> dict[str, Any]:
    part: dict[str, Any] = installation.app["Resources"][name]["Properties"]
    return part


def state(installation: Installation, name: str) -> dict[str, Any]:
    part: dict[str, Any] = installation.state["Resources"][name]["Properties"]
    return part


def site(installation: Installation, name: str) -> dict[str, Any]:
    part: dict[str, Any] = installation.site["Resources"][name]["Properties"]
    return part


def statement(installation: Installation, role: str, sid: str) -> dict[str, Any]:
    statements = app(installation, role)["Policies"][0]["PolicyDocument"]["Statement"]
    [found] = [found for found in statements if found["Sid"] == sid]
    part: dict[str, Any] = found
    return part


@mutant("1")
def the_websocket_stage_waits_for_deployments(installation: Installation) -> None:
    del app(installation, "WebSocketStage")["AutoDeploy"]


@mutant("1")
def the_stage_stays_at_one_deployment(installation: Installation) -> None:
    app(installation, "WebSocketStage")["DeploymentId"] = "abc123"


@mutant("1")
def a_deployment_is_a_resource(installation: Installation) -> None:
    add(installation.app, "AWS::ApiGatewayV2::Deployment", ApiId={"Ref": "WebSocketApi"})


@mutant("2")
def websocket_access_is_always_logged(installation: Installation) -> None:
    settings = app(installation, "WebSocketStage")["AccessLogSettings"]
    app(installation, "WebSocketStage")["AccessLogSettings"] = settings["Fn::If"][1]


@mutant("2")
def websocket_access_is_logged_by_default(installation: Installation) -> None:
    installation.app["Parameters"]["WebSocketAccessLogs"]["Default"] = "yes"


@mutant("2")
def the_accounts_role_is_set_by_the_stack(installation: Installation) -> None:
    add(installation.app, "AWS::ApiGateway::Account", CloudWatchRoleArn="arn:aws:iam::1:role/logs")


@mutant("3")
def a_websocket_integration_has_a_plain_arn(installation: Installation) -> None:
    app(installation, "WebSocketIntegration")["IntegrationUri"] = {"Fn::GetAtt": ["WebSocketFunction", "Arn"]}


@mutant("3")
def the_websocket_authorizer_has_a_plain_arn(installation: Installation) -> None:
    app(installation, "TicketAuthorizer")["AuthorizerUri"] = {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}


@mutant("3")
def the_http_integration_has_an_invocations_arn(installation: Installation) -> None:
    app(installation, "HttpIntegration")["IntegrationUri"] = app(installation, "WebSocketIntegration")[
        "IntegrationUri"
    ]


@mutant("3")
def the_http_integration_sends_the_old_payload(installation: Installation) -> None:
    app(installation, "HttpIntegration")["PayloadFormatVersion"] = "1.0"


@mutant("4")
def the_api_may_not_call_the_authorizer(installation: Installation) -> None:
    del installation.app["Resources"]["AuthorizerPermission"]


@mutant("4")
def the_authorizers_permission_is_for_a_route(installation: Installation) -> None:
    app(installation, "AuthorizerPermission")["SourceArn"] = app(installation, "WebSocketPermission")[
        "SourceArn"
    ]


@mutant("4")
def the_http_api_may_not_call_its_function(installation: Installation) -> None:
    app(installation, "HttpPermission")["FunctionName"] = {"Ref": "FanoutFunction"}


@mutant("4")
def the_websocket_permission_is_for_the_other_api(installation: Installation) -> None:
    app(installation, "WebSocketPermission")["SourceArn"] = app(installation, "HttpPermission")["SourceArn"]


@mutant("5")
def frames_are_authorized_as_well(installation: Installation) -> None:
    app(installation, "DefaultRoute").update(
        AuthorizationType="CUSTOM", AuthorizerId={"Ref": "TicketAuthorizer"}
    )


@mutant("5")
def anyone_can_connect(installation: Installation) -> None:
    app(installation, "ConnectRoute")["AuthorizationType"] = "NONE"


@mutant("5")
def the_authorizer_reads_a_header_in_one_case_only(installation: Installation) -> None:
    app(installation, "TicketAuthorizer")["IdentitySource"] = ["route.request.header.Sec-WebSocket-Protocol"]


@mutant("6")
def the_response_to_connect_has_no_subprotocol(installation: Installation) -> None:
    installation.connect_answer = {"statusCode": 200}


@mutant("6")
def the_integration_drops_headers(installation: Installation) -> None:
    app(installation, "WebSocketIntegration")["IntegrationType"] = "AWS"


@mutant("7")
def a_connection_is_expected_to_last_a_day(installation: Installation) -> None:
    installation.connection_s = 24 * 60 * 60


@mutant("7")
def a_frame_of_a_megabyte_is_expected(installation: Installation) -> None:
    installation.frame_bytes = 1024 * 1024


@mutant("7")
def a_function_outlives_its_request(installation: Installation) -> None:
    app(installation, "WebSocketFunction")["Timeout"] = 60


@mutant("8")
def expired_connections_stay(installation: Installation) -> None:
    del state(installation, "Table")["TimeToLiveSpecification"]


@mutant("8")
def connections_expire_while_open(installation: Installation) -> None:
    installation.connection_s = 600


@mutant("8")
def the_fan_out_cannot_delete_closed_connections(installation: Installation) -> None:
    statement(installation, "FanoutRole", "Table")["Action"].remove("dynamodb:UpdateItem")


@mutant("9")
def tokens_of_any_client_are_accepted(installation: Installation) -> None:
    del app(installation, "TokenAuthorizer")["JwtConfiguration"]["Audience"]


@mutant("9")
def the_issuer_is_the_pools_provider_url(installation: Installation) -> None:
    app(installation, "TokenAuthorizer")["JwtConfiguration"]["Issuer"] = {"Ref": "UserPoolId"}


@mutant("9")
def the_api_is_open(installation: Installation) -> None:
    app(installation, "ApiRoute")["AuthorizationType"] = "NONE"


@mutant("9")
def health_needs_a_token(installation: Installation) -> None:
    app(installation, "HealthRoute").update(AuthorizationType="JWT", AuthorizerId={"Ref": "TokenAuthorizer"})


@mutant("9")
def a_monitor_that_sends_head_needs_a_token(installation: Installation) -> None:
    del installation.app["Resources"]["HealthHeadRoute"]


@mutant("9")
def id_tokens_are_accepted(installation: Installation) -> None:
    installation.status_for_an_id_token = 200


@mutant("10")
def the_firewall_is_attached_to_the_http_api(installation: Installation) -> None:
    add(installation.app, "AWS::WAFv2::WebACLAssociation", ResourceArn={"Ref": "HttpApi"}, WebACLArn="arn")


@mutant("10")
def a_regional_firewall_is_accepted(installation: Installation) -> None:
    installation.site["Parameters"]["WebAclArn"]["AllowedPattern"] = "(arn:.+)?"


@mutant("10")
def the_firewall_is_not_attached(installation: Installation) -> None:
    del installation.distribution["WebACLId"]


@mutant("10")
def an_empty_firewall_is_attached(installation: Installation) -> None:
    installation.distribution["WebACLId"] = {"Ref": "WebAclArn"}


@mutant("11")
def the_host_header_is_forwarded(installation: Installation) -> None:
    installation.behaviours["/api/*"]["OriginRequestPolicyId"] = (
        "216adef6-5c7f-47e4-b989-5492eafa07d3"  # AllViewer
    )


@mutant("11")
def responses_are_cached(installation: Installation) -> None:
    installation.behaviours["/api/*"]["CachePolicyId"] = "658327ea-f89d-4fab-a63d-7e88639e58f6"


@mutant("11")
def no_header_reaches_the_websocket_api(installation: Installation) -> None:
    del installation.behaviours["/ws"]["OriginRequestPolicyId"]


@mutant("11")
def the_path_is_not_the_stages_name(installation: Installation) -> None:
    app(installation, "WebSocketStage")["StageName"] = "prod"


@mutant("11")
def tokens_are_redirected(installation: Installation) -> None:
    installation.behaviours["/api/*"]["ViewerProtocolPolicy"] = "redirect-to-https"


@mutant("11")
def only_read_methods_are_allowed(installation: Installation) -> None:
    installation.behaviours["/api/*"]["AllowedMethods"] = ["GET", "HEAD"]


@mutant("11")
def the_origin_puts_its_stage_before_the_path(installation: Installation) -> None:
    installation.distribution["Origins"][2]["OriginPath"] = "/ws"


@mutant("11a")
def connections_are_posted_to_through_the_site(installation: Installation) -> None:
    variables = app(installation, "FanoutFunction")["Environment"]["Variables"]
    variables["IMCHAT_CALLBACK_URL"] = {"Fn::Sub": "https://chat.example.org/ws"}


@mutant("11a")
def connections_are_posted_to_without_the_stage(installation: Installation) -> None:
    variables = app(installation, "HttpFunction")["Environment"]["Variables"]
    variables["IMCHAT_CALLBACK_URL"] = {
        "Fn::Sub": "https://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    }


@mutant("11a")
def the_permission_to_post_is_for_another_stage(installation: Installation) -> None:
    push = statement(installation, "HttpRole", "Push")
    post = push["Resource"][0]
    post["Fn::Sub"] = post["Fn::Sub"].replace("/ws/", "/prod/")


@mutant("12")
def concurrency_is_always_reserved(installation: Installation) -> None:
    app(installation, "HttpFunction")["ReservedConcurrentExecutions"] = 10


@mutant("12")
def concurrency_is_reserved_by_default(installation: Installation) -> None:
    installation.app["Parameters"]["ReservedConcurrency"]["Default"] = "10"


@mutant("13")
def snapshots_without_a_version(installation: Installation) -> None:
    app(installation, "HttpFunction")["SnapStart"] = {
        "Fn::If": ["HasBoundary", {"ApplyOn": "PublishedVersions"}, {"Ref": "AWS::NoValue"}]
    }


@mutant("13")
def snapshots_by_default(installation: Installation) -> None:
    app(installation, "HttpFunction")["SnapStart"] = {"ApplyOn": "PublishedVersions"}


@mutant("13")
def snapshots_of_a_runtime_without_support(installation: Installation) -> None:
    snapshots_without_a_version(installation)
    name = {"Ref": "HttpFunction"}
    for kind in ("Version", "Alias"):
        installation.app["Resources"][kind] = {
            "Type": f"AWS::Lambda::{kind}",
            "Properties": {"FunctionName": name},
        }


@mutant("14")
def the_code_key_never_changes(installation: Installation) -> None:
    app(installation, "WebSocketFunction")["Code"]["S3Key"] = "code.zip"


@mutant("14")
def the_layer_key_never_changes(installation: Installation) -> None:
    app(installation, "Packages")["Content"]["S3Key"] = "layer.zip"


@mutant("14")
def the_key_has_a_default(installation: Installation) -> None:
    installation.app["Parameters"]["CodeKey"]["Default"] = "code.zip"


@mutant("15")
def the_table_is_deleted_with_the_stack(installation: Installation) -> None:
    del installation.state["Resources"]["Table"]["DeletionPolicy"]


@mutant("15")
def a_replaced_pool_is_deleted(installation: Installation) -> None:
    installation.state["Resources"]["UserPool"]["UpdateReplacePolicy"] = "Delete"


@mutant("15")
def attachments_are_deleted_with_the_stack(installation: Installation) -> None:
    installation.state["Resources"]["AttachmentBucket"]["DeletionPolicy"] = "Delete"


@mutant("15")
def the_table_can_be_deleted(installation: Installation) -> None:
    state(installation, "Table")["DeletionProtectionEnabled"] = False


@mutant("15")
def the_table_cannot_be_restored(installation: Installation) -> None:
    del state(installation, "Table")["PointInTimeRecoverySpecification"]


@mutant("15")
def a_table_is_in_a_stack_that_teardown_deletes(installation: Installation) -> None:
    installation.app["Resources"]["Table"] = installation.state["Resources"]["Table"]


@mutant("16")
def user_names_become_case_sensitive(installation: Installation) -> None:
    state(installation, "UserPool")["UsernameConfiguration"] = {"CaseSensitive": True}


@mutant("16")
def users_sign_in_by_phone_number(installation: Installation) -> None:
    state(installation, "UserPool")["UsernameAttributes"] = ["email", "phone_number"]


@mutant("17")
def the_pool_declares_a_standard_attribute(installation: Installation) -> None:
    state(installation, "UserPool")["Schema"] = [{"Name": "email", "Required": True}]


@mutant("18")
def mail_is_sent_by_cognito_only(installation: Installation) -> None:
    state(installation, "UserPool")["EmailConfiguration"] = {"EmailSendingAccount": "COGNITO_DEFAULT"}


@mutant("18")
def strangers_can_find_out_who_has_an_account(installation: Installation) -> None:
    state(installation, "UserPoolClient")["PreventUserExistenceErrors"] = "LEGACY"


@mutant("18")
def signing_out_revokes_nothing(installation: Installation) -> None:
    state(installation, "UserPoolClient")["EnableTokenRevocation"] = False


@mutant("18")
def access_tokens_are_valid_for_a_day(installation: Installation) -> None:
    state(installation, "UserPoolClient")["TokenValidityUnits"]["AccessToken"] = "days"


@mutant("19")
def two_indexes_are_added_at_once(installation: Installation) -> None:
    keys = [{"AttributeName": "sk", "KeyType": "HASH"}]
    state(installation, "Table")["GlobalSecondaryIndexes"] = [
        {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}} for name in "ab"
    ]


@mutant("20")
def the_origin_has_no_access_control(installation: Installation) -> None:
    del installation.distribution["Origins"][0]["OriginAccessControlId"]


@mutant("20")
def the_origin_has_no_s3_configuration(installation: Installation) -> None:
    del installation.distribution["Origins"][0]["S3OriginConfig"]


@mutant("20")
def the_bucket_is_named_without_its_region(installation: Installation) -> None:
    installation.distribution["Origins"][0]["DomainName"] = {"Fn::GetAtt": ["SiteBucket", "DomainName"]}


@mutant("20")
def any_distribution_reads_the_bucket(installation: Installation) -> None:
    del site(installation, "SiteBucketPolicy")["PolicyDocument"]["Statement"][0]["Condition"]


@mutant("21")
def the_topic_is_encrypted_by_a_key_that_cloudwatch_cannot_use(installation: Installation) -> None:
    app(installation, "AlarmTopic")["KmsMasterKeyId"] = "alias/aws/sns"


@mutant("21")
def an_alarm_has_no_receiver(installation: Installation) -> None:
    del app(installation, "FanoutDeadLettersAlarm")["AlarmActions"]


@mutant("22")
def missing_pages_return_the_application(installation: Installation) -> None:
    installation.distribution["CustomErrorResponses"] = [
        {"ErrorCode": 403, "ResponseCode": 200, "ResponsePagePath": "/index.html"}
    ]


@mutant("22")
def the_apis_paths_are_rewritten(installation: Installation) -> None:
    installation.behaviours["/api/*"]["FunctionAssociations"] = installation.behaviours["*"][
        "FunctionAssociations"
    ]


@mutant("22")
def paths_of_pages_are_missing_files(installation: Installation) -> None:
    del installation.behaviours["*"]["FunctionAssociations"]


@mutant("22")
def every_page_is_served_index_html(installation: Installation) -> None:
    function = site(installation, "PageAddresses")
    function["FunctionCode"] = function["FunctionCode"].replace("request.uri === '/'", "!last.includes('.')")


@mutant("22")
def the_root_is_redirected_to_itself(installation: Installation) -> None:
    function = site(installation, "PageAddresses")
    function["FunctionCode"] = function["FunctionCode"].replace("request.uri === '/'", "request.uri === ''")


@mutant("23")
def the_app_stack_needs_the_sites_output(installation: Installation) -> None:
    installation.app["Parameters"]["SiteUrl"] = {"Type": "String"}


@mutant("23")
def the_api_allows_another_origin(installation: Installation) -> None:
    app(installation, "HttpApi")["CorsConfiguration"] = {"AllowOrigins": ["*"]}


@mutant("24")
def messages_become_visible_while_they_are_processed(installation: Installation) -> None:
    app(installation, "FanoutQueue")["VisibilityTimeout"] = 30


@mutant("24")
def one_failure_repeats_the_batch(installation: Installation) -> None:
    del app(installation, "FanoutSource")["FunctionResponseTypes"]


@mutant("24")
def failed_jobs_are_retried_forever(installation: Installation) -> None:
    del app(installation, "FanoutQueue")["RedrivePolicy"]


@mutant("24")
def more_executions_start_than_are_allowed(installation: Installation) -> None:
    del app(installation, "FanoutSource")["ScalingConfig"]


@mutant("24")
def fewer_executions_are_allowed_than_start(installation: Installation) -> None:
    installation.app["Parameters"]["ReservedConcurrency"]["AllowedPattern"] = "([1-9][0-9]*)?"


@mutant("25")
def a_runtime_that_has_ended(installation: Installation) -> None:
    installation.app["Parameters"]["Runtime"]["AllowedValues"].append("python3.10")


@mutant("25")
def a_default_that_ends_soon(installation: Installation) -> None:
    installation.app["Parameters"]["Runtime"]["Default"] = "python3.11"


@mutant("25")
def a_function_has_another_runtime(installation: Installation) -> None:
    app(installation, "AuthorizerFunction")["Runtime"] = "python3.12"


@mutant("25")
def a_reserved_variable_is_set(installation: Installation) -> None:
    app(installation, "HttpFunction")["Environment"]["Variables"]["AWS_REGION"] = "eu-central-1"


@mutant("26")
def a_template_is_too_long(installation: Installation) -> None:
    installation.file_bytes["app"] = 51_201


@mutant("27")
def the_policy_is_a_custom_header(installation: Installation) -> None:
    config = site(installation, "PageHeaders")["ResponseHeadersPolicyConfig"]
    policy = config["SecurityHeadersConfig"].pop("ContentSecurityPolicy")
    config["CustomHeadersConfig"]["Items"].append(
        {"Header": "Content-Security-Policy", "Value": policy["ContentSecurityPolicy"], "Override": True}
    )


@mutant("27")
def the_origin_may_override_the_policy(installation: Installation) -> None:
    config = site(installation, "PageHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    config["ContentSecurityPolicy"]["Override"] = False


@mutant("27")
def pages_have_no_security_headers(installation: Installation) -> None:
    del installation.behaviours["*"]["ResponseHeadersPolicyId"]


@mutant("28")
def logs_are_kept_forever(installation: Installation) -> None:
    del app(installation, "FanoutLogs")["RetentionInDays"]


@mutant("28")
def lambda_creates_the_log_group(installation: Installation) -> None:
    del app(installation, "HttpFunction")["LoggingConfig"]["LogGroup"]


@mutant("28")
def the_sign_up_functions_logs_are_kept_forever(installation: Installation) -> None:
    del state(installation, "SignUpLogs")["RetentionInDays"]


@mutant("28")
def logs_are_text(installation: Installation) -> None:
    app(installation, "HttpFunction")["LoggingConfig"]["LogFormat"] = "Text"


@mutant("28")
def two_functions_share_a_role(installation: Installation) -> None:
    app(installation, "AuthorizerFunction")["Role"] = app(installation, "HttpFunction")["Role"]


@mutant("28")
def a_function_may_do_anything_with_the_table(installation: Installation) -> None:
    statement(installation, "HttpRole", "Table")["Action"] = "dynamodb:*"


@mutant("28")
def a_function_may_use_every_table(installation: Installation) -> None:
    statement(installation, "AuthorizerRole", "Table")["Resource"] = "*"


@mutant("28")
def a_function_may_write_to_every_log(installation: Installation) -> None:
    statement(installation, "FanoutRole", "Log")["Resource"] = {
        "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"
    }


@mutant("28")
def a_role_has_an_aws_managed_policy(installation: Installation) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    app(installation, "HttpRole")["ManagedPolicyArns"] = [arn]


@mutant("29")
def errors_are_cached_by_default(installation: Installation) -> None:
    del installation.distribution["CustomErrorResponses"]


@mutant("29")
def a_strangers_not_found_is_cached(installation: Installation) -> None:
    installation.distribution["CustomErrorResponses"][2]["ErrorCachingMinTTL"] = 10


@mutant("29")
def busy_is_cached(installation: Installation) -> None:
    errors = installation.distribution["CustomErrorResponses"]
    installation.distribution["CustomErrorResponses"] = [
        error for error in errors if error["ErrorCode"] != 503
    ]
