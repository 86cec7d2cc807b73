"""The settings of a stage (`imchat.toml`), validated before any request to AWS."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from imchat.errors import ConfigError, Invalid
from imchat.sign_up_policy import SignUpPolicy

FILE_NAME: Final = "imchat.toml"
"""Read from the current directory."""
LOG_RETENTION_DAYS: Final = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
"""The values that CloudWatch Logs accepts."""

_FORMATS: Final = {
    "stage": (
        r"^[a-z][a-z0-9-]{0,19}$",
        "1 to 20 lower-case letters, digits and hyphens, beginning with a letter",
    ),
    "region": (r"^[a-z]{2}(-[a-z]+)+-[0-9]$", "the name of an AWS region, such as eu-central-1"),
    "domain_name": (
        r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$",
        "a host name in lower case, such as chat.example.org",
    ),
    "certificate_arn": (
        r"^arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/[A-Za-z0-9-]+$",
        "the ARN of an ACM certificate in us-east-1, the region that CloudFront reads certificates from",
    ),
    "web_acl_arn": (
        r"^arn:aws[a-z-]*:wafv2:us-east-1:[0-9]{12}:global/webacl/[^/]+/[A-Za-z0-9-]+$",
        "the ARN of a web ACL of scope CLOUDFRONT (us-east-1)",
    ),
    "mail_identity_arn": (
        r"^arn:aws[a-z-]*:ses:[a-z0-9-]+:[0-9]{12}:identity/.+$",
        "the ARN of a verified SES identity",
    ),
    "permissions_boundary_arn": (r"^arn:aws[a-z-]*:iam::[0-9]{12}:policy/.+$", "the ARN of an IAM policy"),
    "alarm_mail": (r"^[^@\s]+@[^@\s]+$", "an e-mail address"),
    "alarm_topic_arn": (r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:.+$", "the ARN of an SNS topic"),
}
"""Each setting's pattern, and its description for error messages."""


def _normalize_sign_up(text: str) -> str:
    try:
        return str(SignUpPolicy.parse(text))
    except Invalid as error:
        raise PydanticCustomError(
            "sign_up", "{reason}", {"reason": error.message.removeprefix("sign-up ")}
        ) from error


class Config(BaseModel):
    """The settings of one stage. Frozen; made by `load_config`, or directly by a program."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    stage: Annotated[str, StringConstraints(pattern=_FORMATS["stage"][0])] = "prod"
    region: Annotated[str, StringConstraints(pattern=_FORMATS["region"][0])] | None = None
    profile: Annotated[str, StringConstraints(min_length=1)] | None = None
    domain_name: Annotated[str, StringConstraints(pattern=_FORMATS["domain_name"][0])] | None = None
    certificate_arn: Annotated[str, StringConstraints(pattern=_FORMATS["certificate_arn"][0])] | None = None
    web_acl_arn: Annotated[str, StringConstraints(pattern=_FORMATS["web_acl_arn"][0])] | None = None
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"] = "PriceClass_100"
    sign_up: Annotated[str, AfterValidator(_normalize_sign_up)] = "open"
    mail_identity_arn: Annotated[str, StringConstraints(pattern=_FORMATS["mail_identity_arn"][0])] | None = (
        None
    )
    mail_from: Annotated[str, StringConstraints(min_length=3, max_length=320)] | None = None
    alarm_mail: Annotated[str, StringConstraints(pattern=_FORMATS["alarm_mail"][0])] | None = None
    alarm_topic_arn: Annotated[str, StringConstraints(pattern=_FORMATS["alarm_topic_arn"][0])] | None = None
    log_retention_days: int = 30
    web_socket_access_logs: bool = False
    memory_mb: Annotated[int, Field(ge=256, le=10240)] = 1024
    reserved_concurrency: Annotated[int, Field(ge=10, le=99999)] | None = None
    requests_per_second: Annotated[int, Field(ge=1)] = 2000
    architecture: Literal["arm64", "x86_64"] = "arm64"
    permissions_boundary_arn: (
        Annotated[str, StringConstraints(pattern=_FORMATS["permissions_boundary_arn"][0])] | None
    ) = None

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            raise _rule_error("log_retention_days", f"one of {', '.join(map(str, LOG_RETENTION_DAYS))} days")
        if self.domain_name and not self.certificate_arn:
            raise _rule_error(
                "certificate_arn", f"set together with domain_name: {_FORMATS['certificate_arn'][1]}"
            )
        if self.certificate_arn and not self.domain_name:
            raise _rule_error(
                "domain_name", f"set together with certificate_arn: {_FORMATS['domain_name'][1]}"
            )
        if self.mail_from and not self.mail_identity_arn:
            raise _rule_error(
                "mail_identity_arn", f"set together with mail_from: {_FORMATS['mail_identity_arn'][1]}"
            )
        return self


def load_config(path: Path | None = None, *, overrides: Mapping[str, Any] | None = None) -> Config:
    """Return the settings in `path`, by default in `imchat.toml` if it exists. Values in `overrides` win; None is ignored.

    Raises: ConfigError naming the file (or the option), the key and what it must be.
    """
    file = path or Path(FILE_NAME)
    settings = {} if path is None and not file.exists() else _read(file)
    return _validate(settings, overrides or {}, file)


def check_config(options: Mapping[str, Any]) -> Config:
    """Return the settings in `options`, without a file; None: not set. Raises: ConfigError; `details["field"]` is the key."""
    return _validate({}, options, Path(FILE_NAME))


def render_config(config: Config) -> str:
    """Return the text of an `imchat.toml` with these settings. Those that have their default are comments."""
    default = Config()
    lines = [
        "# Settings of one imchat stage, read by `imchat deploy`. Command line options override them.",
        "",
    ]
    for key, description in _DESCRIPTIONS.items():
        value = getattr(config, key)
        is_set = value is not None and (value != getattr(default, key) or key == "stage")
        shown = value if value is not None else _EXAMPLES[key]
        lines += [f"# {description}", f"{'' if is_set else '# '}{key} = {_toml(shown)}", ""]
    return "\n".join(lines)


_DESCRIPTIONS: Final = {
    "stage": "Name of this installation, part of every resource's name. Each stage is a separate installation.",
    "region": "AWS region. Default: the region of your AWS profile.",
    "profile": "Profile of your AWS configuration.",
    "domain_name": "Host name of the site; needs certificate_arn. Default: a *.cloudfront.net host name.",
    "certificate_arn": "ACM certificate for domain_name, in us-east-1.",
    "web_acl_arn": "WAF web ACL (scope CLOUDFRONT) that filters all requests.",
    "price_class": "CloudFront locations: PriceClass_100 (North America, Europe), _200 (adds most of Asia, Africa) or _All.",
    "sign_up": (
        "Who can sign up: open (anyone), invitation (no one; `imchat user create` adds users) or "
        "domain:example.org,example.com."
    ),
    "mail_identity_arn": "SES identity that sends mail (codes, password resets). Default: Cognito sends at most 50 a day.",
    "mail_from": "Sender of mail; needs mail_identity_arn.",
    "alarm_mail": "E-mail address for alarms; AWS sends it a confirmation link first.",
    "alarm_topic_arn": "Your own SNS topic, which also receives alarms.",
    "log_retention_days": "Days that the functions' logs are kept.",
    "web_socket_access_logs": "true: log every WebSocket frame's result; API Gateway needs a role for logs in the region first.",
    "memory_mb": "Memory of each function, 256 to 10240; CPU grows with it.",
    "reserved_concurrency": "Executions reserved for each function, also its limit; at least 10. New accounts cannot set it.",
    "requests_per_second": "Limit of each API; further requests are rejected. Limits the cost of an attack.",
    "architecture": "Processor of the functions: arm64 (cheaper) or x86_64.",
    "permissions_boundary_arn": "Permissions boundary for every role, if your account requires one.",
}
_EXAMPLES: Final[dict[str, str | int]] = {
    "region": "eu-central-1",
    "profile": "default",
    "domain_name": "chat.example.org",
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000",
    "web_acl_arn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/chat/00000000-0000-0000-0000-000000000000",
    "mail_identity_arn": "arn:aws:ses:eu-central-1:123456789012:identity/example.org",
    "mail_from": "Team chat <chat@example.org>",
    "alarm_mail": "operator@example.org",
    "alarm_topic_arn": "arn:aws:sns:eu-central-1:123456789012:alarms",
    "reserved_concurrency": 100,
    "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
}


def _validate(settings: Mapping[str, Any], options: Mapping[str, Any], file: Path) -> Config:
    given = {key: value for key, value in options.items() if value is not None}
    try:
        return Config.model_validate({**settings, **given})
    except ValidationError as error:
        raise _explain(error, file, set(given)) from error


def _toml(value: str | int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no file {file}; `imchat init` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


def _rule_error(key: str, limit: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{limit}", {"key": key, "limit": limit})


def _explain(error: ValidationError, file: Path, overridden: set[str]) -> ConfigError:
    first = error.errors()[0]
    context = first.get("ctx", {})
    key = str(context.get("key") or ".".join(map(str, first["loc"])))
    where = f"--{key.replace('_', '-')}" if key in overridden else f"{file}: {key}"
    match first["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(key, Config.model_fields, n=1)
            limit = f"is not a setting; did you mean {near[0]}?" if near else "is not a setting of imchat"
            return ConfigError(f"{where} {limit}", field=key)
        case "rule":
            limit = f"must be {context['limit']}"
        case "sign_up":
            limit = context["reason"]
        case "string_pattern_mismatch":
            limit = f"must be {_FORMATS[key][1]}"
        case "greater_than_equal":
            limit = f"must be {context['ge']} or more"
        case "less_than_equal":
            limit = f"must be {context['le']} or less"
        case _:
            limit = first["msg"][0].lower() + first["msg"][1:]
    return ConfigError(f"{where} {limit}", field=key)
