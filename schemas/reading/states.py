"""Answers that carry no error and are one: states, reasons for stopping, and results that were held back."""

from collections.abc import Iterator

from schemas.failures import FailureKind as K
from schemas.reading.layers import Layer

_STOPPED = frozenset(
    {
        "image_safety",
        "image_prohibited_content",
        "image_recitation",
        "image_other",
        "prohibited_content",
        "safety",
        "recitation",
        "spii",
        "blocklist",
        "content_filter",
    }
)
_STATES = {
    "expired": K.TASK_EXPIRED,
    "canceled": K.CANCELED,
    "cancelled": K.CANCELED,
    "request_moderated": K.CONTENT_POLICY_INPUT,
    "content_moderated": K.CONTENT_POLICY_OUTPUT,
    "task_not_found": K.TASK_NOT_FOUND,
}
_STATE_FIELDS = frozenset({"status", "state", "task_status", "type"})


def held_back(layers: list[Layer]) -> str | None:
    """The field that says that a result was made and not given, or the prompt not taken."""
    return next((name for layer in layers for name in _fields(layer)), None)


def kind_of(field: str) -> K:
    """What such a field means."""
    return K.CONTENT_POLICY_INPUT if field == "blockreason" else K.CONTENT_POLICY_OUTPUT


def _fields(layer: Layer) -> Iterator[str]:
    fields = layer.fields
    if fields.get("finishreason", fields.get("finish_reason", "")).lower() in _STOPPED:
        yield "finishreason"
    if fields.get("blockreason"):
        yield "blockreason"
    if "raimediafilteredreasons" in fields or fields.get("raimediafilteredcount", "0").strip("0"):
        yield "raimediafilteredreasons"
    if fields.get("moderation_stage", "").lower() == "output":
        yield "moderation_stage"
    if fields.get("respect_moderation", "").lower() == "false":
        yield "respect_moderation"


def state_named(layers: list[Layer]) -> tuple[str, K] | None:
    """The state of a task, where it is an end that needs no more words."""
    for layer in layers:
        for name in _STATE_FIELDS & layer.fields.keys():
            state = layer.fields[name].strip().lower().replace(" ", "_")
            if state in _STATES:
                return name, _STATES[state]
    return None
