"""Generate the OpenAPI 3.1 document and the web client's TypeScript types from the route table.

`python -m imchat.api.openapi DIRECTORY` writes both into the checkout at DIRECTORY. A test compares the committed files.
"""

from __future__ import annotations

import json
import re
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

import imchat
from imchat.api import schema
from imchat.api.route import Route
from imchat.api.routes import ROUTES
from imchat.domain import limits
from imchat.errors import ERROR_BY_STATUS

OPENAPI_FILE: Final = "docs/reference/openapi.json"
TYPESCRIPT_FILE: Final = "frontend/src/core/net/protocol.ts"

_COMMON_ERRORS: Final = frozenset({400, 401, 503})
"""The error statuses of every route that needs an access token."""
_ERRORS: Final = {
    400: "The request is not valid",
    401: "Not signed in",
    403: "Not allowed for this user",
    404: "Not found, or not visible to this user",
    409: "Conflicts with the current state",
    413: "The request body is too long",
    429: "Too many requests; retry after the time in Retry-After",
    503: "Temporarily unavailable; retry",
}
_ERROR_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "const": "Bearer"}}},
    429: {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
    503: {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
}
_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "seq": {"type": "integer", "minimum": 1, "maximum": limits.SEQ_MAX},
    "emoji": {"type": "string", "description": "One emoji, percent-encoded"},
}
"""Path parameters that are not ids."""
_UNIONS: Final[dict[str, Any]] = {
    "Event": schema.Event,
    "ServerFrame": schema.ServerFrame,
    "ClientFrame": schema.ClientFrame,
}
_TYPESCRIPT_LIMITS: Final = (
    "BODY_CHARS",
    "BODY_BYTES",
    "TITLE_CHARS",
    "DISPLAY_NAME_CHARS",
    "HANDLE_MIN",
    "HANDLE_MAX",
    "HANDLE_PATTERN",
    "PREFIX_MIN",
    "PREVIEW_CHARS",
    "MEMBERS_AT_CREATION",
    "PAGE_MAX",
    "USER_IDS_MAX",
    "WATCHED_MAX",
    "WATCH_S",
    "SIGNAL_MEMBERS",
)


def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in _models()], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault("/api" + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "imchat",
            "version": imchat.__version__,
            "description": "A known path with another method returns 405 `method_not_allowed`; `Allow` lists its methods.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "responses": {_response_name(status): _error_response(status) for status in _ERRORS},
            "securitySchemes": {
                "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "Cognito access token"}
            },
        },
    }


def typescript() -> str:
    """Return the TypeScript module with the wire types and the limits."""
    _, schemas = models_json_schema([(model, "validation") for model in _models()], ref_template="{model}")
    unions = {name: TypeAdapter(union).json_schema(ref_template="{model}") for name, union in _UNIONS.items()}
    definitions: dict[str, Any] = schemas["$defs"]
    for union in unions.values():
        definitions |= union["$defs"]
    lines = [
        "// The types of the API. Generated from src/imchat/api by `make generate`; do not edit.",
        "",
    ]
    for name in sorted(definitions):
        lines += _interface(name, definitions[name])
    lines += ["export type Role = Member['role']", "export type Kind = Conversation['kind']", ""]
    for name, union in unions.items():
        members = [_type(option) for option in union["oneOf"]]
        lines += [f"export type {name} =", *(f"  | {member}" for member in members), ""]
    lines += [
        "/** Limits that the server enforces. The client checks them first. */",
        "export const LIMITS = {",
    ]
    lines += [f"  {name.lower()}: {_literal(getattr(limits, name))}," for name in _TYPESCRIPT_LIMITS]
    lines += ["} as const", ""]
    return "\n".join(lines)


def write(root: Path) -> None:
    """Write both files into the checkout at `root`."""
    for path, text in generated_files().items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def generated_files() -> dict[str, str]:
    """Return the text of each generated file by its path in the checkout."""
    return {
        OPENAPI_FILE: json.dumps(openapi(), indent=2, ensure_ascii=False) + "\n",
        TYPESCRIPT_FILE: typescript(),
    }


def _models() -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = [schema.ErrorBody, schema.SiteConfig]
    for route in ROUTES:
        models += [
            model
            for model in (route.request_model, route.response_model)
            if model is not None and model not in models
        ]
    return models


def _operation(route: Route) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PARAMETERS.get(name, {"type": "string", "pattern": limits.ID_PATTERN}),
        }
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    if route.query_model is not None:
        properties = route.query_model.model_json_schema()["properties"]
        parameters += [
            {"name": name, "in": "query", "schema": _without_title(shape)}
            for name, shape in properties.items()
        ]
    operation: dict[str, Any] = {"summary": route.summary, "operationId": _operation_id(route)}
    if parameters:
        operation["parameters"] = parameters
    if route.request_model is not None:
        operation["requestBody"] = {"required": True, "content": _json(route.request_model)}
    responses = {
        str(status): {"description": HTTPStatus(status).phrase, "content": _json(route.response_model)}
        for status in route.success
    }
    if route.access != "public":
        operation["security"] = [{"access_token": []}]
    responses |= {
        str(status): {"$ref": f"#/components/responses/{_response_name(status)}"}
        for status in sorted(_errors(route))
    }
    return operation | {"responses": responses}


def _error_response(status: int) -> dict[str, Any]:
    response = {"description": _ERRORS[status], "content": _json(schema.ErrorBody)}
    return response | ({"headers": _ERROR_HEADERS[status]} if status in _ERROR_HEADERS else {})


def _response_name(status: int) -> str:
    return ERROR_BY_STATUS[status].__name__


def _errors(route: Route) -> set[int]:
    """Return every error status of a route: those that it declares, and those that its other fields imply."""
    errors = set(route.errors)
    if route.access != "public":
        errors |= _COMMON_ERRORS
    if "{" in route.path:  # a path with text that is not an id is unknown
        errors.add(404)
    if route.request_model is not None:
        errors.add(413)
    if route.has_rate_limit:
        errors.add(429)
    if route.access == "admin" or (route.access != "public" and route.suspended != "served"):
        errors.add(403)
    return errors


def _operation_id(route: Route) -> str:
    return route.handler.__name__.removeprefix("_")


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}


def _without_title(shape: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shape.items() if name != "title"}


def _interface(name: str, definition: dict[str, Any]) -> list[str]:
    lines = []
    if description := definition.get("description"):
        lines.append(f"/** {' '.join(description.split())} */")
    lines.append(f"export interface {name} {{")
    required = set(definition.get("required", ()))
    for field, shape in definition.get("properties", {}).items():
        lines.append(
            f"  {field}{'' if field in required else '?'}: {_type(_without_null(shape, field in required))}"
        )
    return [*lines, "}", ""]


def _without_null(shape: dict[str, Any], required: bool) -> dict[str, Any]:  # noqa: FBT001 - one caller, one line away
    """Remove null from an optional field: it is omitted, never null, so `anyOf [X, null]` with a default means X."""
    options = [option for option in shape.get("anyOf", ()) if option != {"type": "null"}]
    return options[0] if not required and len(options) == 1 else shape


def _type(shape: dict[str, Any]) -> str:
    match shape:
        case {"$ref": name}:
            text = str(name)
        case {"const": value}:
            text = _literal(value)
        case {"enum": values}:
            text = " | ".join(map(_literal, values))
        case {"oneOf": _, "discriminator": {"propertyName": "type"}}:
            text = "Event"  # the only union inside another schema
        case {"anyOf": options}:
            text = " | ".join(map(_type, options))
        case {"type": "array", "items": item}:
            text = _type(item)
            text = f"({text})[]" if " " in text else f"{text}[]"
        case {"type": "object", "additionalProperties": {"type": _} as value}:
            text = f"Record<string, {_type(value)}>"
        case {"type": "object"}:
            text = "Record<string, unknown>"
        case _:
            text = "number" if shape["type"] == "integer" else str(shape["type"])
    return text


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("\\", "\\\\") + "'"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
