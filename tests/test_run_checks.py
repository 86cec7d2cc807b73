"""`tools.run_checks`: a failed part does not stop the others, and the summary names it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console
from tools import run_checks
from tools.run_checks import Part

GOOD = Part("good", (sys.executable, "-c", "print('not shown')"))
BAD = Part("bad", (sys.executable, "-c", "print('what is wrong'); raise SystemExit(3)"))
LATER = Part("later", (sys.executable, "-c", "pass"), static=False)


def run_parts(parts: list[Part], logs: Path) -> tuple[int, str]:
    console = Console(file=io.StringIO(), width=100)
    status = run_checks.summarize(run_checks.run(parts, console, logs=logs), console)
    assert isinstance(console.file, io.StringIO)
    return status, console.file.getvalue()


def test_a_part_that_fails_does_not_stop_the_others_and_the_summary_names_it(tmp_path: Path) -> None:
    status, shown = run_parts([BAD, GOOD, LATER], tmp_path)

    assert status == 1
    assert "what is wrong" in shown
    assert "not shown" not in shown
    summary = shown[shown.index("Summary") :]
    assert [line.split()[:2] for line in summary.splitlines()[2:5]] == [
        ["bad", "failed"],
        ["good", "passed"],
        ["later", "passed"],
    ]
    assert "bad failed. To run it alone:" in summary
    assert "raise SystemExit(3)" in summary
    assert summary.endswith("2 passed, 1 failed\n")


def test_the_status_is_zero_if_all_parts_pass(tmp_path: Path) -> None:
    status, shown = run_parts([GOOD, LATER], tmp_path)

    assert status == 0
    assert shown.endswith("2 passed, 0 failed\n")


def test_only_the_named_parts_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run_checks.main(["good"], parts=[BAD, GOOD], logs=tmp_path) == 0
        assert run_checks.main(["--static"], parts=[GOOD, LATER], logs=tmp_path) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not (tmp_path / "bad.txt").exists()
    assert not (tmp_path / "later.txt").exists()


def test_an_unknown_part_is_an_error_that_lists_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run_checks.main(["typos"])
    assert "unknown part: typos. Parts: style, format, layers" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_every_process_that_was_started(tmp_path: Path, number: signal.Signals) -> None:
    child = "import os, pathlib, time; pathlib.Path('{}').write_text(str(os.getpid())); time.sleep(60)"
    pids = [tmp_path / "first", tmp_path / "second"]
    program = (
        "import sys; from pathlib import Path; from tools.run_checks import Part, main; "
        f"parts = [Part(Path(pid).name, (sys.executable, '-c', {child!r}.format(pid))) for pid in sys.argv[1:]]; "
        f"sys.exit(main([], parts=parts, logs=Path({str(tmp_path / 'logs')!r})))"
    )
    command = [sys.executable, "-c", program, *map(str, pids)]
    with subprocess.Popen(command, cwd=run_checks.ROOT, stdout=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 30
        while not all(pid.exists() and pid.read_text() for pid in pids) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Every process of this run has ended." in output
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)


def test_the_longest_modules_come_longest_first(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for lines in range(1, 13):
        (tmp_path / "src" / f"m{lines}.py").write_text("pass\n" * lines)

    found = run_checks.longest_modules(tmp_path)

    assert found[0] == (12, "src/m12.py")
    assert len(found) == 10
