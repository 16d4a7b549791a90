"""The OpenAPI document: what FastAPI cannot see for itself, because bodies are read strictly by hand."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.refusals import Forbidden, MalformedRequest, Overloaded, Refusal, Unauthenticated
from tasks_service.api.problems import MEDIA_TYPE, InternalError, Problem

_REF = "#/components/schemas/{model}"
_ALWAYS: tuple[type[Refusal], ...] = (MalformedRequest, Unauthenticated, Forbidden, InternalError, Overloaded)
_bodies: set[type[BaseModel]] = {Problem}


def refusals(
    *kinds: type[Refusal], always: tuple[type[Refusal], ...] = _ALWAYS
) -> dict[int | str, dict[str, Any]]:
    """The refusals of an operation, with those that every operation shares."""
    said: dict[int | str, list[str]] = {}
    for kind in (*always, *kinds):
        said.setdefault(kind.status, []).append(f"{kind.title} (`{kind.code}`)")
    schema = {"$ref": _REF.format(model="Problem")}
    return {
        status: {"description": "; ".join(sentences), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, sentences in said.items()
    }


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """A JSON body that the handler reads by itself."""
    _bodies.add(model)
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def query(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter of the query string."""
    form = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return {"name": name, "in": "query", "required": False, "schema": dict(schema)} | form


def in_path(name: str) -> dict[str, Any]:
    """A part of the path that the handler reads by itself."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def header(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A header that means something here."""
    return {"name": name, "in": "header", "required": False, "schema": dict(schema)}


def describe(app: FastAPI) -> None:
    """Complete the document; it is made once, when first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document


def _document(app: FastAPI) -> dict[str, Any]:
    whole = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    ordered = sorted(_bodies, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in ordered], ref_template=_REF)
    components = whole.setdefault("components", {})
    components["schemas"] = components.get("schemas", {}) | schemas["$defs"]
    components["securitySchemes"] = {"api_key": {"type": "http", "scheme": "bearer"}}
    for path, operations in whole["paths"].items():
        for operation in operations.values():
            _correct(operation, guarded=path.startswith("/v1/"))
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    return whole


def _correct(operation: dict[str, Any], *, guarded: bool) -> None:
    if guarded:
        # An operation that says so itself takes another proof than a key.
        operation.setdefault("security", [{"api_key": []}])
    # FastAPI announces an answer of its own for parameters, which we never give.
    answer = operation["responses"].get("422", {}).get("content", {})
    if "HTTPValidationError" in str(answer):
        del operation["responses"]["422"]
