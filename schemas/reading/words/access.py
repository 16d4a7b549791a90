"""Words about the way in: money first, then account, key, and permission."""

from schemas.failures import FailureKind as K
from schemas.reading.words.rule import rule
from schemas.reading.words.stems import KEYS

# Said of money in so many words: whatever stands beside it about speed takes nothing back.
MONEY_GONE = rule(
    "money_gone",
    K.QUOTA_EXHAUSTED,
    r"""
        insufficient[\w ]{0,30}(?:balance|credit|fund)
        not enough[\w ]{0,12}(?:credit|balance|fund|money|coin)
        (?:credit|account|wallet|your|api|the) ?(?:balance|credits?|funds)\b[^.\n]{0,40}(?:not eno|
        insufficient|too low|exhausted|depleted|used up|r[au]n out|is empty|negative)
        (?:余额|积分|点数|算力|灵感值)[^。\n]{0,12}(?:不足|不够|用尽|用完|耗尽|为0|欠)|欠费
    """,
    unless=r"load balanc",
)

MONEY = rule(
    "money",
    K.QUOTA_EXHAUSTED,
    r"""
        insufficient[\w ]{0,30}(?:balance|credit|quota|fund|point)
        (?:not|n't)[\w ]{0,12} enough[\w ]{0,12}(?:credit|balance|fund|quota|point|money|coin)
        (?:balance|credits?|funds|wallet|quota|token amount|coins?)\b[^.\n]{0,40}(?:not eno|
        insufficient|too low|exhausted|depleted|used up|r[au]n out|is empty|below|negative)
        (?:out of|r[au]n out of|no (?:more |remaining )?)[ ](?:api )?(?:credits?|balance|funds|
        money)
        exhausted[\w ]{0,20}(?:balance|credit|budget|fund)
        budget[^.\n]{0,40}exceed|(?:exceed|cross|over)\w*[\w ]{0,20}budget|max[ _-]?budget
        billing[ _-](?:hard[ _-])?limit|spend(?:ing)?[ _-](?:limit|cap)|credit limit
        (?:your|monthly|account|billing|budget|usage|spend\w*)[\w ]{0,12} hard limit
        hard limit[\w ]{0,20}(?:reach|exceed|hit|met)
        payment required|unpaid|arrears|in arrear|arrearage|payment[\w ]{0,12}overdue
        (?:account|bill\w*|invoices?|balance)[\w ]{0,16}overdue
        overdue (?:payment|bill|invoice|account|balance)
        top[ -]?up\b|\brecharge (?:your|the|it|and|to|now|account|balance|first|required|in|at|before|or)\b
        \brecharge\W*$|(?:please|to|must|need) recharge|(?:purchase|buy|add)[\w ]{0,20}credits
        remain\w{0,4}[ _]?quota\W{1,5}-?0\b
        free (?:tier|quota|trial|allocat\w+|credits?|plan)[^.\n]{0,60}(?:exhaust|used up|exceed|
        ended|expired|over)
        (?:exhausted|exceeded|used up|reached)[^.\n]{0,40}(?:free|daily|monthly|
        weekly)[\w ]{0,20}(?:quota|limit|allowance|credits?|usage)
        (?:daily|monthly|weekly)[\w ]{0,20}(?:quota|usage|limit)[^.\n]{0,30}(?:exceed|exhaust|
        reach|hit)
        (?:daily|monthly|weekly)[\w ]{0,12}allowance[\w ]{0,20}(?:spent|used|gone|exhaust|exceed|reach)
        usage limit[\w ]{0,20}(?:reach|exceed|hit|met)|(?:reach|exceed|hit)\w*[\w ]{0,20}usage limit
        quota is not eno|in good standing|billing[^.\n]{0,30}not active
        active[^.\n]{0,40}billing details
        (?:requires?|needs?)[\w ]{0,20}(?:credits|subscription|paid plan)|active subscription
        subscription[\w ]{0,12}(?:expired|required|inactive|ended)|credit balance
        (?:余额|积分|点数|算力|灵感值)[^。\n]{0,12}(?:不足|不够|用尽|用完|耗尽|为0|欠)|欠费|充值
        (?:额度|配额|用量|次数|套餐|资源包)[^。\n]{0,12}(?:不足|用尽|用完|耗尽|失败|上限|到期|
        已满)|预扣费|剩余额度|购买[^。\n]{0,4}(?:积分|套餐|额度)|免费(?:额度|次数|试用)
        (?:超[越过出]|用[完尽])了?[^。\n]{0,10}(?:配额|额度)|账单
    """,
    unless=r"""
        (?:per|each|/)[ -]?(?:min|sec|hour)(?:ute|ond)?|rate[ -]limit\w* (?:is|was|has|of|reach|
        exceed)|\b[rt]pm\b|\bqps\b|concurren\w+ (?:limit|quota|task)|PerMinute
        每分钟|并发|频率|balance[rd]?\b.{0,3}load|load balanc
    """,
)

NOTHING_ALLOWED = rule(
    "nothing_allowed",
    K.QUOTA_EXHAUSTED,
    r"""
        \blimit\W{1,3}0(?:\b|/)(?![.\d])|limit of 0\b|PerDay\w{0,60}|requests per day|\bRPD\b
    """,
    unless=r"remaining",
)

QUOTA = rule(
    "quota",
    K.QUOTA_EXHAUSTED,
    r"exceed\w*[\w ]{0,12} quota|quota[ _]?(?:has been |is )?(?:exceed|exhaust)\w*",
    unless=r"""
        (?:per|/|each)[ -]?(?:min|sec|hour)|\b[rt]pm\b|\bqps\b|concurren|PerMinute|requests per
        \brate\b|ratelimit|allocated quota|increase (?:your |the )?quota|quota increase
    """,
)

ACCOUNT = rule(
    "account",
    K.ACCOUNT_SUSPENDED,
    r"""
        \b(?:account|user|organi[sz]ation|project|consumer|workspace|
        team)\b[^.\n]{0,60}\b(?:suspended|deactivated|disabled|locked|banned|terminated|frozen|
        abnormal|blocked|restricted from|closed)
        \b(?:suspended|deactivated|banned|locked|disabled)[\w ]{0,10}(?:account|user|
        organi[sz]ation)
        pending moderation message|you (?:are|have been) (?:banned|blocked|suspended)
        (?:账号|账户|帐号|帐户|用户)[^。\n]{0,12}(?:封禁|禁用|冻结|停用|锁定|封停|被封|异常|注销|风控)
        已被封禁
    """,
    unless=r"""
        model[^.\n]{0,30}disabled|api has not been used|sorry, you have been blocked|异常行为
        cloudflare|attention required
    """,
)

KEY_FORM = rule(
    "key_form",
    K.KEY_MALFORMED,
    r"""
        illegal header|invalid header(?: field)? value|header value[^.\n]{0,20}(?:illegal|invalid|
        contain)|(?:ascii|latin-1)' codec can't encode|not a legal HTTP header|ByteString
        authorization[\w -]{0,12}header (?:format|is malformed)
        invalid[\w ]{0,12}authorization header|malformed[\w ]{0,12}(?:key|token|credential|
        authorization|jwt)|(?:key|token|jwt)[\w ]{0,12} (?:is )?malformed
        not enough segments|invalid (?:key )?format[^.\n]{0,30}(?:key|token)|(?:key|
        token)[^.\n]{0,20}(?:wrong|invalid|incorrect) format|expected '?<key|(?:key|token|
        header)\b[^.\n]{0,40}(?:non-ascii|invisible|whitespace|newline|line break|illegal char|
        invalid char)\w*
        (?:密钥|令牌|key|token)[^。\n]{0,8}格式|格式[^。\n]{0,6}(?:密钥|令牌)
    """,
)

KEY = rule(
    "key",
    K.AUTH_INVALID,
    rf"""
        (?:invalid|incorrect|wrong|expired|missing|unknown|bad|revoked|no valid|no|
        empty)[\w '-]{{0,24}}{KEYS}
        {KEYS}\b[\w' ,:\"]{{0,60}}\b(?:invalid\w*|expired|not valid|incorrect|missing|
        not (?:be )?(?:found|provided|recogni[sz]ed|exist)|required|revoked|not match|
        validation failed|verify failed|not active|does not exist|unauthori[sz]ed)
        unauthori[sz]ed|unauthenticated|authenticat\w+ (?:failed|fails|failure|error|is required|
        required|parameter|credentials)|not authenticated|failed to authenticate
        authentication[^.\n]{{0,30}}(?:fail|invalid)
        login (?:fail|error|required|expired)|not logged in|check login|sign(?:ing)? in again
        log ?in again|please (?:log|sign) ?in|carry the api secret
        did not pass a valid authentication|provide[\w ]{{0,12}}api key
        api key\b[^.\n]{{0,30}}(?:not|error)
        (?:令牌|密钥|秘钥|凭证|token|key)[^。\n]{{0,10}}(?:无效|过期|不可用|不正确|错误|失效|
        不存在|未找到|禁用|校验失败|验证失败)|无效的?(?:令牌|密钥|api|token|key)|未提供(?:令牌|
        密钥|token)|(?:鉴权|认证|身份验证|签名)[^。\n]{{0,8}}(?:失败|错误|无效|不正确|不通过|
        过期)|未登录|请(?:先|重新)?登录|登录[^。\n]{{0,6}}(?:失败|过期|失效|状态)
    """,
    unless=r"""
        unexpected token|max[_ ]tokens?|max[_ ]new[_ ]token|token (?:limit|count)
        next[_ ]?page[_ ]?token|continuation token|image[^.\n]{0,12}token
    """,
)

NO_PERMISSION = rule(
    "no_permission",
    K.PERMISSION_DENIED,
    r"""
        must be verified|must be a member|verify organi[sz]ation|user api does not support
        not (?:been )?(?:activated|opened|purchased)
        has not activated|permission denied|(?:lack|no|without|not have|insufficient|
        missing)[\w ]{0,24}permission|not (?:allowed|permitted|authorized) to (?:use|access|
        sample|call|perform)
        (?:ip|address)\b[^.\n]{0,40}(?:not (?:in|allowed|permitted)|whitelist|allowlist|denied|
        blocked|restricted)|whitelist|allowlist|(?:country|region|territory|
        location)[^.\n]{0,40}(?:not (?:supported|available|allowed)|unsupported|restricted|
        blocked)|not (?:available|supported) in your (?:country|region|location)|geo-?block
        anti-?bot|just a moment|attention required|challenge[- ]platform|cf[-_]chl|captcha
        bot (?:detect|protect)\w*|sentinel token|shark|sorry, you have been blocked
        human verification|异常行为|环境异常
        real-?name|identity verif\w+|not (?:enabled|available) for your (?:account|plan|tier|
        organi[sz]ation|project)|service[\w ]{0,12}not (?:been )?(?:open|enabled|activated)
        api has not been used in project|upgrade your (?:plan|account|tier)
        不在[^。\n]{0,10}(?:允许|列表)|(?:必须|一定要)[^。\n]{0,6}成员|无权|没有权限|权限(?:不足|
        被拒|错误)|未(?:开通|授权|实名|认证)|实名认证|白名单
        地区[^。\n]{0,6}(?:不支持|限制)|禁止访问
    """,
    unless=r"does not exist or you do not have",
)

DENIED = rule(
    "denied",
    K.PERMISSION_DENIED,
    r"""
        access (?:is |was |has been )?denied|\bforbidden\b|not (?:allowed|permitted)|accessdenied
        request (?:was )?(?:blocked|rejected)|(?:have|has) no access|no access to
        don't have access|not have access|拒绝访问|访问被拒
    """,
    unless=r"parameter|value|field|method not allowed|argument",
)
