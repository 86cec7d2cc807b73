"""Zip files that are the same to the byte whoever makes them, and the bytecode that goes into them."""

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

_OLDEST: Final = (1980, 1, 1, 0, 0, 0)  # a zip file knows no earlier time
_UNIX: Final = 3
_READABLE: Final = 0o100644 << 16


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip file of `files`, by name: sorted, without times, readable by everyone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()


def compiled(files: Mapping[str, bytes], *, home: str, docstrings: bool = True) -> dict[str, bytes]:
    """`files` with each module's bytecode in place of its source.

    `home` is the folder that the files will lie in: tracebacks name it. Without `docstrings` asserts go as well.
    Raises: ConfigError for a source that does not compile.
    """
    sources = {name: content for name, content in files.items() if name.endswith(".py")}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        for name, content in sources.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        # Columns of a line are of use only beside the line, which is not there.
        # In a process of its own: bytecode says which strings are shared, and that depends on all that was loaded before.
        done = subprocess.run(  # noqa: S603 - our own arguments
            [
                *(sys.executable, "-I", "-S", "-X", "no_debug_ranges", "-m", "compileall", "-q", "-f", "-b"),
                *("-o", "0" if docstrings else "2", "--invalidation-mode", "unchecked-hash"),
                *("-s", str(folder), "-p", home, str(folder)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ConfigError(f"a module does not compile: {(done.stdout or done.stderr).strip()}")
        bytecode = {f"{name}c": (folder / f"{name}c").read_bytes() for name in sources}
    return {name: content for name, content in files.items() if name not in sources} | bytecode
