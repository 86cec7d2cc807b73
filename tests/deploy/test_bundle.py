"""The functions' code and layer: only what they need, reproducible, and for Lambda's platform, not the operator's."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Final

import pydantic_core
import pytest
from cfnlint.data import AdditionalSpecs

from imchat.assets import PACKAGE
from imchat.deploy.packaging import bundle, wheels, zips
from imchat.deploy.packaging.bundle import Bundle
from imchat.errors import ConfigError

pytestmark = pytest.mark.slow

HANDLERS: Final = sorted(path.stem for path in (PACKAGE / "entrypoints").glob("*.py"))
AARCH64: Final = b"\x7fELF\x02\x01\x01" + bytes(11) + (183).to_bytes(2, "little")


def names(built: Bundle) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(built.content)).namelist()


@pytest.fixture(scope="module")
def code() -> Bundle:
    return bundle.build_code()


def test_the_code_contains_only_what_handlers_import(code: Bundle) -> None:
    packages = {name.split("/")[1] for name in names(code)}
    assert packages == {
        *("api", "domain", "entrypoints", "services", "storage"),
        *("__init__.pyc", "errors.pyc", "settings.pyc"),
    }
    assert not [name for name in names(code) if "sqlite" in name or "openapi" in name]


def test_the_code_is_small(code: Bundle) -> None:
    assert len(code.content) <= 240_000


def test_the_same_code_in_another_folder_gives_the_same_bytes(code: Bundle, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "imchat", ignore=shutil.ignore_patterns("site", "__pycache__"))
    again = bundle.build_code(tmp_path / "imchat")
    assert again == code
    assert code.key == f"code/{hashlib.sha256(code.content).hexdigest()}.zip"


def test_changed_code_has_another_key(code: Bundle, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "imchat", ignore=shutil.ignore_patterns("site", "__pycache__"))
    changed = tmp_path / "imchat" / "domain" / "limits.py"
    changed.write_text(changed.read_text("utf-8") + "\nMORE = 1\n", encoding="utf-8")
    assert bundle.build_code(tmp_path / "imchat").key != code.key


def test_a_change_outside_the_functions_does_not_change_the_bundle(code: Bundle, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "imchat", ignore=shutil.ignore_patterns("site", "__pycache__"))
    for name in ("cli.py", "local/server.py", "deploy/packaging/bundle.py", "storage/sqlite/table.py"):
        (tmp_path / "imchat" / name).write_text("CHANGED = 1\n", encoding="utf-8")
    assert bundle.build_code(tmp_path / "imchat") == code


def test_files_are_packed_without_times_or_owners() -> None:
    archive = zipfile.ZipFile(io.BytesIO(zips.pack({"b": b"2", "a": b"1"})))
    assert [
        (entry.filename, entry.date_time, oct(entry.external_attr >> 16)) for entry in archive.infolist()
    ] == [
        ("a", (1980, 1, 1, 0, 0, 0), "0o100644"),
        ("b", (1980, 1, 1, 0, 0, 0), "0o100644"),
    ]


def test_bytecode_loads_without_its_source_and_names_its_install_folder() -> None:
    [(name, content)] = zips.compile_sources({"a/b.py": b"x = 1\n"}, install_dir="/opt").items()
    assert name == "a/b.pyc"
    assert int.from_bytes(content[4:8], "little") == 0b01  # invalidated by hash, and never checked
    assert b"/opt/a/b.py" in content


def test_a_source_that_does_not_compile_is_named() -> None:
    with pytest.raises(ConfigError, match=r"a/b\.py"):
        zips.compile_sources({"a/b.py": b"x = = 1\n"}, install_dir="/opt")


def test_the_functions_run_the_python_version_that_deploys() -> None:
    assert bundle.functions_python() == ".".join(platform.python_version_tuple()[:2])


@pytest.mark.parametrize("version", [(3, 10), (3, 99)])
def test_an_unsupported_python_is_refused_with_a_list_of_supported_ones(
    version: tuple[int, int],
) -> None:
    with pytest.raises(ConfigError, match=r"does not support 3\.(10|99); .* 3\.11, 3\.12, 3\.13, 3\.14"):
        bundle.functions_python(version)


def test_supported_pythons_are_those_of_lambda() -> None:
    """From cfn-lint's data: if this fails, Lambda has added or removed a version."""
    path = Path(AdditionalSpecs.__path__[0], "LmbdRuntimeLifecycle.json")
    supported = {
        name.removeprefix("python") for name in json.loads(path.read_text()) if name.startswith("python3.")
    }
    minors = sorted(int(name.removeprefix("3.")) for name in supported)
    assert [f"3.{minor}" for minor in minors if minor >= 11] == list(bundle.SUPPORTED_PYTHONS)


def test_the_layers_key_depends_on_the_architecture_and_needs_no_network() -> None:
    assert bundle.layer_key("arm64") == bundle.layer_key("arm64") != bundle.layer_key("x86_64")


def test_every_service_that_the_functions_call_is_in_the_layer() -> None:
    sources = [path.read_text("utf-8") for path in bundle.runtime_modules()]
    called = {name for source in sources for name in re.findall(r"\.client\(\s*\"([\w-]+)\"", source)}
    assert called
    assert called <= set(bundle.SERVICES)


@pytest.mark.parametrize(
    ("python", "newest"), [("3.11", "manylinux_2_26_aarch64"), ("3.13", "manylinux_2_34_aarch64")]
)
def test_wheel_tags_match_lambdas_c_library(python: str, newest: str) -> None:
    tags = wheels.platforms(python, "arm64")
    assert tags[0] == newest
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64"} <= set(tags)


def test_a_library_for_another_architecture_is_refused() -> None:
    wheels.check_machine({"a/core.so": AARCH64, "a/core.py": b""}, "arm64")
    with pytest.raises(ConfigError, match=r"a/core\.so is not built for x86_64"):
        wheels.check_machine({"a/core.so": AARCH64}, "x86_64")
    with pytest.raises(ConfigError, match="is not built for arm64"):
        wheels.check_machine({"a/core.so": b"MZ"}, "arm64")


@pytest.fixture
def local_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Configure pip with one folder of packages and no index. Return the folder."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_USER", "1")  # some users set it for their own packages
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def wheel(folder: Path, tag: str, files: dict[str, bytes]) -> str:
    """Create a wheel of the package `bell`. Returns its line in a lock file."""
    content = zips.pack(
        files
        | {
            "bell-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: bell\nVersion: 1\n",
            "bell-1.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
            "bell-1.dist-info/RECORD": b"",
        }
    )
    (folder / f"bell-1-{tag}.whl").write_bytes(content)
    return f"bell==1 --hash=sha256:{hashlib.sha256(content).hexdigest()}\n"


@pytest.mark.slow
def test_a_wheel_for_the_functions_platform_is_fetched_on_any_machine(local_pip: Path) -> None:
    lock = wheel(local_pip, "cp313-cp313-manylinux_2_28_aarch64", {"bell/core.so": AARCH64})
    assert wheels.fetch(lock, "3.13", "arm64")["bell/core.so"] == AARCH64
    with pytest.raises(ConfigError, match=r"lacks packages .* bell==1"):
        wheels.fetch(lock, "3.13", "x86_64")
    with pytest.raises(ConfigError, match="lacks packages"):
        wheels.fetch(lock, "3.12", "arm64")


def test_a_wheel_with_another_hash_is_refused(local_pip: Path) -> None:
    lock = wheel(local_pip, "py3-none-any", {"bell/__init__.py": b""})
    wheel(local_pip, "py3-none-any", {"bell/__init__.py": b"import evil"})
    with pytest.raises(
        ConfigError, match=r"bell==1 from the package index is not the file that imchat was tested with"
    ):
        wheels.fetch(lock, "3.13", "arm64")


def test_a_wheel_with_a_library_for_another_architecture_is_refused(local_pip: Path) -> None:
    lock = wheel(local_pip, "cp313-cp313-manylinux2014_x86_64", {"bell/core.so": AARCH64})
    with pytest.raises(ConfigError, match="wrong wheel"):
        wheels.fetch(lock, "3.13", "x86_64")


def test_a_missing_pip_is_reported_with_the_command_that_installs_it(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    program = (
        f"import sys; sys.path += {sys.path}\n"
        "from imchat.deploy.packaging import wheels\n"
        "try: wheels.fetch('', '3.13', 'arm64')\n"
        "except Exception as error: print(error)\n"
    )
    folder = "Scripts" if sys.platform == "win32" else "bin"
    result = subprocess.run(
        [tmp_path / "bare" / folder / "python", "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.endswith("run: python -m ensurepip\n")


def test_an_unreachable_index_is_reported(local_pip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nothing listens on the discard port
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(ConfigError, match=r"index cannot be reached.*pip config list"):
        wheels.fetch("bell==1 --hash=sha256:" + "0" * 64, "3.13", "arm64")


def test_a_layer_is_built_once_and_again_if_its_cached_file_is_damaged(local_pip: Path) -> None:
    lock, cache = wheel(local_pip, "py3-none-any", {"bell/__init__.py": b"x = 1\n"}), local_pip / "cache"
    steps = list[str]()

    def build() -> Bundle:
        return bundle.build_layer("arm64", lock=lock, cache=cache, on_progress=steps.append)

    first = build()
    assert names(first) == [
        "python/bell-1.dist-info/METADATA",
        "python/bell-1.dist-info/WHEEL",
        "python/bell/__init__.pyc",
    ]
    assert build() == first
    assert steps == ["fetching", "compiling", "packing"]
    (cache / first.key).write_bytes(first.content[:-10])
    assert build() == first
    assert steps == ["fetching", "compiling", "packing"] * 2


def test_a_layer_is_built_without_a_writable_cache(local_pip: Path) -> None:
    lock = wheel(local_pip, "py3-none-any", {"bell/__init__.py": b""})
    (local_pip / "cache").write_text("a file, where the folder should be", encoding="utf-8")
    assert bundle.build_layer("arm64", lock=lock, cache=local_pip / "cache").content


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Build the real layer, from the index that pip is configured for."""
    return bundle.build_layer("arm64", cache=tmp_path_factory.mktemp("cache"))


@pytest.mark.slow
def test_the_layer_contains_only_the_services_used(layer: Bundle) -> None:
    below = {name.split("/")[3] for name in names(layer) if name.startswith("python/botocore/data/")}
    files = {"_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"}
    assert below == files | set(bundle.SERVICES)
    assert len(layer.content) <= 6_000_000


@pytest.mark.slow
def test_the_layer_contains_every_packages_licence_and_no_source(layer: Bundle) -> None:
    contents = names(layer)
    distributions = {name.split("/")[1] for name in contents if ".dist-info/" in name}
    licensed = {
        name.split("/")[1] for name in contents if re.search(r"\.dist-info/.*(LICEN|NOTICE|COPYING)", name)
    }
    assert licensed == distributions
    assert not [name for name in contents if name.endswith(".py")]


@pytest.mark.slow
def test_handlers_run_with_only_the_code_and_the_layer(code: Bundle, layer: Bundle, tmp_path: Path) -> None:
    """Everything is as on Lambda except pydantic's compiled part, which is this machine's."""
    for built, home in ((code, "task"), (layer, "opt")):
        zipfile.ZipFile(io.BytesIO(built.content)).extractall(tmp_path / home)
    shutil.copytree(Path(pydantic_core.__file__).parent, tmp_path / "ours" / "pydantic_core")
    path = [str(tmp_path / name) for name in ("ours", "task", "opt/python")]
    program = f"""if True:
        import importlib, sys
        sys.path[:0] = {path}
        for name in {HANDLERS}:
            importlib.import_module("imchat.entrypoints." + name)
        import boto3
        from imchat.entrypoints import bootstrap, http
        bootstrap.lambda_app()
        for name in {bundle.SERVICES}:
            boto3.client(name)
        context = {{"http": {{"method": "GET"}}, "requestId": "1"}}
        print(http.handler({{"rawPath": "/api/health", "requestContext": context}}, None)["statusCode"])
    """
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", program],
        env={
            "AWS_DEFAULT_REGION": "eu-west-1",
            "IMCHAT_TABLE_NAME": "t",
            "IMCHAT_CALLBACK_URL": "https://example.org/ws",
            "IMCHAT_FANOUT_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/fanout",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("200\n", "")


def test_importing_the_handlers_loads_no_unneeded_module() -> None:
    """Not even boto3 (only botocore's errors), because the one-machine runtime imports the same modules."""
    unneeded = {
        *("aiohttp", "asyncio", "boto3", "click", "cryptography", "http.server", "platformdirs"),
        *("rich", "sqlite3", "uvloop", "imchat.deploy", "imchat.local", "imchat.cli", "imchat.console.base"),
    }
    imports = "; ".join(f"import imchat.entrypoints.{name}" for name in HANDLERS)
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; {imports}; print(*sorted({unneeded} & set(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "\n"
