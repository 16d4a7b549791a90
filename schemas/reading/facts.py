"""The particulars of an error: request ids, what is left, whose key, which model."""

import re
from collections.abc import Iterator

from schemas.reading.finding import MaskedKey
from schemas.reading.given import Given
from schemas.reading.layers import Layer, first_field

_MOST_IDS = 8
_ID_HEADERS = (
    "x-request-id",
    "x-oneapi-request-id",
    "x-rixapi-request-id",
    "x-api-request-id",
    "request-id",
    "apim-request-id",
    "x-ms-request-id",
    "x-amz-request-id",
    "x-oss-request-id",
    "x-fal-request-id",
    "x-dashscope-request-id",
    "x-tt-logid",
    "x-trace-id",
    "trace-id",
    "cf-ray",
)
_ID_FIELDS = frozenset(
    {
        "request_id",
        "requestid",
        "request-id",
        "trace_id",
        "traceid",
        "log_id",
        "logid",
        "req_id",
        "x-request-id",
    }
)
_AN_ID = re.compile(
    r"(?i)(?:request[ _-]?id|trace[ _-]?id|log[ _-]?id|\breq(?:uest)?|请求(?:编号|id|号))"
    r"[\"']{0,2}\s{0,3}(?:[:=：]|is)?\s{0,3}[\"']{0,2}"
    r"([A-Za-z0-9](?:[A-Za-z0-9_.-]{6,90}[A-Za-z0-9]))"
)
_HAS_DIGITS = re.compile(r"\d.{0,60}?\d", re.DOTALL)
_KEY = re.compile(
    r"(?<![A-Za-z0-9])((?:sk|ak|pk|rk|key|fk|fal|r8|xai|luma|api)[-_][A-Za-z0-9_-]{0,12}|AIza[A-Za-z0-9_-]{0,8}|"
    r"(?:AKIA|ASIA|AKLT|LTAI)[A-Za-z0-9]{0,8}|eyJ[A-Za-z0-9_-]{0,8})"
    r"(?:\*{2,64}|\.{3,6}|…{1,3}|x{6,64})([A-Za-z0-9_-]{2,12})"
)
_LEFT = re.compile(
    r"(?i)(?:remain\w{0,4}[ _]?(?:quota|balance|credits?)|"
    r"(?:current|available|account)[ _](?:balance|credits?|quota)|"
    r"剩余(?:额度|余额|积分|次数)|(?:当前|账户)?余额|credits? remaining)"
    r"\s{0,3}(?:[:=：]|is|为)?\s{0,3}([$¥￥＄€]?-?\d[\d,]{0,15}(?:\.\d{1,10})?)"
)
_MODEL = re.compile(
    r"(?i)(?:对于模型|\bmodels?(?:[ _](?:name|id|group))?|模型)"
    r"\s{0,3}[:=：/]?\s{0,3}[\"'`「“]?([A-Za-z][\w.:/@-]{1,80})"
)
_MODEL_FIELDS = frozenset({"model", "model_name", "modelname", "upstream_model_name"})


def request_ids(given: Given, layers: list[Layer]) -> tuple[str, ...]:
    """Every id of the exchange that is named, each once, in the order in which it is found."""
    found = dict.fromkeys(one for one in _ids(given, layers) if one)
    return tuple(found)[:_MOST_IDS]


def _ids(given: Given, layers: list[Layer]) -> Iterator[str | None]:
    for name in _ID_HEADERS:
        yield given.header(name)
    for layer in layers:
        yield from (value[:100] for name, value in layer.fields.items() if name in _ID_FIELDS)
        yield from (one for one in _AN_ID.findall(layer.words) if _HAS_DIGITS.search(one))


def masked_key(given: Given) -> MaskedKey | None:
    """The two ends of a key that was masked before it came here."""
    found = next((hit for text in given.texts if (hit := _KEY.search(text))), None)
    return MaskedKey(found[1], found[2]) if found else None


def quota_left(layers: list[Layer]) -> str | None:
    """What is left of a balance or quota, in its own spelling."""
    found = next((hit for layer in layers if (hit := _LEFT.search(layer.words))), None)
    return found[1] if found else None


def model_named(layers: list[Layer]) -> str | None:
    """The model that the error is about; a plain word after "model" is no name."""
    if field := first_field(layers, _MODEL_FIELDS):
        return field[:100]
    named = (name.rstrip(".:/,") for layer in layers for name in _MODEL.findall(layer.words))
    return next((name for name in named if re.search(r"\d", name) or "-" in name), None)
