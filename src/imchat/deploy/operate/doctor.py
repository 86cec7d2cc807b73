"""Looks for what would stop or hamper a deployment, before it does: each finding says what it is and how it is mended."""

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
from imchat.deploy.iam.simulation import missing_actions, principal
from imchat.deploy.operate.status import StackStatus, read_status
from imchat.errors import ConfigError, ImchatError

Outcome = Literal["good", "note", "problem", "unknown"]
_SKEW_S: Final = 120
_FEW_AT_ONCE: Final = 100
_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. `mend` says what to do; only a "problem" stops a deployment."""

    about: str
    outcome: Outcome
    what: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class _Identity:
    account: str
    arn: str
    skew_s: float


def examine(target: DeployContext, *, now_ms: Callable[[], int]) -> Iterator[Finding]:
    """One finding after the other, as they are made; most ask AWS something, nothing changes anything there.

    What may not be asked is "unknown". Without accepted credentials nothing else is asked.
    """
    yield _package()
    try:
        identity = _identity(target, now_ms)
    except (ClientError, BotoCoreError) as error:
        reason, _, mend = explain(error).message.partition("; ")
        yield Finding("Credentials", "problem", reason, mend)
        return
    yield _credentials(target, identity)
    yield _clock(identity)
    for about, look in _LOOKS.items():
        try:
            yield from look(target, identity)
        except (ClientError, BotoCoreError) as error:
            yield _not_known(about, explain(error))
        except ImchatError as error:
            yield _not_known(about, error)


def _not_known(about: str, error: ImchatError) -> Finding:
    reason, _, mend = error.message.partition("; ")
    return Finding(about, "unknown", f"could not be looked at: {reason}", mend or None)


def _package() -> Finding:
    try:
        site_dir()
        templates_dir()
    except ConfigError as error:
        reason, _, mend = error.message.partition("; ")
        return Finding("Package", "problem", reason, mend)
    return Finding("Package", "good", "the web client and the templates are there")


def _identity(target: DeployContext, now_ms: Callable[[], int]) -> _Identity:
    answer = target.client("sts").get_caller_identity()
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    skew_s = now_ms() / 1000 - parsedate_to_datetime(date).timestamp() if date else 0.0
    return _Identity(answer["Account"], answer["Arn"], skew_s)


def _credentials(target: DeployContext, identity: _Identity) -> Finding:
    what = f"{identity.arn} in {target.region}"
    if identity.arn.endswith(":root"):
        return Finding(
            "Credentials",
            "note",
            f"{what}: the account's root user",
            "make a user or role for this and keep root's keys away; `imchat iam-policy` prints what it needs",
        )
    return Finding("Credentials", "good", what)


def _clock(identity: _Identity) -> Finding:
    if abs(identity.skew_s) < _SKEW_S:
        return Finding("Clock", "good", "as AWS's")
    ahead = "ahead of" if identity.skew_s > 0 else "behind"
    return Finding(
        "Clock",
        "problem",
        f"{abs(identity.skew_s):.0f} s {ahead} AWS's, which soon refuses such requests",
        "set it, best by NTP (timedatectl set-ntp true)",
    )


def _stacks(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    found = [stack for stack in read_status(target).stacks if stack.status is not None]
    wrong = [finding for stack in found if (finding := _half_finished(stack))]
    if not any(stack.kind == "state" for stack in found):
        wrong += _leftover_table(target)
    yield from wrong
    if not wrong:
        names = ", ".join(stack.kind for stack in found)
        yield Finding(
            "Stacks", "good", f"{names}: whole" if names else "none yet; `imchat deploy` makes them"
        )


def _half_finished(stack: StackStatus) -> Finding | None:
    status = stack.status or ""
    what = f"{stack.stack} is {status}"
    again = "run `imchat deploy` again: it goes on from there"
    match status:
        case "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_COMPLETE":
            return None
        case "REVIEW_IN_PROGRESS":
            return Finding("Stacks", "note", f"{what}: planned and never made", again)
        case "ROLLBACK_COMPLETE":
            return Finding("Stacks", "note", f"{what}: its creation failed and left it empty", again)
        case "UPDATE_ROLLBACK_FAILED":
            return Finding(
                "Stacks",
                "problem",
                f"{what}: {stack.reason or 'an update failed, and so did taking it back'}",
                f"mend the cause, then: aws cloudformation continue-update-rollback --stack-name {stack.stack}",
            )
        case _ if status.endswith("_IN_PROGRESS"):
            return Finding("Stacks", "note", f"{what}: somebody is changing it", "wait, then look again")
        case _:
            why = f": {stack.reason}" if stack.reason else ""
            mend = "see its events in the CloudFormation console, mend the cause, and delete the stack if it holds nothing"
            return Finding("Stacks", "problem", what + why, mend)


def _leftover_table(target: DeployContext) -> list[Finding]:
    name = f"imchat-{target.config.stage}"
    client = target.client("dynamodb")
    try:
        client.describe_table(TableName=name)
    except client.exceptions.ResourceNotFoundException:
        return []
    what = f"the table {name} is there without its stack, so making the stack will fail"
    mend = "docs/operations.md says how to take its content over; another --stage leaves it alone"
    return [Finding("Stacks", "problem", what, mend)]


def _concurrency(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    limit = target.client("lambda").get_account_settings()["AccountLimit"]
    most, free = int(limit["ConcurrentExecutions"]), int(limit["UnreservedConcurrentExecutions"])
    if free >= _FEW_AT_ONCE:
        yield Finding("Functions", "good", f"{free:,} may run at once")
        return
    yield Finding(
        "Functions",
        "note",
        f"only {free} may run at once here (the account's limit: {most}): enough to try, too few for a team",
        "ask for 1,000 in the Service Quotas console: AWS Lambda, Concurrent executions",
    )


def _certificate(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    arn, domain = target.config.certificate_arn, target.config.domain_name
    if arn is None or domain is None:
        return
    client = target.client("acm")
    try:
        found = client.describe_certificate(CertificateArn=arn)["Certificate"]
    except client.exceptions.ResourceNotFoundException:
        yield Finding(
            "Certificate", "problem", f"there is no {arn}", "correct certificate_arn in imchat.toml"
        )
        return
    names = {found["DomainName"], *found.get("SubjectAlternativeNames", [])}
    if found["Status"] != "ISSUED":
        yield Finding(
            "Certificate",
            "problem",
            f"it is {found['Status']}, not ISSUED",
            "finish its validation in the Certificate Manager console, region us-east-1",
        )
    elif not names & {domain, f"*.{domain.partition('.')[2]}"}:
        yield Finding(
            "Certificate",
            "problem",
            f"it is for {', '.join(sorted(names))}, not for {domain}",
            f"request one for {domain} in us-east-1 and set certificate_arn",
        )
    else:
        yield Finding("Certificate", "good", f"issued for {domain}")


def _mail(target: DeployContext, _identity: _Identity) -> Iterator[Finding]:
    identity = target.config.mail_identity_arn
    if identity is None:
        yield Finding(
            "Mail",
            "note",
            "Cognito sends sign-up codes itself: 50 mails a day at most",
            "for more people, verify a sender in SES and set mail_identity_arn in imchat.toml",
        )
        return
    client = target.client("sesv2")
    name = identity.partition(":identity/")[2]
    found = client.get_email_identity(EmailIdentity=name)
    if not found.get("VerifiedForSendingStatus"):
        yield Finding(
            "Mail", "problem", f"{name} is not verified in SES", "follow the verification in the SES console"
        )
    elif not client.get_account().get("ProductionAccessEnabled"):
        yield Finding(
            "Mail",
            "problem",
            "SES is in its sandbox: it mails verified addresses only",
            "request production access in the SES console",
        )
    else:
        yield Finding("Mail", "good", f"sent through SES as {name}")


def _permissions(target: DeployContext, identity: _Identity) -> Iterator[Finding]:
    if identity.arn.endswith(":root"):
        yield Finding("Permissions", "good", "the root user may do everything")
        return
    iam = target.client("iam")
    source = principal(iam, identity.arn)
    if source is None:
        yield Finding(
            "Permissions", "unknown", "IAM cannot tell what such a sign-in may do; a deployment will"
        )
        return
    place = DeploymentScope(target.config.stage, target.region, identity.account, identity.arn.split(":")[1])
    missing = missing_actions(iam, source, place)
    if not missing:
        yield Finding("Permissions", "good", "all that a deployment does")
        return
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    yield Finding(
        "Permissions",
        "problem",
        f"IAM's simulation does not allow {', '.join(missing[:_NAMED])}{more}",
        "have the policies that `imchat iam-policy` prints attached to these credentials",
    )


_LOOKS: Final[dict[str, Callable[[DeployContext, _Identity], Iterator[Finding]]]] = {
    "Stacks": _stacks,
    "Functions": _concurrency,
    "Certificate": _certificate,
    "Mail": _mail,
    "Permissions": _permissions,
}
