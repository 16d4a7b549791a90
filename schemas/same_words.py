"""An upstream's words without what differs from case to case, so that the same trouble reads the same.

Taken out are ids, addresses, masked keys, times, numbers with their units, and what is quoted from a prompt.
Codes, and names of models and parameters, stay: they tell one trouble from another. The text has lost its
secrets already. Ids and numbers get one mark, because an id may happen to be all digits.

Upstreams choose the text, so only its beginning is read, and every pattern takes linear time.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from schemas.redaction import Redactor

_READ = 4000
_KEPT = 400
_LARGEST_JSON = 64 << 10
_DEEPEST, _MOST_ENTRIES = 5, 40

_TAG = re.compile(r"<[a-z!/?][^<>]{0,400}+>")
_QUOTES = ('""', "“”", "‘’", "「」", "『』", "«»", "``")
_QUOTED = "|".join(rf"{begin}[^{begin}{end}]{{1,{_READ}}}+{end}" for begin, end in _QUOTES)
# JSON and the words of Python and JavaScript quote everything; there quotation marks tell nothing.
_STRUCTURE = re.compile(r"""["']\s?:\s?["'{\[]""")

_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"
_DATE = r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?"
_CLOCK = r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
_ZONE = r"(?:\s?(?:z|utc|gmt|cst)\b|\s?[+-]\d{2}:?\d{2}(?:\s[a-z]{3,4}\b)?)?"
_TIME = (
    rf"{_DATE}(?:[t\s]\s?\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?{_ZONE})?"
    rf"|{_DAY},?\s\d{{1,2}}\s[a-z]{{3,9}}\s\d{{4}}(?:\s{_CLOCK}{_ZONE})?"
    rf"|{_CLOCK}{_ZONE}"
)
_ADDRESS = (
    r"[a-z][a-z0-9+.-]{1,15}:(?:\\{0,7}/){2}[^\s\"'<>，。；、“”]*+|data:[a-z/;,=][^\s\"'<>]*+"
    r"|(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?|[a-z0-9_.+-]{1,64}@[a-z0-9-]{1,64}(?:\.[a-z0-9-]{1,64})+"
)
_KEY = r"\[redacted\]|[a-z0-9_.-]{0,40}\*{3,64}[a-z0-9_.*-]{0,40}|sk-[a-z0-9_-]{8,}+"
_ID_NAMES = (
    r"(?:request|req|trace|log|task|job|session|correlation|message|order|event|span|user|account|organization)"
    r"[\s_-]?(?:id|no)\b|logid|cf-ray|ray\sid|(?:请求|任务|订单|追踪|日志|流水)\s?(?:id|编号|号)"
)
_NAMED_ID = (
    rf"(?P<name>{_ID_NAMES})(?P<mark>[\s\"'\\:：=#(\[]{{1,6}})(?=[a-z_.-]{{0,40}}\d)[a-z0-9_.:/+=-]{{1,200}}+"
)
_WORD = r"[a-z0-9_]++(?:[-.:/*][a-z0-9_]++)*+"
_PIECE = re.compile(
    rf"(?P<address>{_ADDRESS})|(?P<key>{_KEY})|(?P<named>{_NAMED_ID})|(?P<time>(?<![\w.])(?:{_TIME}))"
    rf"|(?P<quoted>{_QUOTED}|(?<![a-z0-9])'[^']{{1,{_READ}}}+'(?![a-z0-9]))|(?P<word>{_WORD})"
)

_IDENTIFIER = re.compile(r"[a-z0-9_][a-z0-9_.\[\]/-]{0,63}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# With a unit, or several: 1m12.5s.
_NUMBER = re.compile(r"\d+(?:[.:/x*-]\d+)*[a-z]{0,4}|(?:\d{1,6}(?:\.\d{1,6})?(?:ms|[dhms])){2,5}")
_ID_PREFIXES = re.compile(
    r"(?:req|request|task|job|trace|tsk|cgt|resp|msg|chatcmpl|org|user|acct|file|call|run|vid|batch)[_-]"
    r"(?=[\w.-]*\d)[\w.-]{3,}"
)
_SPLIT = re.compile(r"[-_.:/*]")
_DAY_IN_NAME = re.compile(r"20\d{6}")  # of a model
# Before these a number is a code; before those a word is a customer's.
_CODE_BEFORE = re.compile(
    r"(?:code|status|error|errno|err|http|ret|错误码|状态码|返回码|错误代码|代码)(?:\s(?:is|was|of)|为|是)?[\s\\\"':=(\[#]{0,6}$"
)
_PROMPT_BEFORE = re.compile(
    r"(?:prompts?|texts?|inputs?|contents?|words?|phrases?|提示词|文本|内容|输入|敏感词|描述)[\s:=(\[]{0,4}$"
)
_NAME_BEFORE = re.compile(r"(?:参数|字段|属性|模型|取值|选项)[\s:=(\[为是]{0,4}$")
# What follows these is a customer's, to the end of the sentence, though nobody quoted it.
_UNQUOTED = re.compile(
    r"((?:prompts? (?:contains?+|includes?+)|(?:words?|terms?|phrases?) ?[:=]|"
    r"(?<![\w\"'.])prompts? ?[:=]|(?:敏感|违禁|违规|屏蔽)(?:词汇?|内容)(?:包括|包含|有|为|是)?\s?[:=]|"
    r"提示词\s?[:=]|提示词(?:中)?(?:包含|含有)) ?+)"
    r"(?![\s\"'“‘「『《`{\[(])(?!(?:an? |any |the |some )?"
    r"(?:sensitive|prohibited|forbidden|banned|unsafe|illegal|inappropriate|disallowed|invalid|too|must|should|field|is|was|cannot|string|length|exceeds?|required|"
    r"not)\b)(?!敏感|违禁|违规|不当|不能|必须|长度|过长|为空|超)[^.。!！;；\"\n{}\[\]]{1,400}"
)
_CODE = re.compile(r"\d{3,6}")
_UNITS = (
    r"(?:milliseconds?|millis|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|pixels?|px|bytes?|[kmg]i?b|"
    r"characters?|chars?|tokens?|percent|fps|points?|credits?|usd|cny|rmb|times)\b"
    r"|毫秒|分钟|小时|像素|字节|字符|积分|[秒分天兆个张次元字条点帧倍]|%|¥"
)
_AMOUNT = re.compile(rf"[$¥￥€+~≈-]?\{{#\}}(?:\s?(?:{_UNITS}))?")
_AMOUNTS = re.compile(r"\{#\}(?:\s?[,x×*:/~、-]\s?\{#\})++")
_TOLD_ID = re.compile(rf"[(\[]?\s?(?:{_ID_NAMES})[\s\"'\\:=#(\[]{{0,6}}\{{#\}}\s?[)\]]?")
# What was hidden behind the escapes of JSON is in the open once these are read.
_redact = Redactor()


def same_words(message: str) -> str:
    """What all cases of one trouble say; empty where nothing is said."""
    text = _spelt(_unwrapped(message))
    if text[:1] == "<":
        text = " ".join(_TAG.sub(" ", text).split())
    structured = _STRUCTURE.search(text) is not None
    text = _UNQUOTED.sub(r"\1{quoted}", text)
    text = _PIECE.sub(lambda found: _without_case(found, structured=structured), text)
    text = _AMOUNTS.sub("{#}", _AMOUNT.sub("{#}", text))
    text = _TOLD_ID.sub(" ", text)
    return " ".join(text.split())[:_KEPT].strip(" .。!！,，;；")


def _spelt(text: str) -> str:
    """One spelling for letters of full width, capitals and white space; what cannot be printed goes.

    JSON spells what PostgreSQL does not take: NUL, and half of a pair of surrogates.
    """
    once = unicodedata.normalize("NFKC", text[:_READ]).lower()
    words = " ".join(unicodedata.normalize("NFKC", once).split())[:_READ]
    return words if words.isprintable() else "".join(filter(str.isprintable, words))


def _unwrapped(message: str) -> str:
    """JSON, also inside of JSON, as its names and values in one order; anything else as it is."""
    value = _parsed(message)
    return message if value is None else _redact(" ".join(_told(value, _DEEPEST))[:_READ])


def _parsed(text: str) -> Any:
    if len(text) > _LARGEST_JSON or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _told(value: Any, depth: int) -> Iterator[str]:
    inner = _parsed(value) if isinstance(value, str) else value
    if depth == 0 or not isinstance(inner, dict | list):
        yield "" if value is None else str(value)
    elif isinstance(inner, list):
        for one in inner[:_MOST_ENTRIES]:
            yield from _told(one, depth - 1)
    else:
        for name in sorted(inner, key=str)[:_MOST_ENTRIES]:
            yield f"{name}:"
            yield from _told(inner[name], depth - 1)


def _without_case(found: re.Match[str], *, structured: bool) -> str:
    text, whole = found.string, found[0]
    match found.lastgroup:
        case "named":
            return f"{found['name']}{found['mark']}{{#}}"
        case "quoted":
            return _of_quoted(text, found.start(), whole, structured=structured)
        case "word":
            return _of_word(text, found.start(), whole)
        case kind:
            return f"{{{kind}}}"


def _of_quoted(text: str, start: int, whole: str, *, structured: bool) -> str:
    begin, inside, end = whole[0], whole[1:-1], whole[-1]
    before = text[max(start - 24, 0) : start]
    customers = _PROMPT_BEFORE.search(before)
    if structured or (not customers and (_IDENTIFIER.fullmatch(inside) or _NAME_BEFORE.search(before))):
        return f"{begin}{_PIECE.sub(_inner, inside)}{end}"
    return "{quoted}"


def _inner(found: re.Match[str]) -> str:
    return _without_case(found, structured=True)


def _of_word(text: str, start: int, word: str) -> str:
    if _NUMBER.fullmatch(word):
        after_code = _CODE.fullmatch(word) and _CODE_BEFORE.search(text[max(start - 16, 0) : start])
        first = start == 0 and _CODE.fullmatch(word)  # as in 502 Bad Gateway
        return word if after_code or first else "{#}"
    if _UUID.fullmatch(word) or _ID_PREFIXES.fullmatch(word) or any(map(_is_id, _SPLIT.split(word))):
        return "{#}"
    return word


def _is_id(part: str) -> bool:
    """Whether nobody would choose it as a name: many digits, or letters and digits mixed for long."""
    digits = sum(letter.isdigit() for letter in part)
    if digits == len(part):
        return digits >= 8 and not _DAY_IN_NAME.fullmatch(part)
    hexadecimal = len(part) >= 8 and all(letter in "0123456789abcdef" for letter in part)
    return digits > 0 and (hexadecimal or (len(part) >= 12 and digits > 1) or len(part) >= 20)
