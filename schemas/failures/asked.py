"""Failures of what was asked for: parameters, images, content; and work that was called off."""

from schemas.failures.kinds import Answer, Evidence, FailureKind, Layer, Meaning, Mover, Said, Sort

MEANINGS: dict[FailureKind, Meaning] = {
    FailureKind.PARAMETER_INVALID: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.REQUEST,
        whose_move=Mover.CUSTOMER,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The provider does not take one of the settings; its own words say which one.",
            "上游不接受其中一项设置，具体见上游原话。",
        ),
        check=Said(
            "Compare ratio, resolution, duration and the other settings with what this model offers.",
            "请对照该模型支持的比例、分辨率、时长等设置。",
        ),
        admin=Said(
            "Nothing, unless the same setting is refused for everybody.",
            "无需处理；除非所有人的同一设置都被拒绝。",
        ),
        escalate=Said(
            "If the list offers what the provider refuses, the operator corrects the list.",
            "如果列表中有而上游不接受，由运营方更正列表。",
        ),
        prevent=Said(
            "Read what the model offers before asking; what is known to be refused is said before it costs.",
            "提交前查看模型支持的设置；已知不支持的内容会在付费前提示。",
        ),
        evidence=(Evidence.PARAMETERS,),
    ),
    FailureKind.REFERENCE_IMAGE_INVALID: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.REQUEST,
        whose_move=Mover.CUSTOMER,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "A reference image does not meet the rules for size, format or content, or could not be fetched.",
            "参考图不符合尺寸、格式或内容的要求，或无法取得。",
        ),
        check=Said(
            "See the image's size, format and address: it must open for all, and show what the model needs.",
            "请检查图片的尺寸、格式和地址：任何人都能打开，且包含模型需要的内容。",
        ),
        admin=Said(
            "Nothing, unless images from one store are never fetched; then see who may read there.",
            "无需处理；如果同一存储的图片都无法取得，请检查其访问权限。",
        ),
        escalate=Said(
            "If the image meets every rule, the operator gives it to the provider with the request id.",
            "如果图片符合所有要求，由运营方连同请求编号提交给上游。",
        ),
        prevent=Said(
            "Upload the image here first: it is looked at before anything is paid.",
            "先把图片上传到本系统：付费前会先检查。",
        ),
        evidence=(Evidence.REFERENCE_IMAGE, Evidence.PARAMETERS),
    ),
    FailureKind.CONTENT_POLICY_INPUT: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.REQUEST,
        whose_move=Mover.CUSTOMER,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The provider's content check did not let the prompt or a reference image through.",
            "提示词或参考图没有通过上游的内容检查。",
        ),
        check=Said(
            "Change the words or the image that are named: people, brands, violence and nudity are usual.",
            "请修改提示中指出的文字或图片，常见的是真人、品牌、暴力和裸露内容。",
        ),
        admin=Said(
            "Nothing: nobody here can switch the provider's check off.",
            "无需处理：我们无法关闭上游的检查。",
        ),
        escalate=Said(
            "If harmless words are stopped again and again, the operator shows them to the provider.",
            "如果正常内容反复被拦下，由运营方提交给上游复核。",
        ),
        prevent=Said(
            "Collect the words that were stopped, and tell people before they write.",
            "收集被拦下的内容，提前告知使用者。",
        ),
        evidence=(Evidence.PROMPT, Evidence.REFERENCE_IMAGE),
    ),
    FailureKind.CONTENT_POLICY_OUTPUT: Meaning(
        sort=Sort.CONFIGURATION_MISTAKE,
        layer=Layer.REQUEST,
        whose_move=Mover.CUSTOMER,
        transient=False,
        spent=Answer.UNKNOWN,
        words=Said(
            "The provider's content check held the result back; the work may have been charged.",
            "结果被上游的内容检查扣下，可能已经计费。",
        ),
        check=Said(
            "Describe people and scenes in plainer words before it is submitted anew.",
            "重新提交之前，请用更平实的方式描述人物和场景。",
        ),
        admin=Said(
            "See on the provider's bill whether it was charged, and decide about a refund.",
            "在上游账单中确认是否计费，并决定是否退款。",
        ),
        escalate=Said(
            "If it happens with harmless prompts, the operator asks the provider with the task's id.",
            "如果正常提示词也经常如此，由运营方凭任务编号询问上游。",
        ),
        prevent=Said(
            "Try a new idea with the cheapest settings first.",
            "新的创意先用最低价的设置尝试。",
        ),
        evidence=(Evidence.PROMPT, Evidence.REFERENCE_IMAGE, Evidence.CHARGE),
    ),
    FailureKind.CANCELED: Meaning(
        sort=Sort.NEITHER,
        layer=Layer.CLIENT,
        whose_move=Mover.NOBODY,
        transient=False,
        spent=Answer.NO,
        words=Said(
            "The task was called off before it was finished.",
            "任务在完成前被取消。",
        ),
        check=Said(
            "See in the task's history who asked for that.",
            "可在任务记录中查看由谁取消。",
        ),
        admin=Said(
            "Nothing, unless nobody here had asked for it.",
            "无需处理；除非没有人要求取消。",
        ),
        escalate=Said(
            "If nobody here had asked for it, the operator asks the provider who did.",
            "如果我们没有人要求取消，由运营方向上游询问。",
        ),
        prevent=Said(
            "Agree on who may call work off.",
            "事先约定谁可以取消任务。",
        ),
        evidence=(),
    ),
}
