"""The committed OpenAPI document and TypeScript types match the route table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.problems import check_generated, fail_on

from imchat.api import openapi
from imchat.api.routes import ROUTES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted(openapi.generated_files()))
def test_the_committed_file_is_up_to_date(path: str) -> None:
    check_generated(path, openapi.generated_files()[path])


def test_every_route_is_described_with_all_its_responses() -> None:
    paths: dict[str, Any] = openapi.openapi()["paths"]
    for route in ROUTES:
        operation = paths["/api" + route.path][route.method.lower()]
        assert {str(status) for status in route.success} <= set(operation["responses"])
        assert route.access == "public" or {"400", "401", "503"} <= set(operation["responses"])
        assert ("requestBody" in operation) == (route.request_model is not None)


def test_every_operation_has_an_id_of_its_own() -> None:
    operations = [operation for path in openapi.openapi()["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    fail_on(
        f"src/imchat/api/routes: {ids.count(name)} handlers are called _{name}. Rename them: the name is the operation's id."
        for name in sorted(set(ids))
        if ids.count(name) > 1
    )


def test_every_reference_in_the_document_is_defined() -> None:
    document = openapi.openapi()
    known = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "responses")
        for name in document["components"][kind]
    }

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(document) <= known
