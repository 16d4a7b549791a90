"""What is wrong with the form of a body: pydantic's words are about Python, these are about JSON."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.rules import pointer_part
from schemas.task import ReferenceImage, TaskRequest

_LONGEST_NAME = 200
_Model = TypeVar("_Model", bound=BaseModel)

_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "enum": "not_offered",
    "string_pattern_mismatch": "wrong_format",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "too_short": "too_short",
    "too_long": "too_long",
    "value_error": "inconsistent",
}
_MUST = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
# What a pattern means to a person.
_FORMS = {
    "url": "must be an address that begins with http:// or https:// and holds no white space",
    "data": "must be a PNG, JPEG or WebP image in base64, such as data:image/png;base64,iVBORw0KGgo=",
    "file_id": "must be the id of an uploaded file, as POST /v1/files gives it: file_ and 64 of 0-9 and a-f",
}
# What these say depends on fields that could not be read.
_OF_THE_WHOLE = frozenset({"not_with", "missing", "prompt_empty"})


def problem_of(found: ErrorDetails, model: type[BaseModel]) -> dict[str, Any]:
    """One entry of `problems`, without the members that say nothing."""
    where = [str(part) for part in found["loc"] if part != "[key]"]
    pointer = "".join(f"/{pointer_part(part)}" for part in where)
    context = found.get("ctx", {})
    choices = _choices(context)
    subject = f"The name of {pointer}" if "[key]" in found["loc"] else pointer or "The body"
    entry: dict[str, Any] = {
        "pointer": pointer,
        "code": _CODES.get(found["type"], "wrong_type"),
        "detail": f"{subject}{_what_is_wrong(found, where, choices)}.",
        "got": None if found["type"] == "missing" else found["input"],
        "allowed": dict(_allowed(context)) or choices,
    }
    if found["type"] == "extra_forbidden":
        fields = _fields_at(where, model)
        nearest = next(iter(get_close_matches(where[-1][:_LONGEST_NAME], fields, n=1)), None)
        hint = f" Did you mean {nearest}?" if nearest else ""
        entry |= {"detail": f"There is no field {pointer}.{hint}", "allowed": fields, "nearest": nearest}
    return {name: value for name, value in entry.items() if value is not None}


def remainder(model: type[_Model], value: Any, found: Sequence[ErrorDetails]) -> _Model | None:
    """A body as far as it can be read, with ? for what is required; None where that makes nothing."""
    wrong = unread(found)
    if not isinstance(value, dict) or not wrong:
        return None
    readable = {name: one for name, one in value.items() if name not in wrong}
    needed = {
        name: "?" for name in wrong if name in model.model_fields and model.model_fields[name].is_required()
    }
    try:
        return model.model_validate_json(json.dumps(readable | needed))
    except ValidationError:
        return None


def unread(found: Sequence[ErrorDetails]) -> set[str]:
    """The fields of a body that could not be read."""
    return {str(one["loc"][0]) for one in found if one["loc"]}


def still_true(problem: Mapping[str, Any], unread: set[str]) -> bool:
    """Whether what was found wrong with the remainder of a body is wrong with all of it."""
    about = problem["pointer"].split("/")[1]
    return about not in unread and not ("reference_images" in unread and problem["code"] in _OF_THE_WHOLE)


def _what_is_wrong(found: ErrorDetails, where: list[str], choices: list[str] | None) -> str:
    kind, context, given = found["type"], found.get("ctx", {}), found["input"]
    # Some fields have words of their own for what is missing.
    if kind in _MUST and (kind != "missing" or found["msg"] == "Field required"):
        return f" {_MUST[kind]}"
    if kind == "string_pattern_mismatch" and where[-1] in _FORMS:
        return f" {_FORMS[where[-1]]}"
    if kind == "enum" and choices:
        return f" must be one of {', '.join(choices)}"
    if kind in ("string_too_long", "too_long"):
        things = "characters" if kind == "string_too_long" else "entries"
        return f" has {len(given)} {things}; at most {context['max_length']} are possible"
    if kind in ("string_too_short", "too_short"):
        least = context["min_length"]
        return " must not be empty" if least == 1 else f" is too short; it needs at least {least} characters"
    if kind == "value_error":
        return f" {found['msg'].removeprefix('Value error, ')}"
    return f": {found['msg']}"


def _allowed(context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for word, name in (("min_length", "min"), ("max_length", "max")):
        if word in context:
            yield name, context[word]


def _choices(context: Mapping[str, Any]) -> list[str] | None:
    return re.findall("'([^']+)'", str(context["expected"])) if "expected" in context else None


def _fields_at(where: list[str], model: type[BaseModel]) -> list[str]:
    inside_image = model is TaskRequest and len(where) > 1 and where[0] == "reference_images"
    return list((ReferenceImage if inside_image else model).model_fields)
