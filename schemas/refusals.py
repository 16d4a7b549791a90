"""What a caller is told when we say no: status, code and advice (RFC 9457)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from schemas.rules import Violation


class Refusal(Exception):
    """Our answer to a caller who must change something. Subclasses fix the status and the code."""

    status = 400
    code = "malformed_request"
    title = "The request cannot be understood"

    def __init__(
        self,
        detail: str,
        *,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.detail = detail
        self.members: dict[str, Any] = dict(members or {})
        self.headers: dict[str, str] = dict(headers or {})


class MalformedRequest(Refusal):
    """Not JSON, wrong types, NUL, too deep."""


class IdempotencyKeyInvalid(Refusal):
    """An Idempotency-Key is 1 to 255 visible ASCII characters, once."""

    code = "idempotency_key_invalid"
    title = "The Idempotency-Key is not valid"


class Unauthenticated(Refusal):
    """No key, an unknown key, or a revoked one: the answer is the same."""

    status, code, title = 401, "unauthenticated", "The API key is missing or not valid"


class Forbidden(Refusal):
    """The key is good, but not for this."""

    status, code, title = 403, "forbidden", "This key may not do that"


class NotFound(Refusal):
    """Absent, or a stranger's: the answer is the same."""

    status, code, title = 404, "not_found", "There is no such thing here"


class MethodNotAllowed(Refusal):
    """The path exists, the method does not."""

    status, code, title = 405, "method_not_allowed", "This path does not take that method"


class DuplicateTask(Refusal):
    """The same work lives, or ended a short while ago; `reason` says where nobody knows what became of it."""

    status, code, title = 409, "duplicate_task", "The same work was asked for already"


class NotCancelable(Refusal):
    """The task is over, or the upstream cannot stop it."""

    status, code, title = 409, "not_cancelable", "The task cannot be cancelled"


class StateConflict(Refusal):
    """The task is not as this needs it: `state`, `parked` and `spend` say how it is."""

    status, code, title = 409, "state_conflict", "The task is in no state for this"


class ContentErased(Refusal):
    """It was here, and was erased on request; it does not come back."""

    status, code, title = 410, "content_erased", "The content was erased"


class BodyTooLarge(Refusal):
    """The body is over the limit."""

    status, code, title = 413, "body_too_large", "The body is too large"


class RangeNotSatisfiable(Refusal):
    """The asked bytes lie outside the file."""

    status, code, title = 416, "range_not_satisfiable", "The range lies outside the file"


class UnacceptableParameters(Refusal):
    """The parameters are readable, but the model does not take them."""

    status, code, title = 422, "unacceptable_parameters", "The parameters are not acceptable"


class SecretPasted(Refusal):
    """A complete key stands in the text; nothing was done with it."""

    status, code, title = 422, "secret_pasted", "That text holds a complete key"


class IdempotencyKeyReused(Refusal):
    """The key belongs to another request."""

    status, code, title = 422, "idempotency_key_reused", "The Idempotency-Key belongs to another request"


class ModelUnknown(Refusal):
    """No route offers a model of that name."""

    status, code, title = 422, "model_unknown", "There is no such model"


class ModelRetired(Refusal):
    """Its vendor has retired the model; `nearest` names living ones."""

    status, code, title = 422, "model_retired", "The model is no more"


class TooManyRequests(Refusal):
    """Slow down."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class Overloaded(Refusal):
    """We cannot accept work for the moment; nothing was written."""

    status, code, title = 503, "overloaded", "Not able to accept work for the moment"


class ArtifactUnavailable(Refusal):
    """The ledger knows the file, and the store cannot give it."""

    status, code, title = 503, "artifact_unavailable", "The file cannot be read for the moment"


_ABOUT_MODELS: Mapping[str, type[Refusal]] = MappingProxyType(
    {"model_unknown": ModelUnknown, "model_retired": ModelRetired}
)


def unacceptable(wrong: Sequence[Violation]) -> Refusal:
    """All that rules found; what is wrong with the model itself gives the refusal its name."""
    detail = " ".join(dict.fromkeys(violation.detail for violation in wrong[:5]))
    members: dict[str, Any] = {"problems": [problem(found) for found in wrong]}
    about_the_model = _ABOUT_MODELS.get(wrong[0].code)
    if about_the_model is None:
        return UnacceptableParameters(detail, members=members)
    return about_the_model(detail, members=members | {"nearest": wrong[0].nearest})


def problem(violation: Violation) -> dict[str, Any]:
    """One entry of `problems`, without the members that say nothing."""
    members = {
        "pointer": violation.pointer,
        "code": violation.code,
        "detail": violation.detail,
        "got": violation.got,
        "allowed": violation.allowed,
        "nearest": violation.nearest,
    }
    return {name: value for name, value in members.items() if value is not None}
