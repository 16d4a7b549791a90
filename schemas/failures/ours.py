"""Failures of following the work: lost ids, lost results, our own patience; and what nobody recognises."""

from schemas.failures.kinds import Answer, Evidence, FailureKind, Layer, Meaning, Mover, Said, Sort

MEANINGS: dict[FailureKind, Meaning] = {
    FailureKind.TASK_NOT_FOUND: Meaning(
        sort=Sort.OURS,
        layer=Layer.PROVIDER,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.UNKNOWN,
        words=Said(
            "The provider says that it does not know the task, although it had given us its id.",
            "上游称找不到该任务，尽管它曾给出任务编号。",
        ),
        check=Said(
            "If you ask the provider yourself: use the id, address and key that the task was made with.",
            "如果您直接查询上游：请使用创建该任务时的编号、地址和密钥。",
        ),
        admin=Said(
            "See whether the route's address or account was changed since the task was sent.",
            "查看任务发送后，线路的地址或账号是否有过更改。",
        ),
        escalate=Said(
            "The operator asks the provider for the task by its id, and whether it was charged.",
            "由运营方凭任务编号向上游查询，并确认是否计费。",
        ),
        prevent=Said(
            "Leave a route's account as it is while work is on its way there.",
            "任务进行期间，不要更改线路所用的账号。",
        ),
        evidence=(Evidence.CHARGE,),
    ),
    FailureKind.TASK_EXPIRED: Meaning(
        sort=Sort.PROVIDER_INCIDENT,
        layer=Layer.PROVIDER,
        whose_move=Mover.PROVIDER,
        transient=False,
        spent=Answer.UNKNOWN,
        words=Said(
            "The provider let the task, or the link to its result, run out.",
            "上游的任务或结果链接已过期。",
        ),
        check=Said(
            "If you fetch results yourself: ask for a fresh link, and fetch while it is good.",
            "如果您自行取回结果：请重新获取链接，并在有效期内下载。",
        ),
        admin=Said(
            "See how long tasks wait before they are sent and fetched.",
            "查看任务在发送和取回之前等待了多久。",
        ),
        escalate=Said(
            "The operator asks the provider whether the result still exists, and whether it was charged.",
            "由运营方向上游确认结果是否仍在，以及是否计费。",
        ),
        prevent=Said(
            "Fetch results as soon as they are there, and keep a copy.",
            "结果生成后即取回并保存副本。",
        ),
        evidence=(Evidence.RESULT_LINK, Evidence.CHARGE),
    ),
    FailureKind.OUTCOME_UNKNOWN: Meaning(
        sort=Sort.OURS,
        layer=Layer.NETWORK,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.UNKNOWN,
        words=Said(
            "The request may have reached the provider, and nobody could tell what became of it.",
            "请求可能已到达上游，但无法确认结果。",
        ),
        check=Said(
            "Nothing. Do not submit it again before it is settled: it might be paid for twice.",
            "无需处理。确认结果之前请不要再次提交，以免重复付费。",
        ),
        admin=Said(
            "Hold a refund back until the provider has said whether it was charged.",
            "在上游确认是否计费之前，暂缓退款。",
        ),
        escalate=Said(
            "The operator looks for the work in the provider's console, and decides with what is found.",
            "由运营方在上游控制台查找该任务，再据此决定。",
        ),
        prevent=Said(
            "Prefer providers that can be asked by our own reference.",
            "优先使用可按我方编号查询的上游。",
        ),
        evidence=(Evidence.TRIES, Evidence.CHARGE),
    ),
    FailureKind.ARTIFACT_LOST: Meaning(
        sort=Sort.OURS,
        layer=Layer.STORAGE,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.YES,
        words=Said(
            "The provider finished the task, but its result could not be fetched while it was still there.",
            "上游已完成任务，但结果未能在有效期内取回。",
        ),
        check=Said(
            "Nothing: the result was lost on our way, not by the request.",
            "无需处理：结果是在取回途中丢失的，与请求内容无关。",
        ),
        admin=Said(
            "Decide about a refund: the work was done and paid for, and did not arrive.",
            "决定是否退款：任务已完成并付费，但结果没有送达。",
        ),
        escalate=Said(
            "The operator asks the provider to make the result available once more.",
            "由运营方请上游再次提供结果。",
        ),
        prevent=Said(
            "Watch the place where results are stored: its space, and the way to it.",
            "关注结果存储的空间和连接。",
        ),
        evidence=(Evidence.RESULT_LINK, Evidence.CHARGE),
    ),
    FailureKind.TIMED_OUT: Meaning(
        sort=Sort.OURS,
        layer=Layer.PROVIDER,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.UNKNOWN,
        words=Said(
            "The task did not end within the longest time that we wait.",
            "任务超出了我们最长的等待时间仍未结束。",
        ),
        check=Said(
            "Nothing: a result that comes late is still kept for some days.",
            "无需处理：此后数日内迟到的结果仍会保存。",
        ),
        admin=Said(
            "See whether this model usually takes longer than we wait.",
            "查看该模型通常的耗时是否超过我们的等待时间。",
        ),
        escalate=Said(
            "The operator asks the provider what became of the task, and whether it was charged.",
            "由运营方向上游询问任务的结果，以及是否计费。",
        ),
        prevent=Said(
            "Set the longest waiting time by what the model usually takes.",
            "按模型通常的耗时设置最长等待时间。",
        ),
        evidence=(Evidence.PARAMETERS, Evidence.CHARGE),
    ),
    FailureKind.UNKNOWN: Meaning(
        sort=Sort.UNKNOWN,
        layer=Layer.UNKNOWN,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.UNKNOWN,
        words=Said(
            "The provider reported an error that is not known to us yet; its own words are beside this.",
            "上游报告了我们尚不认识的错误，原话附后。",
        ),
        check=Said(
            "Keep the exact text and the request id; do not submit it again before somebody has read them.",
            "请保留错误原文和请求编号；有人查看之前请不要再次提交。",
        ),
        admin=Said(
            "See whether others have the same text, and pass it on.",
            "查看其他人是否遇到相同的错误，并转交处理。",
        ),
        escalate=Said(
            "The operator asks the provider what the text means, and writes the answer down.",
            "由运营方向上游询问其含义，并记录答复供以后使用。",
        ),
        prevent=Said(
            "Write down what a new text meant, so that others can look it up.",
            "把新错误的含义记录下来，供其他人查阅。",
        ),
        evidence=(Evidence.PARAMETERS, Evidence.CHARGE),
    ),
}
