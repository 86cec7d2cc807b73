"""The documents say what is so: their example runs, their links lead somewhere, nothing of the contract is left out."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from tests.support.problems import check_generated, fail_on
from tools import module_lists, tables

import imchat
from imchat import cli
from imchat.api import schema
from imchat.api.route import Route
from imchat.api.routes import ROUTES
from imchat.domain import event, limits
from imchat.errors import ImchatError
from imchat.storage.repositories import keys

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted([README, *DOCS.rglob("*.md")])


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_readmes_example_runs_as_it_stands_and_a_second_run_adds_nothing(tmp_path: Path) -> None:
    [example, *_] = re.findall(
        r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    for _ in range(2):
        ran = subprocess.run(
            [sys.executable, "-W", "error", "-c", example],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ran.stdout, ran.stderr) == ("Hello, Bob!\n", "")
    with imchat.open_app(tmp_path / "chat.db") as app:
        inbox = imchat.conversations.inbox(app, imchat.UserId("bob-1"), cursor=None)
    assert [entry.head.message_count for entry in inbox.entries] == [1]


def test_the_librarys_own_example_runs() -> None:
    assert doctest.testmod(imchat).failed == 0
    assert doctest.testmod(imchat).attempted > 0


@pytest.mark.parametrize("name", imchat.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(imchat, name)
    if name != "__version__" and not value.__doc__:
        fail_on([f"imchat.{name} has no docstring. Add one where it is defined."])


def test_the_lists_of_modules_are_up_to_date() -> None:
    for path, text in module_lists.outputs().items():
        check_generated(path, text)


def test_importing_the_library_loads_nothing_that_is_not_used() -> None:
    heavy = {"boto3", "botocore", "httptools", "pydantic", "rich", "sqlite3"}
    code = f"import sys, imchat; print(*sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "\n"


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            yield target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    name = page.relative_to(ROOT)
    problems = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            problems.append(f"{name}: the link ({link}) leads to no file. Correct its path.")
        elif anchor and anchor not in anchors(target):
            problems.append(f"{name}: the link ({link}) leads to no heading. Correct what follows #.")
    fail_on(problems)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_of_the_code_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|frontend|docs)/[\w./-]+\.\w+)`", page.read_text(encoding="utf-8"))
    fail_on(
        f"{page.relative_to(ROOT)} names {path}, which does not exist. Write the file's new path."
        for path in named
        if not (ROOT / path).is_file()
    )


def test_every_page_can_be_found_from_the_index() -> None:
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    decisions = DOCS / "decisions"
    linked |= {(decisions / link).resolve() for link in links(decisions / "README.md")}
    lost = set(DOCS.rglob("*.md")) - linked - {DOCS / "README.md"}
    fail_on(f"docs/README.md: no link to {page.relative_to(ROOT)}. Add one." for page in sorted(lost))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_protocol(route: Route) -> None:
    heading = f"#### `{route.method} /api{route.path}`"
    if f"\n{heading}\n" not in text_of("protocol.md"):
        fail_on([f"docs/protocol.md: the route is not described. Add a section '{heading}'."])


def test_the_tables_that_are_derived_from_code_are_up_to_date() -> None:
    for path, text in tables.outputs().items():
        check_generated(path, text)


def test_every_error_is_in_the_protocol() -> None:
    sent = [kind for kind in subclasses(ImchatError) if kind.status != ImchatError.status]
    assert len(sent) > 8
    fail_on(
        f"docs/protocol.md: the error is not described. Add a row '| {kind.status} | `{kind.code}` | …' to the table of errors."
        for kind in sent
        if f"| {kind.status} | `{kind.code}` |" not in text_of("protocol.md")
    )


def subclasses(kind: type[ImchatError]) -> Iterator[type[ImchatError]]:
    """The error classes of imchat.errors below one of them."""
    for sub in kind.__subclasses__():
        if sub.__module__ == kind.__module__:
            yield sub
            yield from subclasses(sub)


def test_every_event_is_in_the_protocol() -> None:
    fail_on(
        f"docs/protocol.md: the event {name} is not described. Add a row '| `{name}` | …' to the table of events."
        for name in get_args(event.EventType)
        if f"| `{name}` |" not in text_of("protocol.md")
    )


@pytest.mark.parametrize("union", [schema.ServerFrame, schema.ClientFrame])
def test_every_frame_is_in_the_protocol(union: object) -> None:
    for model in get_args(get_args(union)[0]):
        name = "action" if "action" in model.model_fields else "type"
        [value] = get_args(model.model_fields[name].annotation)
        example = f'{{"{name}": "{value}"'
        if example not in text_of("protocol.md"):
            fail_on(
                [
                    f"docs/protocol.md: no example of the frame {example}, …}}. Add one to the section on frames."
                ]
            )


BOUNDS = {name: value for name, value in vars(limits).items() if name.isupper() and not name.startswith("_")}


@pytest.mark.parametrize("name", BOUNDS)
def test_every_limit_is_in_the_protocol_with_its_value(name: str) -> None:
    rows = [line for line in text_of("protocol.md").splitlines() if line.endswith(f"| `{name}` |")]
    value = BOUNDS[name]
    shown = f"`{value}`" if isinstance(value, str) else f"{value:,}"
    if len(rows) != 1:
        fail_on(
            [
                f"docs/protocol.md: {len(rows)} rows for the limit {name}. Have one: '| … | {shown} | `{name}` |'."
            ]
        )
    elif (shown if isinstance(value, str) else f" {shown} ") not in rows[0]:
        fail_on([f"docs/protocol.md: the row of the limit {name} does not show its value. Write {shown}."])


KEYS = {
    name: made
    for name, made in inspect.getmembers(keys, inspect.isfunction)
    if made.__module__ == keys.__name__
}


@pytest.mark.parametrize("name", KEYS)
def test_every_key_is_in_the_data_model(name: str) -> None:
    if f"`{name}`" not in text_of("data-model.md"):
        fail_on(
            [f"docs/data-model.md: the key `{name}` is not described. Add a row for it to the table of keys."]
        )


@pytest.mark.parametrize("name", [name for name in KEYS if KEYS[name].__annotations__["return"] == "Key"])
def test_every_key_is_in_the_chart_of_the_keys_module(name: str) -> None:
    parameters = inspect.signature(KEYS[name]).parameters.values()
    key = KEYS[name](*(1 if parameter.annotation == "int" else "abc-1" for parameter in parameters))
    rows = re.findall(
        r"^    \S.*?  +(\S+#?<[^>]+>\S*|[A-Z]+) +(\S.*?)(?:  .*)?$", keys.__doc__ or "", re.MULTILINE
    )
    assert len(rows) > 15
    if not any(re.fullmatch(shape(pk), key.pk) and re.fullmatch(shape(sk), key.sk) for pk, sk in rows):
        problem = (
            f"keys.py: no row of the chart in the docstring matches {name}: {key.pk}, {key.sk}. Add one."
        )
        fail_on([f"src/imchat/storage/repositories/{problem}"])


def shape(pattern: str) -> str:
    """The regular expression for a key such as `USER#<user_id>`."""
    return re.sub(r"<[^>]*>", ".+", pattern.strip())


def commands(command: click.Command, path: str = "imchat") -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            yield from commands(sub, f"{path} {name}")
    else:
        yield path


def test_the_readmes_table_holds_the_commands_that_exist() -> None:
    rows = re.findall(
        r"^\| `(imchat [a-z -]+?)(?: --[a-z-]+)?` \|", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    existing = set(commands(cli.cli))
    fail_on(
        f"README.md: no row for the command. Add '| `{name}` | …' to the table of commands."
        for name in sorted(existing - set(rows))
    )
    fail_on(
        f"README.md: the table of commands has a row for `{name}`, which does not exist. Remove it."
        for name in sorted(set(rows) - existing)
    )


def test_the_code_map_names_every_package_and_every_folder_of_the_web_client() -> None:
    packages = {
        f"{path.parent.relative_to(ROOT / 'src' / 'imchat')}/"
        for path in (ROOT / "src" / "imchat").rglob("__init__.py")
    } - {"./"}
    folders = {f"{path.name}/" for path in (ROOT / "frontend" / "src").iterdir() if path.is_dir()}
    named = set(re.findall(r"[\w/.]+/(?=`)", text_of("code-map.md")))
    missing = {
        name for name in packages | folders if not any(f"/{found}".endswith(f"/{name}") for found in named)
    }
    assert not missing, f"docs/code-map.md: add a line that says what is in {sorted(missing)}"
