"""Builds the zip files that the functions run: their code, and the layer with the packages it needs.

Both contain bytecode instead of sources: half the size, and a cold start compiles nothing. The interpreter that deploys
compiles it, so the functions run the same version of Python.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import platformdirs

from imchat.assets import PACKAGE
from imchat.deploy.packaging import wheels, zips
from imchat.deploy.packaging.wheels import Architecture
from imchat.errors import ConfigError

LayerStep: TypeAlias = Literal["fetching", "compiling", "packing"]
"""The steps of `build_layer`."""
ARCHITECTURES: Final[tuple[Architecture, ...]] = get_args(Architecture)
SUPPORTED_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
"""The versions of Python that Lambda runs and imchat supports."""
SERVICES: Final = ("apigatewaymanagementapi", "dynamodb", "sqs")
"""The AWS services that the functions call; the layer omits boto3's descriptions of all others."""
_LAYER_FORMAT: Final = 2  # raise it when the same lock file makes a different layer
_ENTRYPOINTS: Final = "imchat.entrypoints"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A zip file and its key in the artifact bucket, which holds a checksum of what it was made from."""

    key: str
    sha256: str
    content: bytes


def functions_python(version: tuple[int, int] = sys.version_info[:2]) -> str:
    """Return the functions' Python version, such as "3.13": the one running now. Raises: ConfigError if Lambda lacks it."""
    name = "{}.{}".format(*version)
    if name not in SUPPORTED_PYTHONS or sys.implementation.name != "cpython":
        raise ConfigError(
            f"imchat deploys with the CPython version that its functions run, and Lambda does not support {name}; "
            f"install imchat with one of {', '.join(SUPPORTED_PYTHONS)}"
        )
    return name


def build_code(package: Path = PACKAGE) -> Bundle:
    """Build the functions' code: the modules of imchat that their entrypoints import. Under 200 KB.

    The same sources and interpreter give the same bytes. Raises: ConfigError if Lambda does not run this Python.
    """
    functions_python()
    files = {
        path.relative_to(package.parent).as_posix(): path.read_bytes() for path in runtime_modules(package)
    }
    content = zips.pack(zips.compile_sources(files, install_dir="/var/task", docstrings=False))
    sha256 = hashlib.sha256(content).hexdigest()
    return Bundle(f"code/{sha256}.zip", sha256, content)


def functions_lock() -> str:
    """Return the requirements file of the packages that the functions need, with versions and hashes."""
    return resources.files(__package__).joinpath("functions.lock").read_text("utf-8")


def layer_key(architecture: Architecture, lock: str | None = None) -> str:
    """Return the layer's key, from the lock file, the Python version and the architecture, without building the layer.

    If the artifact bucket has this key, there is nothing to build or upload. Raises: ConfigError as `build_code` does.
    """
    inputs = (_LAYER_FORMAT, architecture, functions_python(), SERVICES, lock or functions_lock())
    return f"layer/{hashlib.sha256(repr(inputs).encode()).hexdigest()}.zip"


def build_layer(
    architecture: Architecture = "arm64",
    *,
    lock: str | None = None,
    cache: Path | None = None,
    on_progress: Callable[[LayerStep], object] = lambda _step: None,
) -> Bundle:
    """Build the layer of packages for the functions' platform, from the package index that pip is configured for.

    A layer is built once: it is stored in `cache` (by default the user's cache directory) and then read from there, with
    no call of `on_progress`. `lock` replaces `functions_lock`.
    Raises: ConfigError if pip is missing, the index cannot be reached, or a wheel is missing or not the locked one.
    """
    key = layer_key(architecture, lock)
    cached = (cache or platformdirs.user_cache_path("imchat")) / key
    content = _read_zip(cached)
    if content is None:
        on_progress("fetching")
        files = wheels.fetch(lock or functions_lock(), functions_python(), architecture)
        files = {f"python/{name}": data for name, data in files.items() if _is_needed(name)}
        on_progress("compiling")
        files = zips.compile_sources(files, install_dir="/opt")
        on_progress("packing")
        content = zips.pack(files)
        with contextlib.suppress(OSError):  # no writable cache: the layer is built again next time
            _write_cached(cached, content)
    return Bundle(key, hashlib.sha256(content).hexdigest(), content)


def runtime_modules(package: Path = PACKAGE) -> list[Path]:
    """Return the files of imchat that its Lambda handlers import, at start or when they are called; sorted."""
    found: dict[str, Path] = {}
    queue = [_ENTRYPOINTS + "." + path.stem for path in sorted((package / "entrypoints").glob("*.py"))]
    while queue:
        name = queue.pop()
        path = _module_file(package, name)
        if name not in found and path is not None:
            found[name] = path
            queue += _imports(path)
            queue += [name.rpartition(".")[0]]
    return sorted(found.values())


def _imports(path: Path) -> Iterator[str]:
    """Yield the modules that a module may import; some of the names are of classes and functions in them."""
    queue: list[ast.AST] = [ast.parse(path.read_bytes())]
    while queue:
        match queue.pop():
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                queue += otherwise
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case node:
                queue += ast.iter_child_nodes(node)


def _module_file(package: Path, name: str) -> Path | None:
    top, *parts = name.split(".")
    base = package.joinpath(*parts)
    found = [path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()]
    return found[0] if top == package.name and found else None


def _is_needed(name: str) -> bool:
    """Return whether a file of the packages is useful to a function. Licences and metadata are kept."""
    match Path(name).parts:
        case ("bin", *_) | ("boto3", "data" | "examples", *_):
            return False
        case ("botocore", "data", service, *below):
            return not below or service in SERVICES
        case (folder, "RECORD" | "INSTALLER" | "REQUESTED" | "direct_url.json") if folder.endswith(
            ".dist-info"
        ):
            return False  # describes an installation by pip
        case _:
            return True


def _read_zip(path: Path) -> bytes | None:
    """Return the zip file at `path`; None if it is missing or damaged."""
    with contextlib.suppress(OSError, zipfile.BadZipFile, EOFError), zipfile.ZipFile(path) as archive:
        if archive.testzip() is None:
            return path.read_bytes()
    return None


def _write_cached(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)  # noqa: PTH105 - atomic: another process never reads a part of it
