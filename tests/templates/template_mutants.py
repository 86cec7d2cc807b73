"""Template mutants: for each rule of template_rules.py, ways to break an installation that the rule must catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from tests.templates.template_rules import Installation

Seed: TypeAlias = Callable[[Installation], None]
SEEDS: Final[list[tuple[str, Seed]]] = []
"""The rule's number, and a function whose name says the mistake."""


def seed(number: str) -> Callable[[Seed], Seed]:
    """Registers a mistake that the rule of this number has to see."""

    def register(made: Seed) -> Seed:
        SEEDS.append((number, made))
        return made

    return register


def add(template: dict[str, Any], kind: str, **properties: Any) -> None:
    template["Resources"]["Seeded"] = {"Type": kind, "Properties": properties}


def app(it: Installation, name: str) -> dict[str, Any]:
    part: dict[str, Any] = it.app["Resources"][name]["Properties"]
    return part


def state(it: Installation, name: str) -> dict[str, Any]:
    part: dict[str, Any] = it.state["Resources"][name]["Properties"]
    return part


def site(it: Installation, name: str) -> dict[str, Any]:
    part: dict[str, Any] = it.site["Resources"][name]["Properties"]
    return part


def statement(it: Installation, role: str, sid: str) -> dict[str, Any]:
    statements = app(it, role)["Policies"][0]["PolicyDocument"]["Statement"]
    [found] = [found for found in statements if found["Sid"] == sid]
    part: dict[str, Any] = found
    return part


@seed("1")
def the_websocket_stage_waits_for_deployments(it: Installation) -> None:
    del app(it, "WebSocketStage")["AutoDeploy"]


@seed("1")
def the_stage_stays_at_one_deployment(it: Installation) -> None:
    app(it, "WebSocketStage")["DeploymentId"] = "abc123"


@seed("1")
def a_deployment_is_a_resource(it: Installation) -> None:
    add(it.app, "AWS::ApiGatewayV2::Deployment", ApiId={"Ref": "WebSocketApi"})


@seed("2")
def websocket_access_is_always_logged(it: Installation) -> None:
    settings = app(it, "WebSocketStage")["AccessLogSettings"]
    app(it, "WebSocketStage")["AccessLogSettings"] = settings["Fn::If"][1]


@seed("2")
def websocket_access_is_logged_by_default(it: Installation) -> None:
    it.app["Parameters"]["WebSocketAccessLogs"]["Default"] = "yes"


@seed("2")
def the_accounts_role_is_set_by_the_stack(it: Installation) -> None:
    add(it.app, "AWS::ApiGateway::Account", CloudWatchRoleArn="arn:aws:iam::1:role/logs")


@seed("3")
def a_websocket_integration_has_a_plain_arn(it: Installation) -> None:
    app(it, "WebSocketIntegration")["IntegrationUri"] = {"Fn::GetAtt": ["WebSocketFunction", "Arn"]}


@seed("3")
def the_websocket_authorizer_has_a_plain_arn(it: Installation) -> None:
    app(it, "TicketAuthorizer")["AuthorizerUri"] = {"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}


@seed("3")
def the_http_integration_has_an_invocations_arn(it: Installation) -> None:
    app(it, "HttpIntegration")["IntegrationUri"] = app(it, "WebSocketIntegration")["IntegrationUri"]


@seed("3")
def the_http_integration_sends_the_old_payload(it: Installation) -> None:
    app(it, "HttpIntegration")["PayloadFormatVersion"] = "1.0"


@seed("4")
def nobody_may_call_the_authorizer(it: Installation) -> None:
    del it.app["Resources"]["AuthorizerPermission"]


@seed("4")
def the_authorizers_permission_is_for_a_route(it: Installation) -> None:
    app(it, "AuthorizerPermission")["SourceArn"] = app(it, "WebSocketPermission")["SourceArn"]


@seed("4")
def the_http_api_may_not_call_its_function(it: Installation) -> None:
    app(it, "HttpPermission")["FunctionName"] = {"Ref": "FanoutFunction"}


@seed("4")
def the_websocket_permission_is_for_the_other_api(it: Installation) -> None:
    app(it, "WebSocketPermission")["SourceArn"] = app(it, "HttpPermission")["SourceArn"]


@seed("5")
def frames_are_authorized_as_well(it: Installation) -> None:
    app(it, "DefaultRoute").update(AuthorizationType="CUSTOM", AuthorizerId={"Ref": "TicketAuthorizer"})


@seed("5")
def anybody_may_connect(it: Installation) -> None:
    app(it, "ConnectRoute")["AuthorizationType"] = "NONE"


@seed("5")
def the_authorizer_wants_a_header_in_one_case(it: Installation) -> None:
    app(it, "TicketAuthorizer")["IdentitySource"] = ["route.request.header.Sec-WebSocket-Protocol"]


@seed("6")
def connecting_answers_no_subprotocol(it: Installation) -> None:
    it.connect_answer = {"statusCode": 200}


@seed("6")
def the_integration_keeps_headers_back(it: Installation) -> None:
    app(it, "WebSocketIntegration")["IntegrationType"] = "AWS"


@seed("7")
def a_connection_is_thought_to_live_a_day(it: Installation) -> None:
    it.connection_s = 24 * 60 * 60


@seed("7")
def a_frame_of_a_megabyte_is_expected(it: Installation) -> None:
    it.frame_bytes = 1024 * 1024


@seed("7")
def a_function_outlives_its_request(it: Installation) -> None:
    app(it, "WebSocketFunction")["Timeout"] = 60


@seed("8")
def expired_connections_stay(it: Installation) -> None:
    del state(it, "Table")["TimeToLiveSpecification"]


@seed("8")
def connections_expire_while_open(it: Installation) -> None:
    it.connection_s = 600


@seed("8")
def the_fan_out_cannot_forget_who_is_gone(it: Installation) -> None:
    statement(it, "FanoutRole", "Table")["Action"].remove("dynamodb:UpdateItem")


@seed("9")
def tokens_of_any_client_are_good(it: Installation) -> None:
    del app(it, "TokenAuthorizer")["JwtConfiguration"]["Audience"]


@seed("9")
def the_issuer_is_the_pools_provider_url(it: Installation) -> None:
    app(it, "TokenAuthorizer")["JwtConfiguration"]["Issuer"] = {"Ref": "UserPoolId"}


@seed("9")
def the_api_is_open(it: Installation) -> None:
    app(it, "ApiRoute")["AuthorizationType"] = "NONE"


@seed("9")
def health_needs_a_token(it: Installation) -> None:
    app(it, "HealthRoute").update(AuthorizationType="JWT", AuthorizerId={"Ref": "TokenAuthorizer"})


@seed("9")
def id_tokens_are_as_good(it: Installation) -> None:
    it.status_for_an_id_token = 200


@seed("10")
def the_firewall_stands_before_the_http_api(it: Installation) -> None:
    add(it.app, "AWS::WAFv2::WebACLAssociation", ResourceArn={"Ref": "HttpApi"}, WebACLArn="arn")


@seed("10")
def a_regional_firewall_is_accepted(it: Installation) -> None:
    it.site["Parameters"]["WebAclArn"]["AllowedPattern"] = "(arn:.+)?"


@seed("10")
def the_firewall_is_forgotten(it: Installation) -> None:
    del it.distribution["WebACLId"]


@seed("10")
def the_empty_firewall_is_set(it: Installation) -> None:
    it.distribution["WebACLId"] = {"Ref": "WebAclArn"}


@seed("11")
def the_host_header_is_passed_on(it: Installation) -> None:
    it.behaviours["/api/*"]["OriginRequestPolicyId"] = "216adef6-5c7f-47e4-b989-5492eafa07d3"  # AllViewer


@seed("11")
def answers_are_cached(it: Installation) -> None:
    it.behaviours["/api/*"]["CachePolicyId"] = "658327ea-f89d-4fab-a63d-7e88639e58f6"


@seed("11")
def no_header_reaches_the_websocket_api(it: Installation) -> None:
    del it.behaviours["/ws"]["OriginRequestPolicyId"]


@seed("11")
def the_path_is_not_the_stages_name(it: Installation) -> None:
    app(it, "WebSocketStage")["StageName"] = "prod"


@seed("11")
def tokens_are_redirected(it: Installation) -> None:
    it.behaviours["/api/*"]["ViewerProtocolPolicy"] = "redirect-to-https"


@seed("11")
def only_reading_gets_through(it: Installation) -> None:
    it.behaviours["/api/*"]["AllowedMethods"] = ["GET", "HEAD"]


@seed("11")
def the_origin_puts_its_stage_before_the_path(it: Installation) -> None:
    it.distribution["Origins"][2]["OriginPath"] = "/ws"


@seed("11a")
def connections_are_posted_to_through_the_site(it: Installation) -> None:
    variables = app(it, "FanoutFunction")["Environment"]["Variables"]
    variables["IMCHAT_CALLBACK_URL"] = {"Fn::Sub": "https://chat.example.org/ws"}


@seed("11a")
def connections_are_posted_to_without_the_stage(it: Installation) -> None:
    variables = app(it, "HttpFunction")["Environment"]["Variables"]
    variables["IMCHAT_CALLBACK_URL"] = {
        "Fn::Sub": "https://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    }


@seed("11a")
def the_right_to_post_is_for_another_stage(it: Installation) -> None:
    push = statement(it, "HttpRole", "Push")
    post = push["Resource"][0]
    post["Fn::Sub"] = post["Fn::Sub"].replace("/ws/", "/prod/")


@seed("12")
def concurrency_is_always_reserved(it: Installation) -> None:
    app(it, "HttpFunction")["ReservedConcurrentExecutions"] = 10


@seed("12")
def concurrency_is_reserved_by_default(it: Installation) -> None:
    it.app["Parameters"]["ReservedConcurrency"]["Default"] = "10"


@seed("13")
def snapshots_without_a_version(it: Installation) -> None:
    app(it, "HttpFunction")["SnapStart"] = {
        "Fn::If": ["HasBoundary", {"ApplyOn": "PublishedVersions"}, {"Ref": "AWS::NoValue"}]
    }


@seed("13")
def snapshots_that_nobody_asked_to_pay_for(it: Installation) -> None:
    app(it, "HttpFunction")["SnapStart"] = {"ApplyOn": "PublishedVersions"}


@seed("13")
def snapshots_of_a_runtime_that_cannot(it: Installation) -> None:
    snapshots_without_a_version(it)
    name = {"Ref": "HttpFunction"}
    for kind in ("Version", "Alias"):
        it.app["Resources"][kind] = {"Type": f"AWS::Lambda::{kind}", "Properties": {"FunctionName": name}}


@seed("14")
def code_has_one_key(it: Installation) -> None:
    app(it, "WebSocketFunction")["Code"]["S3Key"] = "code.zip"


@seed("14")
def packages_have_one_key(it: Installation) -> None:
    app(it, "Packages")["Content"]["S3Key"] = "layer.zip"


@seed("14")
def the_key_has_a_default(it: Installation) -> None:
    it.app["Parameters"]["CodeKey"]["Default"] = "code.zip"


@seed("15")
def the_table_goes_with_the_stack(it: Installation) -> None:
    del it.state["Resources"]["Table"]["DeletionPolicy"]


@seed("15")
def the_old_pool_goes_when_replaced(it: Installation) -> None:
    it.state["Resources"]["UserPool"]["UpdateReplacePolicy"] = "Delete"


@seed("15")
def attachments_go_with_the_stack(it: Installation) -> None:
    it.state["Resources"]["AttachmentBucket"]["DeletionPolicy"] = "Delete"


@seed("15")
def the_table_can_be_deleted(it: Installation) -> None:
    state(it, "Table")["DeletionProtectionEnabled"] = False


@seed("15")
def the_table_cannot_be_restored(it: Installation) -> None:
    del state(it, "Table")["PointInTimeRecoverySpecification"]


@seed("15")
def a_table_lies_where_teardown_removes_it(it: Installation) -> None:
    it.app["Resources"]["Table"] = it.state["Resources"]["Table"]


@seed("16")
def names_begin_to_tell_cases_apart(it: Installation) -> None:
    state(it, "UserPool")["UsernameConfiguration"] = {"CaseSensitive": True}


@seed("16")
def people_sign_in_by_telephone(it: Installation) -> None:
    state(it, "UserPool")["UsernameAttributes"] = ["email", "phone_number"]


@seed("17")
def the_pool_names_a_standard_attribute(it: Installation) -> None:
    state(it, "UserPool")["Schema"] = [{"Name": "email", "Required": True}]


@seed("18")
def mail_goes_by_cognito_only(it: Installation) -> None:
    state(it, "UserPool")["EmailConfiguration"] = {"EmailSendingAccount": "COGNITO_DEFAULT"}


@seed("18")
def strangers_learn_who_has_an_account(it: Installation) -> None:
    state(it, "UserPoolClient")["PreventUserExistenceErrors"] = "LEGACY"


@seed("18")
def signing_out_revokes_nothing(it: Installation) -> None:
    state(it, "UserPoolClient")["EnableTokenRevocation"] = False


@seed("18")
def access_tokens_are_good_for_a_day(it: Installation) -> None:
    state(it, "UserPoolClient")["TokenValidityUnits"]["AccessToken"] = "days"


@seed("19")
def two_indexes_come_at_once(it: Installation) -> None:
    keys = [{"AttributeName": "sk", "KeyType": "HASH"}]
    state(it, "Table")["GlobalSecondaryIndexes"] = [
        {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}} for name in "ab"
    ]


@seed("20")
def the_origin_has_no_access_control(it: Installation) -> None:
    del it.distribution["Origins"][0]["OriginAccessControlId"]


@seed("20")
def the_origin_has_no_s3_configuration(it: Installation) -> None:
    del it.distribution["Origins"][0]["S3OriginConfig"]


@seed("20")
def the_bucket_is_named_without_its_region(it: Installation) -> None:
    it.distribution["Origins"][0]["DomainName"] = {"Fn::GetAtt": ["SiteBucket", "DomainName"]}


@seed("20")
def any_distribution_reads_the_bucket(it: Installation) -> None:
    del site(it, "SiteBucketPolicy")["PolicyDocument"]["Statement"][0]["Condition"]


@seed("21")
def the_topic_is_encrypted_by_a_key_that_cloudwatch_cannot_use(it: Installation) -> None:
    app(it, "AlarmTopic")["KmsMasterKeyId"] = "alias/aws/sns"


@seed("21")
def an_alarm_tells_nobody(it: Installation) -> None:
    del app(it, "FanoutDeadLettersAlarm")["AlarmActions"]


@seed("22")
def missing_pages_are_the_application(it: Installation) -> None:
    it.distribution["CustomErrorResponses"] = [
        {"ErrorCode": 403, "ResponseCode": 200, "ResponsePagePath": "/index.html"}
    ]


@seed("22")
def the_apis_paths_are_rewritten(it: Installation) -> None:
    it.behaviours["/api/*"]["FunctionAssociations"] = it.behaviours["*"]["FunctionAssociations"]


@seed("22")
def addresses_of_pages_are_missing_files(it: Installation) -> None:
    del it.behaviours["*"]["FunctionAssociations"]


@seed("23")
def the_api_wants_to_know_the_site(it: Installation) -> None:
    it.app["Parameters"]["SiteUrl"] = {"Type": "String"}


@seed("23")
def the_api_allows_another_origin(it: Installation) -> None:
    app(it, "HttpApi")["CorsConfiguration"] = {"AllowOrigins": ["*"]}


@seed("24")
def messages_come_back_while_they_are_worked_on(it: Installation) -> None:
    app(it, "FanoutQueue")["VisibilityTimeout"] = 30


@seed("24")
def one_failure_repeats_the_batch(it: Installation) -> None:
    del app(it, "FanoutSource")["FunctionResponseTypes"]


@seed("24")
def failures_are_tried_for_ever(it: Installation) -> None:
    del app(it, "FanoutQueue")["RedrivePolicy"]


@seed("24")
def more_is_started_than_may_run(it: Installation) -> None:
    del app(it, "FanoutSource")["ScalingConfig"]


@seed("24")
def fewer_may_run_than_are_started(it: Installation) -> None:
    it.app["Parameters"]["ReservedConcurrency"]["AllowedPattern"] = "([1-9][0-9]*)?"


@seed("25")
def a_runtime_that_has_ended(it: Installation) -> None:
    it.app["Parameters"]["Runtime"]["AllowedValues"].append("python3.10")


@seed("25")
def a_default_that_ends_soon(it: Installation) -> None:
    it.app["Parameters"]["Runtime"]["Default"] = "python3.11"


@seed("25")
def a_function_of_another_runtime(it: Installation) -> None:
    app(it, "AuthorizerFunction")["Runtime"] = "python3.12"


@seed("25")
def a_variable_of_awss(it: Installation) -> None:
    app(it, "HttpFunction")["Environment"]["Variables"]["AWS_REGION"] = "eu-central-1"


@seed("26")
def a_template_grows(it: Installation) -> None:
    it.file_bytes["app"] = 51_201


@seed("27")
def the_policy_is_a_custom_header(it: Installation) -> None:
    config = site(it, "PageHeaders")["ResponseHeadersPolicyConfig"]
    policy = config["SecurityHeadersConfig"].pop("ContentSecurityPolicy")
    config["CustomHeadersConfig"]["Items"].append(
        {"Header": "Content-Security-Policy", "Value": policy["ContentSecurityPolicy"], "Override": True}
    )


@seed("27")
def the_origin_may_say_otherwise(it: Installation) -> None:
    config = site(it, "PageHeaders")["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    config["ContentSecurityPolicy"]["Override"] = False


@seed("27")
def pages_have_no_security_headers(it: Installation) -> None:
    del it.behaviours["*"]["ResponseHeadersPolicyId"]


@seed("28")
def logs_are_kept_for_ever(it: Installation) -> None:
    del app(it, "FanoutLogs")["RetentionInDays"]


@seed("28")
def a_log_group_is_left_to_lambda(it: Installation) -> None:
    del app(it, "HttpFunction")["LoggingConfig"]["LogGroup"]


@seed("28")
def the_function_that_cognito_asks_logs_for_ever(it: Installation) -> None:
    del state(it, "SignUpLogs")["RetentionInDays"]


@seed("28")
def logs_are_text(it: Installation) -> None:
    app(it, "HttpFunction")["LoggingConfig"]["LogFormat"] = "Text"


@seed("28")
def two_functions_share_a_role(it: Installation) -> None:
    app(it, "AuthorizerFunction")["Role"] = app(it, "HttpFunction")["Role"]


@seed("28")
def a_function_may_do_anything_with_the_table(it: Installation) -> None:
    statement(it, "HttpRole", "Table")["Action"] = "dynamodb:*"


@seed("28")
def a_function_may_use_every_table(it: Installation) -> None:
    statement(it, "AuthorizerRole", "Table")["Resource"] = "*"


@seed("28")
def a_function_may_write_to_every_log(it: Installation) -> None:
    statement(it, "FanoutRole", "Log")["Resource"] = {
        "Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"
    }


@seed("28")
def rights_come_from_awss_own_policies(it: Installation) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    app(it, "HttpRole")["ManagedPolicyArns"] = [arn]


@seed("29")
def errors_are_kept_as_cloudfront_likes(it: Installation) -> None:
    del it.distribution["CustomErrorResponses"]


@seed("29")
def a_strangers_not_found_is_kept(it: Installation) -> None:
    it.distribution["CustomErrorResponses"][2]["ErrorCachingMinTTL"] = 10


@seed("29")
def busy_is_kept(it: Installation) -> None:
    errors = it.distribution["CustomErrorResponses"]
    it.distribution["CustomErrorResponses"] = [error for error in errors if error["ErrorCode"] != 503]
