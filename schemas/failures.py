"""Why a task failed: one vocabulary of kinds, and what each means for people.

A kind answers support's three questions: whose move is it, may the same request be sent again, and was
money spent. What nobody recognises is `unknown`, never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from schemas.lifecycle import Spend


class FailureKind(StrEnum):
    """What went wrong, whatever status it came with."""

    AUTH_INVALID = "auth_invalid"
    KEY_MALFORMED = "key_malformed"
    PERMISSION_DENIED = "permission_denied"
    ACCOUNT_SUSPENDED = "account_suspended"
    MODEL_NOT_FOUND = "model_not_found"
    PARAMETER_INVALID = "parameter_invalid"
    REFERENCE_IMAGE_INVALID = "reference_image_invalid"
    CONTENT_POLICY_INPUT = "content_policy_input"
    CONTENT_POLICY_OUTPUT = "content_policy_output"
    QUOTA_EXHAUSTED = "quota_exhausted"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_OVERLOADED = "upstream_overloaded"
    UPSTREAM_INTERNAL = "upstream_internal"
    TIMEOUT = "timeout"
    NETWORK = "network"
    STREAM_INTERRUPTED = "stream_interrupted"
    TASK_NOT_FOUND = "task_not_found"
    TASK_EXPIRED = "task_expired"
    CANCELED = "canceled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ARTIFACT_LOST = "artifact_lost"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"


class Mover(StrEnum):
    """Whose move it is."""

    CUSTOMER = "customer"
    ADMIN = "admin"
    OPERATOR = "operator"
    PROVIDER = "provider"
    NOBODY = "nobody"


class Answer(StrEnum):
    """Yes, no, or we cannot know."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a kind means: `transient` says that the same call may succeed later, if nothing was created."""

    whose_move: Mover
    transient: bool
    spent: Answer  # where the upstream had accepted the task; before that nothing is ever spent
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of one task, with the upstream's own words (already without secrets)."""

    kind: FailureKind
    message: str = ""
    code: str | None = None
    status: int | None = None
    request_id: str | None = None


K, M, A = FailureKind, Mover, Answer

MEANINGS: Mapping[FailureKind, Meaning] = MappingProxyType(
    {
        K.AUTH_INVALID: Meaning(
            M.OPERATOR,
            False,
            A.NO,
            "The upstream did not accept the credential of our account there.",
            "上游不接受我们账号的凭证。",
        ),
        K.KEY_MALFORMED: Meaning(
            M.OPERATOR,
            False,
            A.NO,
            "The credential for the upstream is malformed, for example copied with a space or a line end.",
            "上游凭证的格式不正确，例如复制时多带了空格或换行。",
        ),
        K.PERMISSION_DENIED: Meaning(
            M.OPERATOR,
            False,
            A.NO,
            "Our account at the upstream is not allowed to use this model or function.",
            "我们在上游的账号没有使用该模型或功能的权限。",
        ),
        K.ACCOUNT_SUSPENDED: Meaning(
            M.OPERATOR,
            False,
            A.NO,
            "Our account at the upstream is locked.",
            "我们在上游的账号已被停用。",
        ),
        K.MODEL_NOT_FOUND: Meaning(
            M.OPERATOR,
            False,
            A.NO,
            "The upstream does not know this model, or has not enabled it for our account.",
            "上游没有这个模型，或没有为我们的账号开通。",
        ),
        K.PARAMETER_INVALID: Meaning(
            M.CUSTOMER,
            False,
            A.NO,
            "The upstream refused a parameter; its own words say which one.",
            "上游拒绝了某个参数，具体见上游原话。",
        ),
        K.REFERENCE_IMAGE_INVALID: Meaning(
            M.CUSTOMER,
            False,
            A.NO,
            "A reference image did not meet the upstream's rules for size, format or content.",
            "参考图不符合上游对尺寸、格式或内容的要求。",
        ),
        K.CONTENT_POLICY_INPUT: Meaning(
            M.CUSTOMER,
            False,
            A.NO,
            "The upstream's content rules refused the prompt or a reference image; change it first.",
            "提示词或参考图未通过上游的内容审核，请修改后再提交。",
        ),
        K.CONTENT_POLICY_OUTPUT: Meaning(
            M.CUSTOMER,
            False,
            A.UNKNOWN,
            "The upstream made a result and its content rules then withheld it; it may have been charged.",
            "上游已生成结果，但未通过其内容审核而被扣下，可能已经计费。",
        ),
        K.QUOTA_EXHAUSTED: Meaning(
            M.OPERATOR,
            False,
            A.NO,
            "Our account at the upstream has no money or quota left.",
            "我们在上游的余额或配额已用完。",
        ),
        K.RATE_LIMITED: Meaning(
            M.NOBODY,
            True,
            A.NO,
            "The upstream received too many requests from our account in a short time.",
            "我们的账号短时间内请求过多，被上游限速。",
        ),
        K.UPSTREAM_OVERLOADED: Meaning(
            M.PROVIDER,
            True,
            A.NO,
            "The upstream had no free capacity for the moment.",
            "上游暂时没有空闲容量。",
        ),
        K.UPSTREAM_INTERNAL: Meaning(
            M.PROVIDER,
            True,
            A.UNKNOWN,
            "Something broke inside the upstream while it worked on the task.",
            "上游在处理任务时内部出错。",
        ),
        K.TIMEOUT: Meaning(
            M.PROVIDER,
            True,
            A.UNKNOWN,
            "The upstream did not finish or answer in its time.",
            "上游未在规定时间内完成或应答。",
        ),
        K.NETWORK: Meaning(
            M.OPERATOR,
            True,
            A.NO,
            "No connection to the upstream could be made.",
            "无法连接到上游。",
        ),
        K.STREAM_INTERRUPTED: Meaning(
            M.PROVIDER,
            True,
            A.UNKNOWN,
            "The upstream's answer broke off in the middle.",
            "上游的应答中途断开。",
        ),
        K.TASK_NOT_FOUND: Meaning(
            M.OPERATOR,
            False,
            A.UNKNOWN,
            "The upstream says that it does not know the task, although it gave us its id.",
            "上游称找不到该任务，尽管它曾给出任务编号。",
        ),
        K.TASK_EXPIRED: Meaning(
            M.PROVIDER,
            False,
            A.UNKNOWN,
            "The upstream let the task expire before it was finished.",
            "任务在上游尚未完成就已过期。",
        ),
        K.CANCELED: Meaning(
            M.NOBODY,
            False,
            A.NO,
            "The task was cancelled.",
            "任务已取消。",
        ),
        K.OUTCOME_UNKNOWN: Meaning(
            M.OPERATOR,
            False,
            A.UNKNOWN,
            "The request may have reached the upstream, and nobody could tell what became of it.",
            "请求可能已到达上游，但无法确认结果。",
        ),
        K.ARTIFACT_LOST: Meaning(
            M.OPERATOR,
            False,
            A.YES,
            "The upstream finished the task, but its result could not be fetched while it was still there.",
            "上游已完成任务，但结果未能在有效期内取回。",
        ),
        K.TIMED_OUT: Meaning(
            M.OPERATOR,
            False,
            A.UNKNOWN,
            "The task did not end within our longest waiting time.",
            "任务超出了我们最长的等待时间仍未结束。",
        ),
        K.UNKNOWN: Meaning(
            M.OPERATOR,
            False,
            A.UNKNOWN,
            "The upstream reported an error that we do not recognise; its own words are beside this.",
            "上游报告了我们尚不认识的错误，原话附后。",
        ),
    }
)


def was_spent(kind: FailureKind, spend: Spend) -> Answer:
    """Whether money was spent on a task that failed this way, given what is known of its paid request."""
    if spend in (Spend.NONE, Spend.NOT_CREATED):
        return Answer.NO
    if spend is Spend.CONFIRMED:
        return MEANINGS[kind].spent
    return Answer.UNKNOWN


def may_be_charged(kind: FailureKind) -> bool:
    """Whether a failure of this kind may have cost money where the upstream had accepted the task."""
    return MEANINGS[kind].spent is not Answer.NO


def may_send_again(kind: FailureKind, spend: Spend) -> bool:
    """Whether a customer may submit the same request again: only where that is certain not to pay twice."""
    return MEANINGS[kind].transient and was_spent(kind, spend) is Answer.NO
