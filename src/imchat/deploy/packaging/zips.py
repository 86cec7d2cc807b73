"""Creates reproducible zip files, and compiles the bytecode that goes into them."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from imchat.errors import ConfigError

_EARLIEST_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that the zip format can store
_UNIX: Final = 3
_READABLE: Final = 0o100644 << 16


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file of `files` by name: sorted, without times, readable by every user."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EARLIEST_TIME)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def compile_sources(
    files: Mapping[str, bytes], *, install_dir: str, docstrings: bool = True
) -> dict[str, bytes]:
    """Return `files` with each module's bytecode in place of its source.

    `install_dir` is the folder where the files will be installed, for tracebacks. Without `docstrings`, asserts are
    removed as well. Raises: ConfigError for a source that does not compile.
    """
    sources = {name: content for name, content in files.items() if name.endswith(".py")}
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory).resolve()
        for name, content in sources.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        # no_debug_ranges: column numbers are useless without the source line.
        # A separate process, because bytecode records which strings are shared, which depends on what was loaded before.
        result = subprocess.run(  # noqa: S603 - fixed arguments
            [
                *(sys.executable, "-I", "-S", "-X", "no_debug_ranges", "-m", "compileall", "-q", "-f", "-b"),
                *("-o", "0" if docstrings else "2", "--invalidation-mode", "unchecked-hash"),
                *("-s", str(folder), "-p", install_dir, str(folder)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise ConfigError(f"a module does not compile: {(result.stdout or result.stderr).strip()}")
        bytecode = {f"{name}c": (folder / f"{name}c").read_bytes() for name in sources}
    return {name: content for name, content in files.items() if name not in sources} | bytecode
