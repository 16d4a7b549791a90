"""Words about speed, room, time, connections, and what broke at the provider."""

from schemas.failures import FailureKind as K
from schemas.reading.given import Phase
from schemas.reading.words.rule import rule

LINK = rule(
    "link",
    K.TASK_EXPIRED,
    r"""
        request has expired|(?:link|url|signature|sas|file|resource|artifact|result|
        token)[\w ]{0,20}(?:has |is |was |already )?expired|expired (?:link|url|signature)
        accessdenied|access denied|authenticationfailed|failed to authenticate
        signature[^.\n]{0,30}(?:not match|not valid|expired)|server failed to authenticate
        no longer available|has been (?:deleted|removed)|过期|失效
    """,
    phases=(Phase.DOWNLOAD,),
)

TASK_EXPIRED = rule(
    "task_expired",
    K.TASK_EXPIRED,
    r"""
        (?:task|job|generation|video|image|prediction|result|operation|link|
        url)[\w ]{0,16}(?:has |is |was |already )?(?:been )?expired|\b(?:status|
        state)\W{1,4}expired|request has expired|(?:任务|链接|结果|视频|图片)[^。\n]{0,8}(?:过期|
        失效)
    """,
)

SPEED = rule(
    "speed",
    K.RATE_LIMITED,
    r"""
        rate[ _-]?limit|too (?:fast|frequent)
        too many (?:(?:running|active|queued|pending|open) )?(?:requests|concurrent|tasks|jobs|
        calls|generations)
        (?:requests?|images?|tokens?|videos?|calls?|tasks?|generations?) (?:per|a|/) ?(?:minute|
        second|hour|min|sec|day|week|month)|\b[rtiq]p[ms]\b|throttl|concurren\w*|parallel (?:task|request|
        generation)|slow down|allocated quota|quota increase|being rate limited
        max\w*[\w ]{0,20}(?:request|task|job)s?[\w ]{0,16}(?:reach|exceed|limit)
        reach\w*[\w ]{0,24}limit|limit[\w ]{0,12}(?:reach|exceed)|cooldown|request limit
        too many[\w ]{0,12} in the queue|(?:queued|pending) (?:task|job)s?[\w ]{0,20}(?:limit|exceed|reach)
        (?:exceed|limit|quota)\w*[^.\n]{0,30}(?:queued|pending) (?:task|job)s?
        排队[^。\n]{0,8}(?:上限|超|限制)|超[^。\n]{0,6}排队
        频率|速率|限流|限速|请求(?:过于|太|过)?(?:多|快|频繁)|过于频繁|太频繁|并发|每分钟
        请求数限制|(?:qps|rpm|tpm)
    """,
    unless=r"""
        context length|max_tokens|token limit|character limit|size limit|time limit
        within the limit|busy|overload|length limit
    """,
)

NO_ROOM = rule(
    "no_room",
    K.UPSTREAM_OVERLOADED,
    r"""
        overload|saturat|(?:over|at|no|out of|insufficient|limited|exceed\w*) capacity
        capacity (?:is |was )?(?:exceed|limit|unavailable|error)|high (?:demand|load|traffic|
        volume)|\b(?:server|service|system|model|engine|cluster|we are|is)\b[\w ]{0,20} busy
        (?:service|server|model|upstream|temporarily)[\w ]{0,24} unavailable
        unavailable temporarily|under maintenance|queue (?:is )?(?:full|too long)
        no healthy upstream|heavy load|no[\w ]{0,30} accounts?[\w ]{0,12} available
        currently experiencing|no available (?:workers?|gpu|servers?|accounts?|tokens?)
        resources? (?:are )?exhausted|warming up|is loading|too many users|peak (?:hours|traffic)
        (?:无|未找到|没有|找不到)可用的?(?:令牌|密钥|渠道|账号|账户|帐号|资源|实例)|访问量过大|负载|饱和|繁忙|过载|拥挤
        排队(?:人数|已满|过多)
        资源(?:不足|紧张)|暂时不可用|服务不可用|维护|高峰|稍后再试[^。\n]{0,4}(?:繁忙)?
    """,
    unless=r"out of memory|内部错误|超时|失败，请稍后|异常|load balanc",
)

NOT_THERE = rule(
    "not_there",
    K.TASK_NOT_FOUND,
    r"""
        \b(?:task|job|prediction|generation|operation|video|request[ _]id|submission|artifacts?|
        result)s?\b[^\n]{0,100}?(?:not[ _]found|not[ _]exist|n't exist|no such|unknown id)
        no such (?:task|job|prediction|generation|video|operation|key)|nosuchkey|blobnotfound
        任务[^。\n]{0,12}(?:不存在|未找到|找不到|无效)|(?:不存在|未找到|找不到)(?:该|此)?任务
    """,
)

BROKEN_OFF = rule(
    "broken_off",
    K.STREAM_INTERRUPTED,
    r"""
        peer closed connection|incomplete (?:chunked )?read|incompleteread|chunkedencodingerror
        invalidchunklength
        \bstream[\w ]{0,24}(?:disconnect|interrupt|closed|ended|broke|error|abort|terminat|reset|
        cut)\w*|(?:response|body|message|transfer|payload)[\w ]{0,24}(?:ended prematurely|
        incomplete|not (?:been )?complete\w*|truncated|cut off)|premature\w*|unexpected (?:eof|
        end of (?:json|file|data|stream|input))|incomplete_chunked
        closed before[\w ]{0,24}(?:complet|finish|end|receiv)\w*|unterminated string
        http2?[ _-]protocol[ _-]error|payload is not completed|transfer closed
        outstanding read data|partial file|contentlengtherror|^terminated$
        (?:流|响应|应答|传输)[^。\n]{0,8}(?:中断|断开|不完整|截断)
    """,
    unless=r"without (?:sending a |a |any )?response|before (?:the )?(?:tls|secure)",
)

TOO_LATE = rule(
    "too_late",
    K.TIMEOUT,
    r"""
        read ?timed? ?out|readtimeout|response timeout|awaiting headers|deadline exceeded
        gateway time-?out|a timeout occurred|headers ?timeout|body ?timeout|operation timed out
        apitimeouterror|request timed out|timeout (?:when|while|during|waiting|exceeded)
        timed out (?:waiting|after|while)|(?:wait|poll|generat)\w*[\w ]{0,20}time[ds]?[ -]?out
    """,
    unless=r"dial tcp|lookup |connect ?timeout|connection timed out|tls handshake|connecting",
)

NO_CONNECTION = rule(
    "no_connection",
    K.NETWORK,
    r"""
        connection (?:was )?(?:refused|reset|aborted|error|closed|forcibly|timed out|lost|broken|
        terminated)|connect(?:ion)?[ _]?(?:failed|error|timeout|refused)|apiconnectionerror
        connecterror|proxyerror|econn\w+|enotfound|eai_again|epipe|ehostunreach|enetunreach
        etimedout|getaddrinfo|name (?:or service|resolution)|no such host|\bdns\b|dial tcp
        \bssl\w*|\btls\b|certificate|handshake|fail(?:ed)? to fetch\W*$|fetch failed
        network (?:error|is unreachable|request failed|changed|connection)|networkerror
        unreachable|no route to host|do request failed|socket hang up|max retries exceeded
        server disconnected|\beof\b|err_(?:connection|name|internet|network|ssl|cert|proxy)\w*
        broken pipe|without (?:sending a |a )?response|remote end closed|could not connect
        could not resolve|empty reply from|recv failure|unable to connect|cannot connect
        tunnel connection
        网络[^。\n]{0,6}(?:错误|异常|不可用|连接|故障|不通|中断)|连接[^。\n]{0,6}(?:失败|被拒绝|
        重置|超时|断开|错误|异常)|无法连接|连不上
    """,
)

TIMEOUT = rule(
    "timeout",
    K.TIMEOUT,
    r"""
        time[ds]?[ _-]?out|timeout\w*|took too long|aborted due to timeout
        exceeded[\w ]{0,16}(?:time limit|waiting time)|time limit exceeded|超时
    """,
    unless=r"(?:invalid|parameter|value)[\w ' ]{0,20}timeout|timeout (?:must|should|is required)",
)

WAIT = rule("wait", K.RATE_LIMITED, r"(?:try again|retry)\w* (?:in|after) \d+")

MACHINE = rule(
    "machine", K.UPSTREAM_INTERNAL, r"\bcuda\b|out of memory|\bgpu\b|segmentation fault|traceback|kernel"
)

INTERNAL = rule(
    "internal",
    K.UPSTREAM_INTERNAL,
    r"""
        internal (?:server )?(?:service )?(?:error|failure)|server ?error|server had an error
        unexpected (?:error|condition|failure)|bad gateway|web server|origin (?:is|error|dns)
        upstream (?:error|request failed|service)|\boom\b|invalid character|exception occurred
        panic|prediction interrupted|invalid (?:response|status code)|worker (?:died|crash|exit)
        database error
        服务(?:器|端)?[^。\n]{0,12}(?:错误|出错|异常|故障)|内部[^。\n]{0,6}(?:错误|异常)
        系统(?:错误|异常|故障|出错)
    """,
)

FAILED = rule(
    "failed",
    K.UPSTREAM_INTERNAL,
    r"""
        something went wrong|an? (?:unknown )?error (?:has )?occurred|occurred while processing
        unknown error|(?:generation|processing|prediction|inference|task|job|
        rendering) (?:has )?failed|fail\w* to (?:generate|process|create|get|complete|run|produce|
        fetch (?:video|content|task|image|result))|please (?:try again|retry)
        could not be (?:generated|processed|completed)|no (?:image|video|media|output|content|
        choices|data)[\w ]{0,24}(?:generated|returned|produced|found|in (?:the )?response)
        empty (?:response|result|output)|unable to (?:generate|process|complete)
        upstream returned
        生成(?:失败|出错|异常)|处理(?:失败|出错|异常)|请稍后(?:再试|重试)|未知错误
        上游[^。\n]{0,6}(?:错误|异常|返回)|返回为?空
    """,
    vague=True,
)
