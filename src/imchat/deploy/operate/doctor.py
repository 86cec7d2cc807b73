"""Checks for anything that would block a deployment; each finding says what is wrong and how to fix it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

from imchat.assets import site_dir, templates_dir
from imchat.deploy.aws_errors import explain
from imchat.deploy.context import DeployContext
from imchat.deploy.iam.arns import DeploymentScope
from imchat.deploy.iam.simulation import missing_actions, policy_source
from imchat.deploy.operate.status import StackStatus, read_status
from imchat.errors import ConfigError, ImchatError

Outcome = Literal["good", "note", "problem", "unknown"]
_MAX_SKEW_S: Final = 120
_MIN_CONCURRENCY: Final = 100
_MAX_NAMED_ACTIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `fix` says what to do; only a "problem" blocks a deployment."""

    about: str
    outcome: Outcome
    what: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class _Identity:
    account: str
    arn: str
    skew_s: float


def run_checks(target: DeployContext, *, now_ms: Callable[[], int]) -> Iterator[Finding]:
    """Yield the findings as the checks run. Most checks call AWS; none changes anything.

    A check that AWS does not permit is "unknown". Without valid credentials, the other checks are skipped.
    """
    yield _check_package()
    try:
        identity = _get_identity(target, now_ms)
    except (ClientError, BotoCoreError) as error:
        reason, _, fix = explain(error).message.partition("; ")
        yield Finding("Credentials", "problem", reason, fix)
        return
    yield _check_credentials(target, identity)
    yield _check_clock(identity)
    for about, check in _CHECKS.items():
        try:
            yield from check(target, identity)
        except (ClientError, BotoCoreError) as error:
            yield _unknown(about, explain(error))
        except ImchatError as error:
            yield _unknown(about, error)


def _unknown(about: str, error: ImchatError) -> Finding:
    reason, _, fix = error.message.partition("; ")
    return Finding(about, "unknown", f"could not be checked: {reason}", fix or None)


def _check_package() -> Finding:
    try:
        site_dir()
        templates_dir()
    except ConfigError as error:
        reason, _, fix = error.message.partition("; ")
        return Finding("Package", "problem", reason, fix)
    return Finding("Package", "good", "web client and templates found")


def _get_identity(target: DeployContext, now_ms: Callable[[], int]) -> _Identity:
    response = target.client("sts").get_caller_identity()
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    skew_s = now_ms() / 1000 - parsedate_to_datetime(date).timestamp() if date else 0.0
    return _Identity(response["Account"], response["Arn"], skew_s)


def _check_credentials(target: DeployContext, identity: _Identity) -> Finding:
    what = f"{identity.arn} in {target.region}"
    if identity.arn.endswith(":root"):
        return Finding(
            "Credentials",
            "note",
            f"{what}: the account's root user",
            "create a user or role for deploying and do not use root's keys; `imchat iam-policy` prints the permissions",
        )
    return Finding("Credentials", "good", what)


def _check_clock(identity: _Identity) -> Finding:
    if abs(identity.skew_s) < _MAX_SKEW_S:
        return Finding("Clock", "good", "in sync with AWS")
    direction = "ahead of" if identity.skew_s > 0 else "behind"
    return Finding(
        "Clock",
        "problem",
        f"{abs(identity.skew_s):.0f} s {direction} AWS; requests with a wrong time are rejected",
        "set the clock with NTP: timedatectl set-ntp true",
    )


def _check_stacks(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    found = [stack for stack in read_status(target).stacks if stack.status is not None]
    problems = [finding for stack in found if (finding := _check_stack(stack))]
    if not any(stack.kind == "state" for stack in found):
        problems += _check_leftover_table(target)
    yield from problems
    if not problems:
        names = ", ".join(stack.kind for stack in found)
        yield Finding(
            "Stacks", "good", f"{names}: complete" if names else "none yet; `imchat deploy` creates them"
        )


def _check_stack(stack: StackStatus) -> Finding | None:
    status = stack.status or ""
    what = f"{stack.stack} is {status}"
    deploy_again = "run `imchat deploy` again to continue"
    match status:
        case "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_COMPLETE":
            return None
        case "REVIEW_IN_PROGRESS":
            return Finding("Stacks", "note", f"{what}: change set created, never executed", deploy_again)
        case "ROLLBACK_COMPLETE":
            return Finding("Stacks", "note", f"{what}: creation failed, rolled back", deploy_again)
        case "UPDATE_ROLLBACK_FAILED":
            return Finding(
                "Stacks",
                "problem",
                f"{what}: {stack.reason or 'update failed, rollback failed'}",
                f"fix the cause, then run: aws cloudformation continue-update-rollback --stack-name {stack.stack}",
            )
        case _ if status.endswith("_IN_PROGRESS"):
            return Finding(
                "Stacks",
                "note",
                f"{what}: another operation is running",
                "wait until it finishes, then run `imchat doctor` again",
            )
        case _:
            why = f": {stack.reason}" if stack.reason else ""
            fix = "check its events in the CloudFormation console, fix the cause, and delete the stack if it is empty"
            return Finding("Stacks", "problem", what + why, fix)


def _check_leftover_table(target: DeployContext) -> list[Finding]:
    name = f"imchat-{target.config.stage}"
    client = target.client("dynamodb")
    try:
        client.describe_table(TableName=name)
    except client.exceptions.ResourceNotFoundException:
        return []
    what = f"the table {name} exists without its stack, so creating the stack will fail"
    fix = "see docs/operations.md to import its data, or use another --stage"
    return [Finding("Stacks", "problem", what, fix)]


def _check_concurrency(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    limit = target.client("lambda").get_account_settings()["AccountLimit"]
    account_limit, free = int(limit["ConcurrentExecutions"]), int(limit["UnreservedConcurrentExecutions"])
    if free >= _MIN_CONCURRENCY:
        yield Finding("Functions", "good", f"{free:,} concurrent executions available")
        return
    yield Finding(
        "Functions",
        "note",
        f"only {free} concurrent executions available (account limit: {account_limit}): enough for a trial, too few for a team",
        "request 1,000 in the Service Quotas console: AWS Lambda, Concurrent executions",
    )


def _check_certificate(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    arn, domain = target.config.certificate_arn, target.config.domain_name
    if arn is None or domain is None:
        return
    client = target.client("acm")
    try:
        found = client.describe_certificate(CertificateArn=arn)["Certificate"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding(
            "Certificate", "problem", f"{arn} does not exist", "correct certificate_arn in imchat.toml"
        )
        return
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", [])}
    if found["Status"] != "ISSUED":
        yield Finding(
            "Certificate",
            "problem",
            f"status is {found['Status']}, not ISSUED",
            "complete the validation in the Certificate Manager console, region us-east-1",
        )
    elif not names & {domain, f"*.{domain.partition('.')[2]}"}:
        yield Finding(
            "Certificate",
            "problem",
            f"issued for {', '.join(sorted(names))}, not for {domain}",
            f"request a certificate for {domain} in us-east-1 and set certificate_arn in imchat.toml",
        )
    else:
        yield Finding("Certificate", "good", f"issued for {domain}")


def _check_mail(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    identity = target.config.mail_identity_arn
    if identity is None:
        yield Finding(
            "Mail",
            "note",
            "Cognito sends the sign-up codes: at most 50 mails a day",
            "for more users, verify a sender in SES and set mail_identity_arn in imchat.toml",
        )
        return
    client = target.client("sesv2")
    name = identity.partition(":identity/")[2]
    found = client.get_email_identity(EmailIdentity=name)
    if not found.get("VerifiedForSendingStatus"):
        yield Finding(
            "Mail",
            "problem",
            f"{name} is not verified in SES",
            "complete the verification in the SES console",
        )
    elif not client.get_account().get("ProductionAccessEnabled"):
        yield Finding(
            "Mail",
            "problem",
            "SES is in the sandbox: it sends only to verified addresses",
            "request production access in the SES console",
        )
    else:
        yield Finding("Mail", "good", f"sent with SES as {name}")


def _check_permissions(target: DeployContext, identity: _Identity) -> Iterator[Finding]:
    if identity.arn.endswith(":root"):
        yield Finding("Permissions", "good", "the root user has all permissions")
        return
    iam = target.client("iam")
    source = policy_source(iam, identity.arn)
    if source is None:
        yield Finding(
            "Permissions",
            "unknown",
            "IAM cannot simulate this kind of credentials; a deployment shows any missing permission",
        )
        return
    scope = DeploymentScope(target.config.stage, target.region, identity.account, identity.arn.split(":")[1])
    missing = missing_actions(iam, source, scope)
    if not missing:
        yield Finding("Permissions", "good", "all deployment actions are allowed")
        return
    more = f" and {len(missing) - _MAX_NAMED_ACTIONS} more" if len(missing) > _MAX_NAMED_ACTIONS else ""
    yield Finding(
        "Permissions",
        "problem",
        f"missing, according to IAM's simulation: {', '.join(missing[:_MAX_NAMED_ACTIONS])}{more}",
        "attach the policies that `imchat iam-policy` prints to this user or role",
    )


_CHECKS: Final[dict[str, Callable[[DeployContext, _Identity], Iterator[Finding]]]] = {
    "Stacks": _check_stacks,
    "Functions": _check_concurrency,
    "Certificate": _check_certificate,
    "Mail": _check_mail,
    "Permissions": _check_permissions,
}
