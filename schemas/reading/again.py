"""Whether the same call may be sent again unchanged: only where that is certain to cost nothing twice.

Certain is a clear refusal for speed or room, with nothing beside it that speaks of work that exists, of
money, of a ban, or of a limit that does not pass within the hour. One doubt is enough.
"""

import re
from collections.abc import Iterator

from schemas.failures import MEANINGS, FailureKind
from schemas.reading import statuses
from schemas.reading.given import Given, Phase
from schemas.reading.layers import Layer
from schemas.reading.waits import Wait
from schemas.reading.words import asked, made
from schemas.reading.words.rule import one_of

_LONGEST_WAIT_S = 3600
_REFUSALS = frozenset({429, 503, 529})
_PASSES = frozenset({FailureKind.RATE_LIMITED, FailureKind.UPSTREAM_OVERLOADED})
_QUESTION_PASSES = (408, 425, 429)

_DOUBT = re.compile(
    one_of(
        r"""
        \balready\b|\bqueued\b|\brunning\b|in[ _-](?:progress|queue)|being (?:processed|generated)|resubmit
        (?:do not|don't|not) (?:re)?(?:submit|send)|duplicate|(?:was|been|is) (?:accepted|created|submitted)
        progress\W{1,4}\d|进度\W{0,4}\d|\d{1,3}(?:\.\d{1,4})? ?%
        (?:task|job|prediction|generation|video)[ _-]?(?:ids?|no|编号)\b
        \b(?:task|job|prediction|generation)[ :#]{1,3}[A-Za-z_-]{0,12}\d[\w-]{3,}
        previous|waiting list|(?:will be|was|were|been) (?:processed|generated|made)|(?:not|n't) know
        check (?:the |its |your )?(?:status|progress)|(?:during|after|while) (?:the |your )?(?:request|
        generat|process|inference)
        加入[^。\n]{0,4}队|[将会][^。\n]{0,6}处理
        重复|任务已|已(?:提交|创建|受理|接受|在)|排队中|生成中|处理中|进行中|任务(?:编号|ID)
        \bplans?\b|\btrial\b|upgrad|purchas|subscri|payment|\bpaid\b|billing|\bbalance\b|\bcredits?\b
        套餐|升级|试用|购买|会员|订阅|余额|欠费|充值|积分|付费
        \bbilled\b|\bcharged\b|deducted|refund|contact sales|\bprompts?\b
        \bfree (?:user|account|tier|plan|version)
        扣[费除款减]|退[还款]|免费|提额|提示词
        \bban(?:ned)?\b|suspend|disabled|abus|\bblock|verif[iy]|封|禁用|停用|滥用|违规|认证
        in total|lifetime|permanent|discontinu|deprecat|retired|no longer|永久|下线
        (?:per|a|an|each|every|/) ?(?:day|week|month)|daily|weekly|monthly|perday|[每/][日天周月]|\brpd\b
        当[日天月]|今[日天]|本[周月]
        \bregions?\b|\bcountry\b|地区|区域
        limit\W{1,6}0(?![.\d])|limit of 0\b|(?:并发|限制|上限|限额)[^\d\n]{0,6}0(?![.\d])
        """
    ),
    re.IGNORECASE,
)
_IDS = frozenset(
    {
        *("id", "uuid", "task_id", "taskid", "task_no", "taskno", "job_id", "jobid", "order_id", "orderid"),
        *("order_no", "orderno", "prediction_id", "predictionid", "generation_id", "generationid"),
        *("video_id", "videoid"),
        # what was made already
        *("url", "image_url", "video_url", "result_url", "b64_json"),
    }
)
_PLACES = ("location", "operation-location", "content-location")
# Who lost the connection, or patience, does not know what became of the work.
_LOST = (
    *(made.BROKEN_OFF, made.TOO_LATE, made.NO_CONNECTION, made.TIMEOUT),
    asked.WENT_AWAY,
)
_STATE_FIELDS = ("status", "state", "task_status", "taskstatus")
_AT_WORK = re.compile(
    r"queue\w*|in_queue|pending|submitted|created|accepted|start\w+|running|processing|in_progress|generating|"
    r"succe\w+|completed|done"
)
_ENDED = re.compile(r"fail\w*|cancell?ed|expired|aborted")


def retryable(given: Given, layers: list[Layer], kind: FailureKind, wait: Wait, *, said: bool) -> bool:
    """Whether the same call may be sent again; `said` where it was said in so many words."""
    if not MEANINGS[kind].transient:
        return False
    if question_failed(given):
        return _question_again(given, layers)
    if given.phase is not Phase.SUBMIT or kind not in _PASSES or not said:
        return False
    short = wait.readable and wait.longest_s <= _LONGEST_WAIT_S
    # Behind any other status somebody may have taken the work before somebody else had no room.
    refused = all(status in _REFUSALS for status in statuses.every_named(given, layers))
    return short and refused and not _doubtful(given, layers)


def question_failed(given: Given) -> bool:
    """Whether it was a poll or a download itself that failed, and not the task that it asked about."""
    asked = given.phase is not Phase.SUBMIT
    return asked and (bool(given.exception) if given.status is None else given.status not in range(200, 300))


def _question_again(given: Given, layers: list[Layer]) -> bool:
    """Repeating a question makes nothing new; one that was called wrong stays wrong."""
    if any(map(_ENDED.fullmatch, _states(layers))):
        return False
    named = next(statuses.innermost_first(given, layers), 408)
    return named in _QUESTION_PASSES or named >= 500


def _doubtful(given: Given, layers: list[Layer]) -> bool:
    known = any(layer.fields.keys() & _IDS for layer in layers) or any(map(given.header, _PLACES))
    lost = any(rule.holds(layer.words, given.phase) for layer in layers for rule in _LOST)
    at_work = any(_AT_WORK.fullmatch(one) or _ENDED.fullmatch(one) for one in _states(layers))
    return known or lost or at_work or any(_DOUBT.search(text) for text in _all_said(given, layers))


def _all_said(given: Given, layers: list[Layer]) -> Iterator[str]:
    """The text as it came, and what its escapes hide."""
    yield from given.texts
    for layer in layers:
        yield layer.words
        yield from (f"{name} {value}" for name, value in layer.fields.items())


def _states(layers: list[Layer]) -> Iterator[str]:
    for layer in layers:
        for name in _STATE_FIELDS:
            yield layer.fields.get(name, "").strip().lower().replace(" ", "_")
