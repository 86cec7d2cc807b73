"""The deployer reads each template's parameters, defaults, resources and outputs as a YAML parser does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode

from imchat.assets import templates_dir
from imchat.deploy import Config
from imchat.deploy.cloudformation import templates
from imchat.deploy.cloudformation.templates import (
    CONNECTION_SETTINGS,
    KINDS,
    parameter_name,
    read_template,
)
from imchat.deploy.packaging.release import release_parameters
from imchat.deploy.progress import StackKind
from imchat.errors import ConfigError


def parsed(kind: StackKind) -> dict[str, Any]:
    template, problems = decode(str(templates_dir() / f"{kind}.yaml"))
    assert not problems
    return dict(template)


@pytest.mark.parametrize("kind", KINDS)
def test_templates_json_matches_another_yaml_parser(kind: StackKind) -> None:
    template, read = parsed(kind), read_template(kind)
    assert dict(read.parameters) == {
        name: None if "Default" not in declared else str(declared["Default"])
        for name, declared in template["Parameters"].items()
    }
    assert [(resource.logical_id, resource.type, resource.condition) for resource in read.resources] == [
        (name, declared["Type"], declared.get("Condition"))
        for name, declared in template["Resources"].items()
    ]
    assert read.outputs == set(template["Outputs"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_contains_only_ascii(kind: StackKind) -> None:
    """CloudFormation returns question marks in place of other characters, so no stack would ever be found unchanged."""
    assert read_template(kind).body.isascii()


def test_a_template_edited_after_the_build_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    body = (templates_dir() / "state.yaml").read_text("utf-8")
    (tmp_path / "state.yaml").write_text(body + "# edited\n", "utf-8")
    monkeypatch.setattr(templates, "templates_dir", lambda: tmp_path)
    with pytest.raises(
        ConfigError, match=r"templates\.json does not match the template state\.yaml; .*make -C .* site"
    ):
        read_template("state")


def test_missing_templates_json_is_an_error_that_says_how_to_fix_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.resources.files", lambda _package: tmp_path)
    with pytest.raises(ConfigError, match=r"templates\.json is missing .*; build it with: make -C .* site"):
        read_template("state")


def test_every_parameter_has_a_default_or_a_source() -> None:
    given: set[str] = set(release_parameters(Config(), "arm64 code", "layer", endpoint_url=None))
    for kind in KINDS:
        template = read_template(kind)
        needed = {name for name, default in template.parameters.items() if default is None}
        assert needed <= given
        given |= template.outputs


def test_every_setting_except_where_to_deploy_is_a_parameter() -> None:
    parameters = {name for kind in KINDS for name in read_template(kind).parameters}
    settings = {parameter_name(key) for key in Config.model_fields.keys() - CONNECTION_SETTINGS}
    assert settings - parameters == set()
