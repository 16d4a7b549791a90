"""Failures on the way to the provider, and of the provider while it makes the work."""

from schemas.failures.kinds import Answer, Evidence, FailureKind, Layer, Meaning, Mover, Said, Sort

MEANINGS: dict[FailureKind, Meaning] = {
    FailureKind.RATE_LIMITED: Meaning(
        sort=Sort.PROVIDER_INCIDENT,
        layer=Layer.ACCOUNT,
        whose_move=Mover.NOBODY,
        transient=True,
        spent=Answer.NO,
        words=Said(
            "The provider received more requests at once, or in a short time, than this account may send.",
            "该账号同时或短时间内的请求数超过了上游的限制。",
        ),
        check=Said(
            "Send fewer at once. Work that is waiting here needs nothing: it is sent when there is room.",
            "请减少同时提交的数量。已在排队的任务无需处理，有空位时会发送。",
        ),
        admin=Said(
            "See whether one key sends most of it, and give each key a limit of its own if so.",
            "查看是否主要由某个密钥发出，需要时为各密钥分别设置限制。",
        ),
        escalate=Said(
            "If it goes on at an ordinary pace, the operator asks the provider for a higher limit.",
            "如果正常速度下仍持续出现，由运营方向上游申请提高限制。",
        ),
        prevent=Said(
            "Set the route's limit a little below the provider's, and spread large batches.",
            "把线路的限制设得略低于上游，并分散大批量任务。",
        ),
        evidence=(Evidence.KEY, Evidence.REQUEST_RATE),
    ),
    FailureKind.UPSTREAM_OVERLOADED: Meaning(
        sort=Sort.PROVIDER_INCIDENT,
        layer=Layer.PROVIDER,
        whose_move=Mover.PROVIDER,
        transient=True,
        spent=Answer.NO,
        words=Said(
            "The provider had no room for more work at that moment.",
            "上游当时没有空闲容量。",
        ),
        check=Said(
            "Nothing in the request has to change.",
            "请求内容无需修改。",
        ),
        admin=Said(
            "See whether other models do the same work, and offer one only on purpose.",
            "查看是否有其他模型可用，仅在确认后提供替代。",
        ),
        escalate=Said(
            "If it goes on, the operator reports it to the provider with a request id and the times.",
            "如果持续出现，由运营方附请求编号和时间向上游反馈。",
        ),
        prevent=Said(
            "Keep a second route for work that cannot wait, and send large batches at quiet hours.",
            "为不能等待的任务准备备用线路，大批量任务避开高峰。",
        ),
        evidence=(Evidence.TRIES,),
    ),
    FailureKind.UPSTREAM_INTERNAL: Meaning(
        sort=Sort.PROVIDER_INCIDENT,
        layer=Layer.PROVIDER,
        whose_move=Mover.PROVIDER,
        transient=True,
        spent=Answer.UNKNOWN,
        words=Said(
            "Something broke at the provider while it worked on this.",
            "上游在处理时内部出错。",
        ),
        check=Said(
            "Nothing in the request has to change, as far as the provider says.",
            "从上游的说明看，请求内容无需修改。",
        ),
        admin=Said(
            "See whether many tasks of this model fail, and tell the operator if so.",
            "查看该模型是否有多个任务失败，如有请告知运营方。",
        ),
        escalate=Said(
            "The operator gives the provider the request id and the time, and asks what became of it.",
            "由运营方把请求编号和时间提供给上游，询问任务的结果。",
        ),
        prevent=Said(
            "Watch how many tasks of each route fail, and keep a second route ready.",
            "关注每条线路的失败数量，并准备备用线路。",
        ),
        evidence=(Evidence.PARAMETERS, Evidence.CHARGE),
    ),
    FailureKind.TIMEOUT: Meaning(
        sort=Sort.PROVIDER_INCIDENT,
        layer=Layer.PROVIDER,
        whose_move=Mover.PROVIDER,
        transient=True,
        spent=Answer.UNKNOWN,
        words=Said(
            "The provider did not answer, or did not finish, in the time that it was given.",
            "上游没有在规定的时间内应答或完成。",
        ),
        check=Said(
            "Look the task up first: it may exist and be at work. Long or large requests take longer.",
            "请先查询任务：它可能已创建并在处理。较长或较大的请求需要更久。",
        ),
        admin=Said(
            "See whether the waiting time that is set here is shorter than this model usually takes.",
            "查看设置的等待时间是否短于该模型通常的耗时。",
        ),
        escalate=Said(
            "The operator asks the provider whether the work exists, before anything is sent once more.",
            "在重新发送之前，由运营方向上游确认任务是否已存在。",
        ),
        prevent=Said(
            "Wait longer for large work, and send smaller images.",
            "为大任务设置更长的等待时间，并使用较小的图片。",
        ),
        evidence=(Evidence.INPUT_SIZE, Evidence.TRIES, Evidence.CHARGE),
    ),
    FailureKind.NETWORK: Meaning(
        sort=Sort.PROVIDER_INCIDENT,
        layer=Layer.NETWORK,
        whose_move=Mover.OPERATOR,
        transient=True,
        spent=Answer.UNKNOWN,
        words=Said(
            "No connection could be made, or it was cut before an answer came.",
            "无法建立连接，或连接在收到应答前中断。",
        ),
        check=Said(
            "If you call the provider yourself: does its address open from this machine?",
            "如果您直接访问上游：请确认本机能否打开其地址。",
        ),
        admin=Said(
            "See whether a proxy or a firewall stands in between, and whether its certificate is accepted.",
            "检查中间是否有代理或防火墙，其证书是否受信任。",
        ),
        escalate=Said(
            "If others cannot connect either, the operator tells the provider the address and the times.",
            "如果其他人也无法连接，由运营方把地址和时间反馈给上游。",
        ),
        prevent=Said(
            "Watch the way to each provider from where the work is sent.",
            "从发送任务的机器上持续检查到各上游的连接。",
        ),
        evidence=(Evidence.CLIENT, Evidence.TRIES),
    ),
    FailureKind.STREAM_INTERRUPTED: Meaning(
        sort=Sort.PROVIDER_INCIDENT,
        layer=Layer.NETWORK,
        whose_move=Mover.PROVIDER,
        transient=True,
        spent=Answer.UNKNOWN,
        words=Said(
            "The provider had begun to answer, and the answer broke off.",
            "上游已开始应答，但应答中途断开。",
        ),
        check=Said(
            "Look the task up first: the work may be finished although the answer did not arrive whole.",
            "请先查询任务：应答虽不完整，任务可能已完成。",
        ),
        admin=Said(
            "See whether a proxy in between ends long answers.",
            "检查中间的代理是否会截断较长的应答。",
        ),
        escalate=Said(
            "The operator asks the provider what became of the work, with the request id.",
            "由运营方凭请求编号向上游询问任务的结果。",
        ),
        prevent=Said(
            "Ask for work that is fetched later instead of one long answer.",
            "改用先提交、后取回的方式，避免一次长时间应答。",
        ),
        evidence=(Evidence.CLIENT, Evidence.STREAMING, Evidence.CHARGE),
    ),
}
