"""What the functions run: their code, and the layer of packages below it, as zip files ready to upload.

Both hold bytecode instead of sources: half the size, and a cold start compiles nothing. It is made by the interpreter
that deploys, so the functions run that one's version.
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
"""What `build_layer` is doing."""
ARCHITECTURES: Final[tuple[Architecture, ...]] = get_args(Architecture)
PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")
"""The versions of Python that Lambda runs and imchat supports."""
SERVICES: Final = ("apigatewaymanagementapi", "dynamodb", "sqs")
"""The AWS services that the functions call; the layer has no other one's description."""
_RECIPE: Final = 2  # raise it when the same lock makes another layer
_ENTRYPOINTS: Final = "imchat.entrypoints"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A zip file and the key that it lies under in the artifact bucket: another content has another key."""

    key: str
    sha256: str
    content: bytes


def functions_python(version: tuple[int, int] = sys.version_info[:2]) -> str:
    """The Python of the functions, such as "3.13": the one that runs this. Raises: ConfigError where Lambda has none."""
    name = "{}.{}".format(*version)
    if name not in PYTHONS or sys.implementation.name != "cpython":
        raise ConfigError(
            f"imchat deploys from the version of CPython that its functions run, and Lambda has no {name}; "
            f"install imchat with one of {', '.join(PYTHONS)}"
        )
    return name


def build_code(package: Path = PACKAGE) -> Bundle:
    """The functions' own code: what their entrypoints import of imchat, and nothing else. Under 200 KB.

    The same sources and interpreter give the same bytes. Raises: ConfigError for a Python that Lambda does not have.
    """
    functions_python()
    files = {
        path.relative_to(package.parent).as_posix(): path.read_bytes() for path in runtime_modules(package)
    }
    content = zips.pack(zips.compiled(files, home="/var/task", docstrings=False))
    sha256 = hashlib.sha256(content).hexdigest()
    return Bundle(f"code/{sha256}.zip", sha256, content)


def functions_lock() -> str:
    """The packages that the functions need, by version and hash: a requirements file that comes with imchat."""
    return resources.files(__package__).joinpath("functions.lock").read_text("utf-8")


def layer_key(architecture: Architecture, lock: str | None = None) -> str:
    """The key of the layer, known without building it: it follows from the lock, the Python and the architecture.

    If an object lies there already, there is nothing to build or upload. Raises: ConfigError as `build_code` does.
    """
    recipe = (_RECIPE, architecture, functions_python(), SERVICES, lock or functions_lock())
    return f"layer/{hashlib.sha256(repr(recipe).encode()).hexdigest()}.zip"


def build_layer(
    architecture: Architecture = "arm64",
    *,
    lock: str | None = None,
    cache: Path | None = None,
    on_progress: Callable[[LayerStep], object] = lambda _step: None,
) -> Bundle:
    """The packages that the functions need, for their platform, from the index that pip is configured for.

    A layer that was built once is kept in `cache` (by default the platform's) and taken from there, without a word.
    `lock`: other packages than those of `functions_lock`.
    Raises: ConfigError if pip is missing, the index out of reach, a wheel missing or not the one that is locked.
    """
    key = layer_key(architecture, lock)
    kept = (cache or platformdirs.user_cache_path("imchat")) / key
    content = _whole(kept)
    if content is None:
        on_progress("fetching")
        files = wheels.fetch(lock or functions_lock(), functions_python(), architecture)
        files = {f"python/{name}": data for name, data in files.items() if _is_needed(name)}
        on_progress("compiling")
        files = zips.compiled(files, home="/opt")
        on_progress("packing")
        content = zips.pack(files)
        with contextlib.suppress(OSError):  # nothing to keep it in: then it is built again next time
            _keep(kept, content)
    return Bundle(key, hashlib.sha256(content).hexdigest(), content)


def runtime_modules(package: Path = PACKAGE) -> list[Path]:
    """The files of imchat that its Lambda handlers import, now or when they are called; sorted."""
    found: dict[str, Path] = {}
    waiting = [_ENTRYPOINTS + "." + path.stem for path in sorted((package / "entrypoints").glob("*.py"))]
    while waiting:
        name = waiting.pop()
        path = _file(package, name)
        if name not in found and path is not None:
            found[name] = path
            waiting += _imports(path)
            waiting += [name.rpartition(".")[0]]
    return sorted(found.values())


def _imports(path: Path) -> Iterator[str]:
    """The modules of imchat that a module may import; some of the names are of what is in them."""
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        match waiting.pop():
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                waiting += otherwise
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)
            case node:
                waiting += ast.iter_child_nodes(node)


def _file(package: Path, name: str) -> Path | None:
    top, *parts = name.split(".")
    base = package.joinpath(*parts)
    found = [path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()]
    return found[0] if top == package.name and found else None


def _is_needed(name: str) -> bool:
    """Whether a file of the packages is of use to a function. Licences and metadata stay."""
    match Path(name).parts:
        case ("bin", *_) | ("boto3", "data" | "examples", *_):
            return False
        case ("botocore", "data", service, *below):
            return not below or service in SERVICES
        case (folder, "RECORD" | "INSTALLER" | "REQUESTED" | "direct_url.json") if folder.endswith(
            ".dist-info"
        ):
            return False  # about an installation, and this is none
        case _:
            return True


def _whole(path: Path) -> bytes | None:
    """The zip file at `path`, unless there is none or it is damaged."""
    with contextlib.suppress(OSError, zipfile.BadZipFile, EOFError), zipfile.ZipFile(path) as archive:
        if archive.testzip() is None:
            return path.read_bytes()
    return None


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)  # noqa: PTH105 - whole or not at all
