"""What the three stacks are called, take and give: the templates as the deployer reads them, without a YAML parser.

A parameter's value is the setting or the earlier stack's output of the same name; `tests/deploy/test_layout.py` holds
the templates to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from imchat.assets import templates_dir
from imchat.deploy.config import Config
from imchat.deploy.progress import StackKind

KINDS: Final[tuple[StackKind, ...]] = get_args(StackKind)
"""In the order they are made; they go in the opposite one."""

OUTPUTS: Final[Mapping[StackKind, frozenset[str]]] = {
    "state": frozenset(
        {
            "ArtifactBucketName",
            "AttachmentBucketDomain",
            "AttachmentBucketName",
            "TableArn",
            "TableName",
            "UserPoolArn",
            "UserPoolClientId",
            "UserPoolId",
        }
    ),
    "app": frozenset(
        {
            "AuthorizerLogGroupName",
            "DashboardUrl",
            "DeployedVersion",
            "FanoutLogGroupName",
            "HttpApiDomain",
            "HttpApiId",
            "HttpLogGroupName",
            "WebSocketApiDomain",
            "WebSocketApiId",
            "WebSocketLogGroupName",
        }
    ),
    "site": frozenset({"DistributionDomain", "DistributionId", "SiteBucketName", "SiteUrl"}),
}
"""What each stack gives: to the stacks after it, to the deployer and to the commands."""

NOT_FOR_STACKS: Final = frozenset({"region", "profile"})
"""Settings that say where to deploy; all others are parameters of a template."""

_SECTION: Final = re.compile(r"^(\w+):[ \t]*$", re.MULTILINE)
_ENTRY: Final = re.compile(r"^  (\w+):[ \t]*$", re.MULTILINE)
_VALUE: Final = re.compile(r"^    (Type|Default|Condition): *(.*?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource as its template declares it; with a `condition` it may not be made."""

    resource: str
    type: str
    condition: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """One stack's template: its text, its parameters with their defaults (None: must be given), its resources."""

    kind: StackKind
    body: str
    parameters: Mapping[str, str | None]
    resources: tuple[Declared, ...]

    def values(self, chosen: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str | None]:
        """Each parameter's value: as chosen, else an earlier stack's output, else its default; None: not known yet."""
        return {name: chosen.get(name, known.get(name, default)) for name, default in self.parameters.items()}


def read_template(kind: StackKind) -> Template:
    """The template of a stack. Raises: ConfigError if the templates are missing from the installation."""
    body = (templates_dir() / f"{kind}.yaml").read_text("utf-8")
    sections = _parts(_SECTION, body)
    parameters = {
        name: _facts(text).get("Default") for name, text in _parts(_ENTRY, sections["Parameters"]).items()
    }
    resources = []
    for name, text in _parts(_ENTRY, sections["Resources"]).items():
        facts = _facts(text)
        resources.append(Declared(name, facts["Type"], facts.get("Condition")))
    return Template(kind, body, parameters, tuple(resources))


def chosen_values(config: Config) -> dict[str, str]:
    """The settings as parameters: `memory_mb` is `MemoryMb`; what was not chosen is left to the template's default."""
    values: dict[str, str] = {}
    for key in Config.model_fields.keys() - NOT_FOR_STACKS:
        value = getattr(config, key)
        if value is not None:
            told = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
            values[parameter_name(key)] = told
    return values


def parameter_name(key: str) -> str:
    """The parameter that a setting is given to."""
    return "".join(part.capitalize() for part in key.split("_"))


def _parts(heading: re.Pattern[str], text: str) -> dict[str, str]:
    found = list(heading.finditer(text))
    ends = [one.start() for one in found[1:]] + [len(text)]
    return {one[1]: text[one.end() : end] for one, end in zip(found, ends, strict=True)}


def _facts(text: str) -> dict[str, str]:
    return {found[1]: found[2].strip('"') for found in _VALUE.finditer(text)}
