"""What the deployer takes the templates for is what they are: parameters, defaults, resources, outputs, by name."""

from __future__ import annotations

from typing import Any

import pytest
from cfnlint.decode import decode

from imchat.assets import templates_dir
from imchat.deploy import Config
from imchat.deploy.cloudformation.templates import (
    KINDS,
    NOT_FOR_STACKS,
    OUTPUTS,
    parameter_name,
    read_template,
)
from imchat.deploy.packaging.release import given_values
from imchat.deploy.progress import StackKind


def parsed(kind: StackKind) -> dict[str, Any]:
    template, problems = decode(str(templates_dir() / f"{kind}.yaml"))
    assert not problems
    return dict(template)


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_read_as_a_yaml_parser_reads_it(kind: StackKind) -> None:
    template, read = parsed(kind), read_template(kind)
    assert dict(read.parameters) == {
        name: None if "Default" not in declared else str(declared["Default"])
        for name, declared in template["Parameters"].items()
    }
    assert [(one.resource, one.type, one.condition) for one in read.resources] == [
        (name, declared["Type"], declared.get("Condition"))
        for name, declared in template["Resources"].items()
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_told_back_as_it_was_sent(kind: StackKind) -> None:
    """CloudFormation tells question marks in place of all else, so nothing would ever be found unchanged."""
    assert read_template(kind).body.isascii()


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_gives_what_the_deployer_takes_it_to_give(kind: StackKind) -> None:
    assert set(parsed(kind)["Outputs"]) == OUTPUTS[kind]


def test_every_parameter_has_a_default_or_comes_from_somewhere() -> None:
    given: set[str] = set(given_values(Config(), "arm64 code", "layer", endpoint_url=None))
    for kind in KINDS:
        needed = {name for name, default in read_template(kind).parameters.items() if default is None}
        assert needed <= given
        given |= OUTPUTS[kind]


def test_every_setting_but_where_to_deploy_is_a_parameter() -> None:
    parameters = {name for kind in KINDS for name in read_template(kind).parameters}
    settings = {parameter_name(key) for key in Config.model_fields.keys() - NOT_FOR_STACKS}
    assert settings - parameters == set()
