"""Objects inside text, in whatever language they were printed: JSON, Python, JavaScript, Dart, Java.

Errors travel as strings inside strings, cut off in the middle, printed by the logger of another language.
One lenient grammar reads them all, once from left to right: what it cannot read it steps over. Depth and
number of values are bounded, and nothing here raises.
"""

import re
from dataclasses import dataclass, field

# A value is a text, an object, or a list; numbers stay texts, and what says "nothing" is None.
_NOTHING = frozenset({"null", "None", "nil", "undefined"})

_DEEPEST = 12
_MOST_VALUES = 4000
_KEY = re.compile(
    r"\s{0,80}(?:\"([^\"\\\n]{1,100})\"|'([^'\\\n]{1,100})'|([A-Za-z_$@][\w$.@-]{0,60}))"
    r"\s{0,20}(?:=>|[:=])\s{0,80}"
)
_STRING = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*+)"?', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*+)'?", re.DOTALL),
}
_BARE = re.compile(r"[^,{}\[\]]++")
_INNER = re.compile(r"[\[{][^\[\]{}]{0,200}[\]}]")
_NEXT = re.compile(r"[,;\s]{0,80}")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}


@dataclass(slots=True)
class Found:
    """What a text held: objects, and the prose around them."""

    objects: list["Object"] = field(default_factory=list["Object"])
    prose: list[str] = field(default_factory=list[str])


Object = dict[str, "Value"]
Value = str | None | Object | list["Value"]


def objects_in(text: str) -> Found:
    """Every object that is printed in a text, from left to right, and the text between them."""
    return _Reading(text).all()


def unescaped(text: str) -> str:
    r"""The text without one level of backslashes: \" is a quotation mark, \u4e00 a letter."""
    return _ESCAPE.sub(_letter, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _letter(found: re.Match[str]) -> str:
    escaped = found[1]
    if len(escaped) == 5:
        return chr(int(escaped[1:], 16))
    return _LETTERS.get(escaped, escaped)


class _Reading:
    """One pass over one text."""

    def __init__(self, text: str):
        self._text = text
        self._at = 0
        self._left = _MOST_VALUES

    def all(self) -> Found:
        found = Found()
        said_until = 0
        while (start := self._text.find("{", self._at)) >= 0 and self._left > 0:
            self._at = start
            read = self._object(1)
            if not read:
                self._at = start + 1
                continue
            found.prose.append(self._text[said_until:start])
            found.objects.append(read)
            said_until = self._at
        found.prose.append(self._text[said_until:])
        return found

    def _object(self, depth: int) -> Object:
        """From its brace to what ends it, or to where it cannot be read any more."""
        self._at += 1
        read: Object = {}
        while key := _KEY.match(self._text, self._at):
            self._at = key.end()
            read[key[1] or key[2] or key[3]] = self._value(depth)
            self._step_over()
        self._close("}")
        return read

    def _list(self, depth: int) -> list[Value]:
        self._at += 1
        read: list[Value] = []
        self._step_over()
        while self._left > 0 and self._at < len(self._text) and self._text[self._at] not in "]}":
            before = self._at
            read.append(self._value(depth))
            self._step_over()
            if self._at == before:
                break
        self._close("]")
        return read

    def _value(self, depth: int) -> Value:
        self._left -= 1
        letter = self._text[self._at : self._at + 1]
        if self._left < 0 or depth >= _DEEPEST:
            return self._bare()
        if letter == "{":
            return self._object(depth + 1)
        if letter == "[":
            return self._list(depth + 1)
        if letter in _STRING:
            return self._string(letter)
        return self._bare()

    def _string(self, mark: str) -> str:
        found = _STRING[mark].match(self._text, self._at)
        if found is None:  # a single mark at the very end
            self._at = len(self._text)
            return ""
        self._at = found.end()
        return unescaped(found[1])

    def _bare(self) -> str | None:
        """A value without quotation marks: it may hold commas, so only a key after one of them ends it."""
        start = self._at
        while self._at < len(self._text):
            if found := _BARE.match(self._text, self._at):
                self._at = found.end()
            elif self._text[self._at] == ",":
                if _KEY.match(self._text, self._at + 1):
                    break
                self._at += 1
            elif self._at > start and (inner := _INNER.match(self._text, self._at)):
                self._at = inner.end()
            else:
                break
        value = self._text[start : self._at].strip()
        return None if value in _NOTHING else value

    def _step_over(self) -> None:
        if found := _NEXT.match(self._text, self._at):
            self._at = found.end()

    def _close(self, mark: str) -> None:
        self._step_over()
        if self._text[self._at : self._at + 1] == mark:
            self._at += 1
