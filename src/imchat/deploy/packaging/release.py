"""What is deployed: the templates, the settings as parameters, the functions' code and packages, the site's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imchat import __version__
from imchat.deploy.cloudformation.templates import KINDS, Template, parameters_from_config, read_template
from imchat.deploy.config import Config
from imchat.deploy.context import Target
from imchat.deploy.endpoints import emulator_values
from imchat.deploy.packaging.bundle import Bundle, build_code, build_layer, functions_python, layer_key
from imchat.deploy.packaging.site import read_site
from imchat.deploy.progress import StackKind


@dataclass(frozen=True, slots=True)
class Release:
    """One version with one stage's settings. `layer` makes the packages' zip file, and tells what it is doing."""

    templates: Mapping[StackKind, Template]
    values: Mapping[str, str]
    code: Bundle
    layer_key: str
    layer: Callable[[Callable[[str], object]], bytes]
    files: Mapping[str, bytes]


def read_release(target: Target) -> Release:
    """This installation, for `target`; asks nothing of AWS.

    Raises: ConfigError if the site was never built, or if Lambda does not run this version of Python.
    """
    config = target.config
    code, layer = build_code(), layer_key(config.architecture)
    return Release(
        templates={kind: read_template(kind) for kind in KINDS},
        values=given_values(config, code.key, layer, endpoint_url=target.endpoint_url),
        code=code,
        layer_key=layer,
        layer=lambda tell: build_layer(config.architecture, on_progress=tell).content,
        files=read_site(),
    )


def given_values(
    config: Config, code_key: str, layer_key: str, *, endpoint_url: str | None
) -> dict[str, str]:
    """The parameters that come from no other stack."""
    return {
        **parameters_from_config(config),
        **emulator_values(endpoint_url),
        "Version": __version__,
        "CodeKey": code_key,
        "LayerKey": layer_key,
        "Runtime": f"python{functions_python()}",
    }
