"""What is deployed: the templates, their parameters, the functions' code and packages, and the site's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imchat import __version__
from imchat.deploy.cloudformation.templates import KINDS, Template, parameters_from_config, read_template
from imchat.deploy.config import Config
from imchat.deploy.context import DeployContext
from imchat.deploy.endpoints import emulator_parameters
from imchat.deploy.packaging.bundle import Bundle, build_code, build_layer, functions_python, layer_key
from imchat.deploy.packaging.site import read_site
from imchat.deploy.progress import StackKind
from imchat.sign_up_policy import SignUpPolicy


@dataclass(frozen=True, slots=True)
class Release:
    """One version of imchat with one stage's settings.

    `parameters` are those that come from no other stack. `build_layer` returns the zip file of the packages, and passes
    each of its steps to its argument.
    """

    templates: Mapping[StackKind, Template]
    parameters: Mapping[str, str]
    code: Bundle
    layer_key: str
    build_layer: Callable[[Callable[[str], object]], bytes]
    site_files: Mapping[str, bytes]

    @property
    def sign_up(self) -> SignUpPolicy:
        """Who may create an account."""
        return SignUpPolicy.parse(self.parameters["SignUp"])


def read_release(context: DeployContext) -> Release:
    """Return this installation as a release for the stage of `context`. Sends no request to AWS.

    Raises: ConfigError if the web client was never built, or if Lambda does not run this version of Python.
    """
    config = context.config
    code, layer = build_code(), layer_key(config.architecture)
    return Release(
        templates={kind: read_template(kind) for kind in KINDS},
        parameters=release_parameters(config, code.key, layer, endpoint_url=context.endpoint_url),
        code=code,
        layer_key=layer,
        build_layer=lambda on_step: build_layer(config.architecture, on_progress=on_step).content,
        site_files=read_site(),
    )


def release_parameters(
    config: Config, code_key: str, layer_key: str, *, endpoint_url: str | None
) -> dict[str, str]:
    """Return the stacks' parameters that come from no other stack."""
    return {
        **parameters_from_config(config),
        **emulator_parameters(endpoint_url),
        "Version": __version__,
        "CodeKey": code_key,
        "LayerKey": layer_key,
        "Runtime": f"python{functions_python()}",
    }
