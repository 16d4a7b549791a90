"""Failures of the way in: credential, permission, account, money, and the name of the model."""

from schemas.failures.kinds import Answer, Evidence, FailureKind, Layer, Meaning, Mover, Said, Sort

MEANINGS: dict[FailureKind, Meaning] = {
    FailureKind.AUTH_INVALID: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.KEY,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The provider did not accept the key that this was sent with.",
            "上游没有接受本次请求使用的密钥。",
        ),
        check=Said(
            "If the key is your own: is it copied whole, still valid, and does it belong to this address?",
            "如果使用自己的密钥：请核对是否复制完整、是否仍有效、是否属于该地址。",
        ),
        admin=Said(
            "See whether the key was disabled or replaced, and issue a new one if so.",
            "查看密钥是否已停用或更换，需要时签发新的密钥。",
        ),
        escalate=Said(
            "If a key that was good until now is no longer accepted, the operator asks the provider why.",
            "如果一直可用的密钥突然不被接受，由运营方向上游询问原因。",
        ),
        prevent=Said(
            "Keep keys in one place, note when they end, and replace them before that day.",
            "集中保管密钥，记录到期日，并在到期前更换。",
        ),
        evidence=(Evidence.KEY,),
    ),
    FailureKind.KEY_MALFORMED: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.KEY,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The key does not have the right form, for example because a space was copied with it.",
            "密钥的格式不正确，例如复制时带入了空格。",
        ),
        check=Said(
            "If the key is your own: copy it again, without spaces, line ends or quotation marks around it.",
            "如果使用自己的密钥：请重新复制，前后不要带空格、换行或引号。",
        ),
        admin=Said(
            "Enter the key again where it is configured, and see which form this provider asks for.",
            "在配置处重新填写密钥，并确认该上游要求的格式。",
        ),
        escalate=Said(
            "If it is still not read after that, the operator asks the provider for the form of its keys.",
            "如果重新填写后仍无法识别，由运营方向上游确认格式。",
        ),
        prevent=Said(
            "Check a new key with one free call before it is used for work.",
            "新密钥投入使用前，先用一次免费的查询确认。",
        ),
        evidence=(Evidence.KEY, Evidence.CLIENT),
    ),
    FailureKind.PERMISSION_DENIED: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.ACCOUNT,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The account that was used is not allowed to use this model or function, or not from this place.",
            "所用账号没有该模型或功能的权限，或不允许从当前地点使用。",
        ),
        check=Said(
            "Choose a model from the list that your account is shown.",
            "请在您的账号可见的列表中选择模型。",
        ),
        admin=Said(
            "See whether the model is enabled for this group, and whether the account is verified.",
            "查看该分组是否开通了此模型，账号是否已完成认证。",
        ),
        escalate=Said(
            "The operator asks the provider to enable the model, or to allow the address that we call from.",
            "由运营方请上游开通模型，或允许我们的访问地址。",
        ),
        prevent=Said(
            "Offer a model only once a test with the same account has passed.",
            "用同一账号测试通过后再开放模型。",
        ),
        evidence=(Evidence.KEY,),
    ),
    FailureKind.ACCOUNT_SUSPENDED: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.ACCOUNT,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The account that was used at the provider is locked.",
            "所用的上游账号已被停用。",
        ),
        check=Said(
            "Nothing, unless the account at the provider is your own; then see its messages there.",
            "无需处理；如果上游账号是您自己的，请查看该账号收到的通知。",
        ),
        admin=Said(
            "Find out who owns the account at the provider, and whether bills or messages wait there.",
            "确认上游账号的负责人，查看是否有未处理的账单或通知。",
        ),
        escalate=Said(
            "The operator asks the provider why the account was locked and what opens it.",
            "由运营方向上游询问停用原因和恢复办法。",
        ),
        prevent=Said(
            "Read the provider's messages, pay bills before their day, and keep a second account ready.",
            "及时查看上游通知，按期支付账单，并准备备用账号。",
        ),
        evidence=(Evidence.BALANCE,),
    ),
    FailureKind.MODEL_NOT_FOUND: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.MODEL_ROUTE,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The provider has no model of this name, or has not enabled it for the account that was used.",
            "上游没有这个名称的模型，或没有为所用账号开通。",
        ),
        check=Said(
            "Compare the model's name with the list, letter by letter; no part of the address stands twice.",
            "请逐字核对模型名称与列表是否一致，并确认地址中没有重复的部分。",
        ),
        admin=Said(
            "See whether the model is in this group's list and still offered.",
            "查看该模型是否在该分组的列表中、是否仍在提供。",
        ),
        escalate=Said(
            "The operator asks the provider whether the model was renamed or withdrawn.",
            "由运营方向上游确认模型是否已改名或下线。",
        ),
        prevent=Said(
            "Follow the provider's notices about models that end, and compare the list every week.",
            "关注上游的模型下线通知，每周核对一次列表。",
        ),
        evidence=(),
    ),
    FailureKind.QUOTA_EXHAUSTED: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.ACCOUNT,
        whose_move=Mover.OPERATOR,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The account or key that was used has no money or quota left.",
            "所用账号或密钥的余额、额度已用完。",
        ),
        check=Said(
            "If the key is your own: look at the balance, the group's share, and the key's own limit.",
            "如果使用自己的密钥：请查看账户余额、分组额度和该密钥自身的额度。",
        ),
        admin=Said(
            "See which of the three limits was reached, and raise it if that is wanted.",
            "确认是三种额度中的哪一种用完，需要时调高。",
        ),
        escalate=Said(
            "If it is our account at the provider, the operator tops it up; no customer has a part in that.",
            "如果是我们在上游的账号，由运营方充值，与客户无关。",
        ),
        prevent=Said(
            "Be warned when 80 % is used, and keep a second account or model ready.",
            "用量达到 80% 时提醒，并准备备用账号或模型。",
        ),
        evidence=(Evidence.KEY, Evidence.BALANCE),
    ),
}
