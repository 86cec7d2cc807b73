"""The workflow, the issue forms and CONTRIBUTING.md: GitHub can read them, and what they run exists."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.support.problems import fail_on
from tools.run_checks import PARTS

ROOT: Final = Path(__file__).resolve().parents[1]
GITHUB: Final = ROOT / ".github"
FORMS: Final = sorted(GITHUB.glob("ISSUE_TEMPLATE/*.yml"))
CONFIG: Final = GITHUB / "ISSUE_TEMPLATE" / "config.yml"
ATTRIBUTES: Final = {
    "markdown": {"value"},
    "textarea": {"label"},
    "input": {"label"},
    "dropdown": {"label", "options"},
    "checkboxes": {"label", "options"},
}
"""The required attributes of each element of an issue form. Source: GitHub Docs, "Syntax for GitHub's form schema"."""


def load(path: Path) -> dict[str, Any]:
    """A YAML file. `on` stays text; a plain loader reads it as true."""
    content: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - BaseLoader creates no objects
    return content


@pytest.mark.parametrize("path", sorted(GITHUB.glob("workflows/*.yml")), ids=lambda path: path.name)
def test_a_workflow_has_the_required_keys_and_runs_programs_that_exist(path: Path) -> None:
    workflow = load(path)
    assert {"name", "on", "permissions", "jobs"} <= workflow.keys()
    for name, job in workflow["jobs"].items():
        assert {"runs-on", "timeout-minutes", "steps"} <= job.keys(), name
        for step in job["steps"]:
            assert len({"uses", "run"} & step.keys()) == 1, f"{name}: a step needs either `uses` or `run`"
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w./-]+@v?[\w.]+", step["uses"]), f"{name}: add a version"
            else:
                assert os.access(ROOT / step["run"].split()[0], os.X_OK), f"{name}: no program {step['run']}"


@pytest.mark.parametrize("path", [path for path in FORMS if path != CONFIG], ids=lambda path: path.name)
def test_an_issue_form_has_the_required_keys(path: Path) -> None:
    form = load(path)
    assert {"name", "description", "body"} <= form.keys()
    assert form.keys() <= {"name", "description", "title", "labels", "assignees", "body"}
    for element in form["body"]:
        assert ATTRIBUTES[element["type"]] <= element["attributes"].keys(), element
        assert all(element["attributes"].values()), element
    ids = [element["id"] for element in form["body"] if "id" in element]
    assert len(ids) == len(set(ids))


def test_the_issue_chooser_has_only_links_that_github_accepts() -> None:
    config = load(CONFIG)
    assert config.keys() <= {"blank_issues_enabled", "contact_links"}
    for link in config.get("contact_links", ()):
        assert link.keys() == {"name", "url", "about"}
        assert link["url"].startswith(("https://", "http://")), "GitHub accepts only complete URLs"


PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_and_part_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
    parts = {part for names in re.findall(r'PART="?([\w -]+)"?', text) for part in names.split()}
    fail_on(
        f"{page.name} names `make {name}`, which the Makefile does not have. Correct it."
        for name in sorted(named - targets)
    )
    fail_on(
        f"{page.name} names the part {name}, which tools/run_checks.py does not have. Correct it."
        for name in sorted(parts - {part.name for part in PARTS})
    )
