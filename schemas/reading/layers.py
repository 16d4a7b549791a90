"""An error unwrapped: each layer is what one party said, the innermost first.

A gateway puts the vendor's whole answer into its own message, and a client puts that into its exception. The
party that knows is the one furthest inside, so it is heard first; the others only where it says nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from schemas.reading.lenient import Object, Value, objects_in, unescaped

_DEEPEST = 8
_MOST_LAYERS = 200
_LONGEST_WORDS = 2000
_MOST_WORDS = 8000  # of all layers together: every rule reads them

# What customers write themselves is no word of the upstream's.
_NOT_SAID = re.compile(
    r"(?i)prompt$|prompt_|url|uri|^id$|_id$|token$|b64|base64|^input$|^data$|image$|^model$"
)
_SAID = re.compile(
    r"(?i)message|msg|error|detail|reason|descri|fail|title|cause|hint|exception|text|log|blocked|content$"
)
_CODED = re.compile(
    r"(?i)^(?:.*code|.*type|.*status|.*reason|.*state|ret|errno|name|error|kind|failure|err|class)$"
)
_TOKEN = re.compile(r"[\w.:/ -]{1,80}")
_TAG = re.compile(r"<([A-Za-z][\w:]{0,40})>([^<]{0,2000})</\1>")
_IS_XML = re.compile(r"(?i)<\?xml|<error>|<code>|<errorresponse|<message>")
_IS_PAGE = re.compile(r"(?i)<!doctype html|<html|<title>|<head>|<body")
_UNSEEN = re.compile(r"(?is)<(?:script|style)[^>]{0,500}>.{0,20000}?</(?:script|style)>|<!--.{0,2000}?-->")
_MARKUP = re.compile(r"<[^<>]{0,1000}>")
_SPACES = re.compile(r"\s{2,}")
_QUOTED_PROMPT = re.compile(
    r"(\bprompts?|提示词)[\s:：=]{0,3}"
    r"(?:\"[^\"\n]{1,500}\"|'[^'\n]{1,500}'(?!\w)|“[^”\n]{1,500}”|‘[^’\n]{1,500}’|「[^」\n]{1,500}」)",
    re.IGNORECASE,
)
_ESCAPED_OBJECT = re.compile(r"[{\[,]\s{0,20}\\{1,15}[\"']")


@dataclass(slots=True)
class Layer:
    """What one party said: `codes` are its machine-readable words, under the names of their fields."""

    depth: int
    words: str = ""
    codes: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    fields: dict[str, str] = field(default_factory=dict[str, str])
    page: bool = False

    @property
    def heard(self) -> str:
        """The words without quoted prompts, and the names of quotas: Google tells only there for how long."""
        named = (self.fields.get(name, "") for name in ("quotaid", "quotametric"))
        return " \n".join(filter(None, (_QUOTED_PROMPT.sub(r"\1", self.words), *named)))


def layers_of(*texts: str) -> list[Layer]:
    """The layers of all texts, the innermost first; of equals the one that was said before."""
    found: list[Layer] = []
    for text in texts:
        for layer in _layers(text, 0):
            found.append(layer)
            if len(found) >= _MOST_LAYERS:
                break
    found.sort(key=lambda layer: -layer.depth)
    left = _MOST_WORDS
    for layer in found:
        layer.words = layer.words[:left]
        left -= len(layer.words)
    return found


def _layers(text: str, depth: int) -> Iterator[Layer]:
    if not text.strip() or depth > _DEEPEST:
        return
    if _IS_XML.search(text):
        yield from _marked_up(text, depth)
        return
    if _IS_PAGE.search(text):
        said = _SPACES.sub(" ", _MARKUP.sub(" ", _UNSEEN.sub(" ", text)))
        yield Layer(depth, said.strip()[:_LONGEST_WORDS], page=True)
        return
    found = objects_in(text)
    prose = " ".join(part for part in found.prose if part.strip())
    if _ESCAPED_OBJECT.search(prose):
        yield from _layers(unescaped(prose), depth + 1)
        prose = prose[: prose.find("{")] if "{" in prose else ""
    if prose.strip():
        yield Layer(depth, prose.strip()[:_LONGEST_WORDS])
    for one in found.objects:
        yield from _of_object(one, depth + 1)


def _marked_up(text: str, depth: int) -> Iterator[Layer]:
    """XML as object stores send it: each tag with text is a field."""
    fields = {name: value.strip() for name, value in _TAG.findall(text)}
    yield from _of_object(dict(fields), depth + 1)


def _of_object(read: Object, depth: int) -> Iterator[Layer]:
    """One layer for an object, and those of everything inside it."""
    layer = Layer(depth)
    said: list[str] = []
    inside: list[Layer] = []
    for name, value in read.items():
        _take(layer, said, inside, name, value)
    layer.words = " \n".join(said)[:_LONGEST_WORDS]
    yield layer
    yield from inside


def _take(layer: Layer, said: list[str], inside: list[Layer], name: str, value: Value) -> None:
    if isinstance(value, dict):
        inside.extend(_of_object(value, layer.depth + 1))
    elif isinstance(value, list):
        for one in value[:50]:
            _take(layer, said, inside, name, one)
    elif value:
        layer.fields.setdefault(name.lower(), value[:_LONGEST_WORDS])
        if "{" in value and ":" in value and layer.depth < _DEEPEST:
            wrapped = list(_layers(value, layer.depth + 1))
            if any(one.fields for one in wrapped):  # braces alone are no object
                inside.extend(wrapped)
                value = value[: value.find("{")]
        if _CODED.match(name) and _TOKEN.fullmatch(value):
            layer.codes.append((name.lower(), value))
        if _SAID.search(name) and not _NOT_SAID.search(name) and value.strip():
            said.append(value.strip())


def innermost_words(layers: list[Layer]) -> str:
    """The upstream's own sentence, without its wrapping."""
    return next((layer.words for layer in layers if len(layer.words) > 3), "")


def first_field(layers: list[Layer], names: frozenset[str]) -> str | None:
    """The value of the first field of such a name."""
    held: Iterator[Mapping[str, str]] = (layer.fields for layer in layers)
    return next((fields[name] for fields in held for name in fields if name in names), None)
