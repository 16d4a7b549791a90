"""The sentences of explanations, in English and Chinese; a test holds them against the vocabularies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.failures import Mover
from schemas.lifecycle import Parked


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that is said, in one language."""

    questions: Mapping[str, str]
    states: Mapping[str, str]
    parked: Mapping[Parked, str]
    spent: Mapping[str, str]
    movers: Mapping[Mover, str]
    send_again: Mapping[str, str]
    next: Mapping[str, str]
    decisions: Mapping[str, str]
    cancel_requested: str
    late: str
    facts: Mapping[str, str]
    by_words: str
    joint: str  # between two sentences
    listing: str  # between two things of a list
    quoted: str
    particulars: str
    status: str
    code: str
    request_id: str
    day: str
    hour: str
    minute: str
    second: str


EN: Final = Words(
    questions={
        "happens": "What is happening",
        "upstream_said": "The provider's own words",
        "spent": "Was money spent",
        "whose_move": "Whose move is it",
        "send_again": "May it be sent again",
        "check": "What the customer can look at",
        "admin": "What the administrator can do",
        "escalate": "What goes to the operator",
        "evidence": "What to have at hand",
        "prevent": "So that it does not happen again",
        "next": "What happens next",
    },
    states={
        "submitted": "Accepted at {at}; it has waited {age} for its turn to be sent to the provider.",
        "sending": "Accepted at {at}; the request to the provider is on its way.",
        "trying": "Accepted at {at}; the provider could not take it (tries so far: {attempts}), "
        "and created nothing. It is tried again by itself.",
        "asking": "Accepted at {at}; the request was sent, and no clear answer came back.",
        "queued": "Waiting in the provider's queue since {at}, for {age} so far.",
        "running": "The provider has been making it since {at}, for {age} so far (progress {progress} %).",
        "done": "The provider finished it at {at}; its files are being fetched.",
        "downloaded": "Finished; its files are stored with us since {at}: {files}.",
        "failed": "Failed at {at}.",
    },
    parked={
        Parked.OUTCOME_UNKNOWN: "Set aside for a person since {at}: the provider may have taken the work, "
        "and has no way to tell us.",
        Parked.STALLED: "Set aside for a person since {at}: it takes far longer than this model ever does.",
        Parked.ARTIFACT_AT_RISK: "Set aside for a person since {at}: it is finished at the provider, "
        "but its files cannot be fetched.",
        Parked.UNRECOGNISED_STATUS: "Set aside for a person since {at}: the provider reports a status "
        "that we do not know.",
    },
    spent={
        "yes": "Yes: the provider did the work.",
        "no": "No: nothing was created at the provider.",
        "accepted_free": "No: the provider had accepted it; by its own rules this is not charged.",
        "unknown": "Not known: the provider may have created it, and may have charged for it.",
        "accepted": "The provider has accepted it, as one job, and may charge for that.",
    },
    movers={
        Mover.CUSTOMER: "The customer's.",
        Mover.ADMIN: "The administrator's.",
        Mover.OPERATOR: "The operator's.",
        Mover.PROVIDER: "The provider's.",
        Mover.NOBODY: "Nobody's: it needs no help.",
    },
    send_again={
        "yes": "Yes: the same request may be submitted again, as a new task; it cannot be paid for twice.",
        "on_its_way": "No: it is on its way. Sent again it would be refused as a duplicate.",
        "finished": "Not needed: it is finished. Submitted again it would be new work, and cost again.",
        "after_a_change": "Yes, after a change: the same request would be refused again.",
        "changed_and_paid": "After a change: the same request may be held back again. It would be new work, "
        "and cost again.",
        "after_a_repair": "Later: once what is named above has been put right.",
        "when_there_is_room": "Later: once the provider has room again.",
        "as_new_work": "Only on purpose: it would be new work, with a price of its own.",
        "not_before_it_is_settled": "Not yet: only once it is certain that the first was not paid for.",
        "ask_again": "Yes: asking once more creates nothing new.",
        "came_late": "Not needed: its result is kept. Submitted again it would be new work, and cost again.",
        "costs_again": "Only on purpose: it would be new work, and cost again.",
    },
    next={
        "submitted": "A worker looks at it by itself, next at {due}.",
        "queued": "We ask the provider, next at {due}. When its turn comes, only the provider knows.",
        "running": "We ask the provider, next at {due}. When it is ready, only the provider knows.",
        "done": "The files are fetched by themselves, next try at {due}.",
        "asking": "We ask the provider by ourselves whether it has the work, next at {due}. It is sent again "
        "only where it is certain that it cannot be paid for twice.",
        "outcome_unknown": "An operator looks at the provider's console and attaches the work that is there, "
        "says that there is none, or closes the task. It is not sent again before it is certain that "
        "nothing was created.",
        "stalled": "We go on asking, slowly, and still take a late result; an operator asks the provider, "
        "and may close the task.",
        "artifact_at_risk": "We go on trying to fetch the files; an operator asks the provider to keep them, "
        "and may close the task.",
        "unrecognised_status": "We go on asking; an operator finds out what the status means.",
        "over": "Nothing: the task is over, and stays on record.",
        "late": "The task is over, and stays on record. For some days we still ask the provider now and "
        "then, and keep a result that comes late.",
        "fetch": "Nothing: the files can be fetched at any time.",
    },
    decisions={
        "attach": "At {at} {actor} said what its work is called at the provider: “{why}”.",
        "not_created": "At {at} {actor} declared that the provider had created nothing: “{why}”.",
        "close": "At {at} {actor} closed it: “{why}”.",
        "look_again": "At {at} {actor} had it looked at again: “{why}”.",
    },
    by_words="Its words seem to say: {said} ({kind})",
    facts={"model": "model", "key": "key", "left": "left", "wait": "wait"},
    joint=" ",
    listing="; ",
    cancel_requested="Its end was asked for at {at}; a worker acts on it.",
    late="Its result came late, when we had given it up, and is kept; files stored with us: {files}.",
    quoted="“{said}”",
    particulars="({told})",
    status="status",
    code="code",
    request_id="request",
    day="d",
    hour="h",
    minute="min",
    second="s",
)

ZH: Final = Words(
    questions={
        "happens": "目前情况",
        "upstream_said": "上游原话",
        "spent": "是否产生费用",
        "whose_move": "该由谁处理",
        "send_again": "能否再次提交",
        "check": "客户可以检查",
        "admin": "需要管理员处理",
        "escalate": "需要运营方处理",
        "evidence": "需要准备的信息",
        "prevent": "如何避免再次发生",
        "next": "接下来",
    },
    states={
        "submitted": "任务于 {at} 受理，已等待 {age}，尚未发送给上游。",
        "sending": "任务于 {at} 受理，请求正在发送给上游。",
        "trying": "任务于 {at} 受理；上游 {attempts} 次未能接单，没有创建任何任务。系统会自动再试。",
        "asking": "任务于 {at} 受理，请求已发出，但没有得到明确的应答。",
        "queued": "自 {at} 起在上游排队，至今 {age}。",
        "running": "上游自 {at} 起正在生成，至今 {age}（进度 {progress}%）。",
        "done": "上游已于 {at} 完成，正在取回文件。",
        "downloaded": "已完成：{files} 个文件自 {at} 起保存在我们这里。",
        "failed": "任务于 {at} 失败。",
    },
    parked={
        Parked.OUTCOME_UNKNOWN: "自 {at} 起等待人工处理：上游可能已接单，但无法向我们确认。",
        Parked.STALLED: "自 {at} 起等待人工处理：耗时远超该模型的通常时间。",
        Parked.ARTIFACT_AT_RISK: "自 {at} 起等待人工处理：上游已完成，但文件取不回来。",
        Parked.UNRECOGNISED_STATUS: "自 {at} 起等待人工处理：上游返回了我们不认识的状态。",
    },
    spent={
        "yes": "是：上游已经完成了工作。",
        "no": "否：上游没有创建任何任务。",
        "accepted_free": "否：上游曾接受该任务；按其自身规则，这种情况不计费。",
        "unknown": "不确定：上游可能已创建任务，也可能已计费。",
        "accepted": "上游已接受，只有一个任务，可能会为此计费。",
    },
    movers={
        Mover.CUSTOMER: "客户。",
        Mover.ADMIN: "管理员。",
        Mover.OPERATOR: "运营方。",
        Mover.PROVIDER: "上游。",
        Mover.NOBODY: "无需任何人处理。",
    },
    send_again={
        "yes": "可以：可将同样的请求作为新任务提交，不会重复付费。",
        "on_its_way": "不可以：任务正在进行，再次提交会被当作重复任务拒绝。",
        "finished": "不需要：任务已完成。再次提交是新的任务，会再次计费。",
        "after_a_change": "修改后可以：同样的请求还会被拒绝。",
        "changed_and_paid": "修改后可以：同样的请求可能再次被扣下。那会是新的任务，会再次计费。",
        "after_a_repair": "稍后：等上述问题解决之后。",
        "when_there_is_room": "稍后：等上游有空余容量之后。",
        "as_new_work": "仅在确有需要时：那会是新的任务，会单独计费。",
        "not_before_it_is_settled": "暂时不要：须先确认第一次没有生成、没有计费。",
        "ask_again": "可以：再次查询不会创建新的任务。",
        "came_late": "不需要：结果已保存。再次提交是新的任务，会再次计费。",
        "costs_again": "仅在确有需要时：那会是新的任务，会再次计费。",
    },
    next={
        "submitted": "系统会自动处理，下次查看时间 {due}。",
        "queued": "系统会自动向上游查询，下次 {due}。何时轮到，只有上游知道。",
        "running": "系统会自动向上游查询，下次 {due}。何时完成，只有上游知道。",
        "done": "系统会自动取回文件，下次 {due}。",
        "asking": "系统会自动向上游核实是否已接单，下次 {due}。只有在确定不会重复付费时才会再次发送。",
        "outcome_unknown": "运营方到上游后台核对：找到任务则关联，没有则声明未创建，或关闭任务。"
        "在确定没有创建之前，绝不会重发。",
        "stalled": "系统继续低频查询，迟到的结果仍会接收；运营方联系上游，也可关闭任务。",
        "artifact_at_risk": "系统继续尝试取回文件；运营方请上游保留文件，也可关闭任务。",
        "unrecognised_status": "系统继续查询；运营方确认该状态的含义。",
        "over": "没有后续：任务已结束，记录会保留。",
        "late": "任务已结束，记录会保留。此后数日系统仍会不时向上游查询，迟到的结果也会保存。",
        "fetch": "没有后续：文件可随时取用。",
    },
    decisions={
        "attach": "{actor} 于 {at} 关联了上游的任务编号：“{why}”。",
        "not_created": "{actor} 于 {at} 声明上游没有创建任务：“{why}”。",
        "close": "{actor} 于 {at} 关闭了任务：“{why}”。",
        "look_again": "{actor} 于 {at} 要求重新查询：“{why}”。",
    },
    by_words="从原话看：{said}（{kind}）",
    facts={"model": "模型", "key": "密钥", "left": "剩余", "wait": "等待"},
    joint="",
    listing="；",
    cancel_requested="已于 {at} 请求取消，系统会处理。",
    late="结果在我们放弃之后才到，仍已保存：{files} 个文件在我们这里。",
    quoted="“{said}”",
    particulars="（{told}）",
    status="状态码",
    code="代码",
    request_id="请求编号",
    day="天",
    hour="小时",
    minute="分钟",
    second="秒",
)
