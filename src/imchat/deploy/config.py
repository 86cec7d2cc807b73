"""`imchat.toml`: what an operator may choose, checked before anything is asked of AWS."""

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
"""Looked for in the folder that a command is run in."""
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
"""What CloudWatch Logs takes."""

_SHAPES: Final = {
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
"""A key's pattern, and the same in words for whoever broke it."""


def _sign_up(text: str) -> str:
    try:
        return str(SignUpPolicy.parse(text))
    except Invalid as error:
        raise PydanticCustomError(
            "said", "{said}", {"said": error.message.removeprefix("sign-up ")}
        ) from error


class Config(BaseModel):
    """One stage's settings. Made by `load_config`, or directly in a program; frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    stage: Annotated[str, StringConstraints(pattern=_SHAPES["stage"][0])] = "prod"
    region: Annotated[str, StringConstraints(pattern=_SHAPES["region"][0])] | None = None
    profile: Annotated[str, StringConstraints(min_length=1)] | None = None
    domain_name: Annotated[str, StringConstraints(pattern=_SHAPES["domain_name"][0])] | None = None
    certificate_arn: Annotated[str, StringConstraints(pattern=_SHAPES["certificate_arn"][0])] | None = None
    web_acl_arn: Annotated[str, StringConstraints(pattern=_SHAPES["web_acl_arn"][0])] | None = None
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"] = "PriceClass_100"
    sign_up: Annotated[str, AfterValidator(_sign_up)] = "open"
    mail_identity_arn: Annotated[str, StringConstraints(pattern=_SHAPES["mail_identity_arn"][0])] | None = (
        None
    )
    mail_from: Annotated[str, StringConstraints(min_length=3, max_length=320)] | None = None
    alarm_mail: Annotated[str, StringConstraints(pattern=_SHAPES["alarm_mail"][0])] | None = None
    alarm_topic_arn: Annotated[str, StringConstraints(pattern=_SHAPES["alarm_topic_arn"][0])] | None = None
    log_retention_days: int = 30
    web_socket_access_logs: bool = False
    memory_mb: Annotated[int, Field(ge=256, le=10240)] = 1024
    reserved_concurrency: Annotated[int, Field(ge=10, le=99999)] | None = None
    requests_per_second: Annotated[int, Field(ge=1)] = 2000
    architecture: Literal["arm64", "x86_64"] = "arm64"
    permissions_boundary_arn: (
        Annotated[str, StringConstraints(pattern=_SHAPES["permissions_boundary_arn"][0])] | None
    ) = None

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            raise _broken("log_retention_days", f"one of {', '.join(map(str, LOG_RETENTION_DAYS))} days")
        if self.domain_name and not self.certificate_arn:
            raise _broken(
                "certificate_arn", f"given together with domain_name: {_SHAPES['certificate_arn'][1]}"
            )
        if self.certificate_arn and not self.domain_name:
            raise _broken("domain_name", f"given together with certificate_arn: {_SHAPES['domain_name'][1]}")
        if self.mail_from and not self.mail_identity_arn:
            raise _broken(
                "mail_identity_arn", f"given together with mail_from: {_SHAPES['mail_identity_arn'][1]}"
            )
        return self


def load_config(path: Path | None = None, *, overrides: Mapping[str, Any] | None = None) -> Config:
    """The settings in `path`, or in `imchat.toml` here if there is one; what `overrides` holds (None: nothing) wins.

    Raises: ConfigError naming the file (or the option), the key and what it must be.
    """
    place = path or Path(FILE_NAME)
    written = {} if path is None and not place.exists() else _read(place)
    return _checked(written, overrides or {}, place)


def check_config(options: Mapping[str, Any]) -> Config:
    """The settings that `options` hold (None: not chosen), with no file. Raises: ConfigError; `details["field"]` is the key."""
    return _checked({}, options, Path(FILE_NAME))


def render_config(config: Config) -> str:
    """The text of an `imchat.toml` that `load_config` reads as `config`; what was not chosen stands there as a comment."""
    default = Config()
    lines = ["# Settings of one imchat stage, read by `imchat deploy`. Options on the command line win.", ""]
    for key, about in _ABOUT.items():
        value = getattr(config, key)
        chosen = value is not None and (value != getattr(default, key) or key == "stage")
        shown = value if value is not None else _EXAMPLES[key]
        lines += [f"# {about}", f"{'' if chosen else '# '}{key} = {_toml(shown)}", ""]
    return "\n".join(lines)


_ABOUT: Final = {
    "stage": "Names this installation; part of every resource's name. Another stage is another installation.",
    "region": "Where it runs. Without it: what your AWS profile says.",
    "profile": "The profile of your AWS configuration.",
    "domain_name": "The site's own address; goes with a certificate for it. Without it: a *.cloudfront.net address.",
    "certificate_arn": "An ACM certificate for the domain, in us-east-1.",
    "web_acl_arn": "A WAF web ACL (scope CLOUDFRONT) in front of everything.",
    "price_class": "Where it is served from: PriceClass_100 (North America, Europe), _200 (and most of Asia, Africa) or _All.",
    "sign_up": (
        "Who may make an account: open (anybody), invitation (nobody: `imchat user create` does) or "
        "domain:example.org,example.com."
    ),
    "mail_identity_arn": "Send mail (codes, forgotten passwords) through SES. Without it Cognito sends 50 a day at most.",
    "mail_from": "The sender of mails, with an SES identity only.",
    "alarm_mail": "Who is mailed when an alarm goes off; AWS asks them to confirm first.",
    "alarm_topic_arn": "An SNS topic of your own that alarms go to as well.",
    "log_retention_days": "How long the functions' logs are kept.",
    "web_socket_access_logs": "true: log every WebSocket frame's fate; the region needs API Gateway's role for logs first.",
    "memory_mb": "The functions' memory, 256 to 10240; their share of a processor grows with it.",
    "reserved_concurrency": "Executions reserved for, and the most of, each function; from 10. New accounts cannot reserve any.",
    "requests_per_second": "The most that each API takes; more are refused. Bounds what an attack can cost.",
    "architecture": "The functions' processor: arm64 (cheaper) or x86_64.",
    "permissions_boundary_arn": "The policy that must bound every role, where your account asks for one.",
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


def _checked(written: Mapping[str, Any], options: Mapping[str, Any], place: Path) -> Config:
    chosen = {key: value for key, value in options.items() if value is not None}
    try:
        return Config.model_validate({**written, **chosen})
    except ValidationError as error:
        raise _in_our_words(error, place, set(chosen)) from error


def _toml(value: str | int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read(place: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(place.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"there is no file {place}; `imchat init` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{place} is no TOML: {error}") from error


def _broken(key: str, limit: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{limit}", {"key": key, "limit": limit})


def _in_our_words(error: ValidationError, place: Path, overridden: set[str]) -> ConfigError:
    first = error.errors()[0]
    context = first.get("ctx", {})
    key = str(context.get("key") or ".".join(map(str, first["loc"])))
    where = f"--{key.replace('_', '-')}" if key in overridden else f"{place}: {key}"
    match first["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(key, Config.model_fields, n=1)
            limit = f"is no setting; did you mean {near[0]}?" if near else "is no setting of imchat"
            return ConfigError(f"{where} {limit}", field=key)
        case "rule":
            limit = f"must be {context['limit']}"
        case "said":
            limit = context["said"]
        case "string_pattern_mismatch":
            limit = f"must be {_SHAPES[key][1]}"
        case "greater_than_equal":
            limit = f"must be {context['ge']} or more"
        case "less_than_equal":
            limit = f"must be {context['le']} or less"
        case _:
            limit = first["msg"][0].lower() + first["msg"][1:]
    return ConfigError(f"{where} {limit}", field=key)
