"""Write the tables in docs/ that are derived from code: the routes, their access, the methods of the Python client.

A table stands between two comments: `<!-- NAME: … -->` and `<!-- end of NAME -->`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from imchat.api.route import ACCESS, Route
from imchat.api.routes import ROUTES

ROOT: Final = Path(__file__).parents[1]
PROTOCOL_PATH: Final = "docs/protocol.md"
CLIENT_PATH: Final = "docs/client.md"
_CLIENT_SOURCES: Final = ("src/imchat/client/client.py", "src/imchat/client/api.py")


def outputs() -> dict[str, str]:
    """Return the text of each page with tables, by its path relative to the checkout."""
    return {PROTOCOL_PATH: protocol(), CLIENT_PATH: client()}


def protocol() -> str:
    """Return the protocol page with current tables."""
    text = (ROOT / PROTOCOL_PATH).read_text(encoding="utf-8")
    text = _replace(text, "routes", _table(("route", "access", "summary", "statuses"), map(_route, ROUTES)))
    access = ((f"`{name}`", meaning) for name, meaning in ACCESS.items())
    return _replace(text, "access", _table(("access", "who may call the route"), access))


def client() -> str:
    """Return the page of the Python client with its current methods."""
    text = (ROOT / CLIENT_PATH).read_text(encoding="utf-8")
    rows = [row for path in _CLIENT_SOURCES for row in _methods((ROOT / path).read_text(encoding="utf-8"))]
    return _replace(text, "methods", _table(("group", "method", "purpose"), rows))


def _methods(source: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each public method of the classes in a module; comments like `# -- users --` name its group."""
    groups = [
        (number, found[1])
        for number, line in enumerate(source.splitlines(), 1)
        if (found := re.fullmatch(r"\s*# -- (.+) --", line))
    ]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        for method in node.body:
            if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and not method.name.startswith("_"):
                group = next((name for line, name in reversed(groups) if line < method.lineno), "")
                purpose = (ast.get_docstring(method) or "").partition("\n\n")[0].replace("\n", " ")
                arguments = [*method.args.posonlyargs, *method.args.args][1:] + method.args.kwonlyargs
                signature = f"{method.name}({', '.join(argument.arg for argument in arguments)})"
                yield group, f"`{signature}`", purpose


def _route(route: Route) -> tuple[str, ...]:
    name = f"{route.method} /api{route.path}"
    anchor = re.sub(r"[^\w\- ]", "", name.lower()).replace(
        " ", "-"
    )  # as GitHub makes the anchors of headings
    statuses = ", ".join(map(str, (*route.success, *sorted(route.errors))))
    return f"[`{name}`](#{anchor})", f"`{route.access}`", route.summary, statuses


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [titles, ("---",) * len(titles), *rows]
    separated = ["| " + " | ".join(cells) + " |" for cells in lines]
    separated[1] = "|" + "---|" * len(titles)
    return "\n".join(separated)


def _replace(text: str, name: str, table: str) -> str:
    """Return the text with a new table. Raises: ValueError if the two comments are missing."""
    found = re.search(rf"(<!-- {name}: [^\n]* -->\n).*?(<!-- end of {name} -->)", text, re.DOTALL)
    if found is None:
        raise ValueError(
            f"no place for the table: write <!-- {name}: … --> and <!-- end of {name} --> around it"
        )
    return f"{text[: found.start()]}{found[1]}\n{table}\n\n{found[2]}{text[found.end() :]}"
