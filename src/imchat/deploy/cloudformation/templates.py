"""The three CloudFormation templates: their text, and the parameters, resources and outputs that each declares.

`hatch_build.py` writes templates.json, so that nothing here parses YAML. A parameter takes its value from the setting or
the earlier stack's output of the same name; `tests/deploy/test_templates.py` checks that each has one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, get_args

from imchat.assets import repair_hint, templates_dir
from imchat.deploy.config import Config
from imchat.deploy.progress import StackKind
from imchat.errors import ConfigError

KINDS: Final[tuple[StackKind, ...]] = get_args(StackKind)
"""In the order in which they are created; they are deleted in the opposite order."""
CONNECTION_SETTINGS: Final = frozenset({"region", "profile"})
"""Settings that say where to deploy. Every other setting is a parameter of a template."""


@dataclass(frozen=True, slots=True)
class DeclaredResource:
    """A resource as its template declares it. With a `condition`, CloudFormation may not create it."""

    logical_id: str
    type: str
    condition: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """One stack's template. `parameters` maps names to defaults; None: there is no default."""

    kind: StackKind
    body: str
    parameters: Mapping[str, str | None]
    resources: tuple[DeclaredResource, ...]
    outputs: frozenset[str]

    def parameter_values(
        self, given: Mapping[str, str], earlier_outputs: Mapping[str, str]
    ) -> dict[str, str | None]:
        """Return each parameter's value: as given, else an earlier stack's output, else its default; None: not known yet."""
        return {
            name: given.get(name, earlier_outputs.get(name, default))
            for name, default in self.parameters.items()
        }


def read_template(kind: StackKind) -> Template:
    """Return the template of a stack.

    Raises: ConfigError if the installation has no templates, or templates.json was not written from them.
    """
    body = (templates_dir() / f"{kind}.yaml").read_text("utf-8")
    described = _templates_json().get(kind, {})
    if described.get("sha256") != hashlib.sha256(body.encode()).hexdigest():
        raise ConfigError(f"templates.json does not match the template {kind}.yaml; {repair_hint()}")
    return Template(
        kind=kind,
        body=body,
        parameters={name: facts["default"] for name, facts in described["parameters"].items()},
        resources=tuple(
            DeclaredResource(name, facts["type"], facts["condition"])
            for name, facts in described["resources"].items()
        ),
        outputs=frozenset(described["outputs"]),
    )


def parameters_from_config(config: Config) -> dict[str, str]:
    """Return the settings as parameters (`memory_mb` as `MemoryMb`); a setting that is None keeps the template's default."""
    parameters: dict[str, str] = {}
    for key in Config.model_fields.keys() - CONNECTION_SETTINGS:
        value = getattr(config, key)
        if isinstance(value, bool):
            parameters[parameter_name(key)] = "yes" if value else "no"
        elif value is not None:
            parameters[parameter_name(key)] = str(value)
    return parameters


def parameter_name(key: str) -> str:
    """Return the name of the parameter that takes a setting."""
    return "".join(part.capitalize() for part in key.split("_"))


def _templates_json() -> dict[str, Any]:
    try:
        content = resources.files(__package__).joinpath("templates.json").read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"templates.json is missing from this installation; {repair_hint()}") from None
    described: dict[str, Any] = json.loads(content)
    return described
