"""The sentences of article drafts, in English and Chinese; what a kind means says `schemas/failures`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.failure_groups import Phase
from schemas.failures import Sort


@dataclass(frozen=True, slots=True)
class ArticleWords:
    """Everything that a draft says by itself, in one language."""

    draft: str
    seen: str
    phases: Mapping[Phase, str]
    upstream_said: str
    left_out: str
    said_nothing: str
    status_class: str
    code: str
    kind: str
    joint: str  # between facts
    gap: str  # between sentences
    whose_move: str
    sorts: Mapping[Sort, str]
    again: str
    not_again: str
    check: str
    customer: str
    admin: str
    escalate: str
    prevent: str
    evidence: str
    on_record: str
    cases: str
    times: str
    charged: str


ARTICLE_EN: Final = ArticleWords(
    draft="*A draft from the facts of group `{group}`. Read it before you publish it.*",
    seen="What people see",
    phases={
        Phase.SUBMIT: "It happens when the request is handed to `{provider}`.",
        Phase.POLL: "It happens while `{provider}` has the task.",
        Phase.DOWNLOAD: "It happens when the result is fetched from `{provider}`.",
    },
    upstream_said="The provider's own words",
    left_out="Ids, numbers, addresses and quoted prompts differ from case to case and are left out.",
    said_nothing="None: the provider gave no reason, or the task was ended on our side.",
    status_class="status",
    code="code",
    kind="kind",
    joint=" · ",
    gap=" ",
    whose_move="Whose move it is",
    sorts={
        Sort.CONFIGURATION_MISTAKE: "Something has to be put right first; it is no outage of the provider.",
        Sort.PROVIDER_INCIDENT: "It is trouble at the provider, and not a mistake in the request.",
        Sort.OURS: "It is trouble on our side, and not a mistake in the request.",
        Sort.UNKNOWN: "Whether it is a mistake or an outage is not known yet.",
        Sort.NEITHER: "Nothing is broken.",
    },
    again="The same request may pass at another time. Each task says whether it may be sent again without "
    "paying twice.",
    not_again="The same request would fail again unless something is changed first.",
    check="What to check",
    customer="The customer:",
    admin="An administrator:",
    escalate="The operator:",
    prevent="How to prevent it",
    evidence="What to have at hand",
    on_record="On record",
    cases="Tasks that failed so: {cases}",
    times="First seen {first}, last seen {last}",
    charged="Charged: {yes}; not charged: {no}; not known: {unknown}",
)

ARTICLE_ZH: Final = ArticleWords(
    draft="*根据分组 `{group}` 的记录生成的草稿，发布前请先阅读。*",
    seen="用户看到的情况",
    phases={
        Phase.SUBMIT: "发生在把请求交给 `{provider}` 时。",
        Phase.POLL: "发生在任务由 `{provider}` 处理期间。",
        Phase.DOWNLOAD: "发生在从 `{provider}` 取回结果时。",
    },
    upstream_said="上游原话",
    left_out="编号、数字、地址和引用的提示词因任务而异，已略去。",
    said_nothing="无：上游没有说明原因，或任务由我方结束。",
    status_class="状态码",
    code="代码",
    kind="类别",
    joint=" · ",
    gap="",
    whose_move="该由谁处理",
    sorts={
        Sort.CONFIGURATION_MISTAKE: "需要先更正某项设置或内容，并非上游故障。",
        Sort.PROVIDER_INCIDENT: "问题出在上游，请求本身没有错误。",
        Sort.OURS: "问题出在我方，请求本身没有错误。",
        Sort.UNKNOWN: "目前还不清楚是设置问题还是故障。",
        Sort.NEITHER: "没有任何故障。",
    },
    again="同样的请求换个时间可能通过。能否再次提交而不重复付费，请以每个任务的说明为准。",
    not_again="如果不先做更改，同样的请求还会失败。",
    check="可以检查什么",
    customer="客户：",
    admin="管理员：",
    escalate="运营方：",
    prevent="如何避免",
    evidence="需要准备的信息",
    on_record="记录",
    cases="以此原因失败的任务：{cases} 个",
    times="首次出现 {first}，最近一次 {last}",
    charged="已计费：{yes}；未计费：{no}；不确定：{unknown}",
)
