"""For each family of models and each rule: a request that is refused, what is said, and one that passes."""

from dataclasses import dataclass, field
from typing import Any

from schemas.capabilities import Role


def image(role: Role = Role.REFERENCE) -> dict[str, str]:
    return {"role": role.value, "url": "https://example.com/a.png"}


# Nobody's: it only looks like one.
KEY = "q8Zr2LmT5vXw9KpB3nYc7HdF"
FIRST, LAST = image(Role.FIRST_FRAME), image(Role.LAST_FRAME)


@dataclass(frozen=True)
class Example:
    """What is asked for beside model and prompt; where it is wrong and how; the nearest; and what is right."""

    refused: dict[str, Any]
    pointer: str
    code: str
    nearest: Any = None
    accepted: dict[str, Any] = field(default_factory=dict[str, Any])


# The same whatever the model.
EVERYWHERE = {
    "prompt_is_given": Example({"prompt": " \n\t"}, "/prompt", "prompt_empty"),
    "prompt_is_text": Example(
        {"prompt": "a\x07b"}, "/prompt", "control_character", accepted={"prompt": "一\tb\nc"}
    ),
    "metadata_is_text": Example(
        {"metadata": {"a": "b\x1b[31m"}},
        "/metadata/a",
        "control_character",
        accepted={"metadata": {"组": "红"}},
    ),
    "labels_are_free_of_keys": Example(
        {"external_id": f"sk-{KEY}"},
        "/external_id",
        "whole_key",
        accepted={"external_id": "sk-q8Zr***cHdF", "metadata": {"key": "order-17", "api_key": "the second"}},
    ),
    "callbacks_are_offered": Example(
        {"callback_url": "https://example.com/hook"}, "/callback_url", "not_supported"
    ),
}

FAMILIES: dict[str, dict[str, Example]] = {
    "sandbox-video-1": {
        "prompt_fits": Example({"prompt": "x" * 2001}, "/prompt", "too_long", accepted={"prompt": "x" * 2000}),
        "ratio_is_offered": Example({"ratio": "21:9"}, "/ratio", "not_offered", "16:9", {"ratio": "9:16"}),
        "size_is_offered": Example({"size": "640x360"}, "/size", "not_supported"),
        "resolution_is_offered": Example(
            {"resolution": "720p"}, "/resolution", "not_offered", "360p", {"resolution": "240p"}
        ),
        "duration_is_offered": Example(
            {"duration_s": 7.0}, "/duration_s", "not_offered", 5, {"duration_s": 10.0}
        ),
        "fps_is_offered": Example({"fps": 24}, "/fps", "not_supported"),
        "count_is_offered": Example({"n": 2}, "/n", "out_of_range", 1, {"n": 1}),
        "audio_is_offered": Example({"audio": True}, "/audio", "not_supported"),
        "seed_is_offered": Example({"seed": -1}, "/seed", "out_of_range", 0, {"seed": (1 << 32) - 1}),
        "reference_images_fit": Example(
            {"reference_images": [image(Role.STYLE)]}, "/reference_images/0/role", "not_offered", "reference",
            {"reference_images": [FIRST, LAST]},
        ),
        "options_are_known": Example(
            {"options": {"behavior": "x"}}, "/options/behavior", "unknown_option", "behaviour",
            {"options": {"behaviour": "run=1"}},
        ),
    },
    "sandbox-image-1": {
        "ratio_is_offered": Example({"ratio": "16:10"}, "/ratio", "not_offered", "16:9", {"ratio": "4:3"}),
        "resolution_is_offered": Example({"resolution": "1k"}, "/resolution", "not_supported"),
        "duration_is_offered": Example({"duration_s": 5.0}, "/duration_s", "not_supported"),
        "count_is_offered": Example({"n": 5}, "/n", "out_of_range", 4, {"n": 4}),
        "reference_images_fit": Example(
            {"reference_images": [image()] * 3}, "/reference_images", "wrong_count", 2,
            {"reference_images": [image(), image(Role.STYLE)]},
        ),
    },
    "sora-2": {
        "prompt_fits": Example({"prompt": "画" * 32001}, "/prompt", "too_long", accepted={"prompt": "画" * 32000}),
        "negative_prompt_is_offered": Example({"negative_prompt": "rain"}, "/negative_prompt", "not_supported"),
        "ratio_is_offered": Example({"ratio": "16:9"}, "/ratio", "not_supported"),
        "size_is_offered": Example(
            {"size": "1920x1080"}, "/size", "not_offered", "1280x720", {"size": "1280x720"}
        ),
        "duration_is_offered": Example({"duration_s": 999.0}, "/duration_s", "not_offered", 12, {"duration_s": 8.0}),
        "audio_is_offered": Example({"audio": False}, "/audio", "always_on", True, {"audio": True}),
        "seed_is_offered": Example({"seed": 7}, "/seed", "not_supported"),
        "watermark_is_offered": Example({"watermark": True}, "/watermark", "not_supported"),
        "reference_images_fit": Example(
            {"reference_images": [LAST]}, "/reference_images/0/role", "not_offered", "first_frame",
            {"reference_images": [FIRST]},
        ),
        "options_are_known": Example({"options": {"quality": "high"}}, "/options/quality", "unknown_option"),
    },
    "kling-v2-6": {
        "prompt_fits": Example({"negative_prompt": "x" * 2501}, "/negative_prompt", "too_long"),
        "ratio_is_offered": Example({"ratio": "4:3"}, "/ratio", "not_offered", "16:9", {"ratio": "1:1"}),
        "resolution_is_offered": Example({"resolution": "720p"}, "/resolution", "not_supported"),
        "duration_is_offered": Example({"duration_s": 8.0}, "/duration_s", "not_offered", 10, {"duration_s": 10.0}),
        "seed_is_offered": Example({"seed": 7}, "/seed", "not_supported"),
        "reference_images_fit": Example(
            {"reference_images": [FIRST, FIRST]}, "/reference_images/1/role", "wrong_count", "last_frame",
            {"reference_images": [FIRST, LAST], "options": {"mode": "pro"}},
        ),
        "combinations_hold": Example(
            {"audio": True, "options": {"mode": "std"}}, "/options/mode", "not_with", "pro",
            {"audio": True, "options": {"mode": "pro"}},
        ),
        "options_are_known": Example(
            {"options": {"mode": "fast"}}, "/options/mode", "not_offered", "std", {"options": {"mode": "std"}}
        ),
    },
    "kling-v1-5": {
        "reference_images_fit": Example(
            {"reference_images": []}, "/reference_images", "wrong_count", 1, {"reference_images": [FIRST]}
        ),
        "combinations_hold": Example(
            {"reference_images": [FIRST, LAST]}, "/options/mode", "missing", "pro",
            {"reference_images": [FIRST, LAST], "options": {"mode": "pro"}},
        ),
    },
    "kling-v3": {
        "duration_is_offered": Example({"duration_s": 2.5}, "/duration_s", "out_of_range", 3, {"duration_s": 15.0}),
        "combinations_hold": Example(
            {"reference_images": [FIRST], "ratio": "16:9"}, "/ratio", "not_with",
            accepted={"reference_images": [FIRST]},
        ),
        "options_are_known": Example(
            {"options": {"cfg_scale": 2}}, "/options/cfg_scale", "not_offered", 1, {"options": {"cfg_scale": 0.5}}
        ),
    },
    "kling-image-v1-5": {
        "ratio_is_offered": Example({"ratio": "2:1"}, "/ratio", "not_offered", "16:9", {"ratio": "21:9"}),
        "resolution_is_offered": Example({"resolution": "2k"}, "/resolution", "not_offered", "1k", {"resolution": "1k"}),
        "count_is_offered": Example({"n": 0}, "/n", "out_of_range", 1, {"n": 9}),
        "combinations_hold": Example(
            {"reference_images": [image(Role.SUBJECT)], "negative_prompt": "rain"}, "/negative_prompt", "not_with",
            accepted={"reference_images": [image(Role.SUBJECT)]},
        ),
        "duration_is_offered": Example({"duration_s": 5.0}, "/duration_s", "not_supported"),
    },
    "doubao-seedance-1-0-lite-i2v-250428": {
        "reference_images_fit": Example(
            {"reference_images": [FIRST, image()]}, "/reference_images", "mode_not_offered",
            accepted={"reference_images": [image()] * 4},
        ),
        "combinations_hold": Example(
            {"reference_images": [image()], "resolution": "1080p"}, "/resolution", "not_with", "480p",
            {"reference_images": [FIRST], "resolution": "1080p"},
        ),
    },
    "doubao-seedance-2-5-260628": {
        "ratio_is_offered": Example({"ratio": "2:1"}, "/ratio", "not_offered", "16:9", {"ratio": "adaptive"}),
        "resolution_is_offered": Example(
            {"resolution": "1080P"}, "/resolution", "not_offered", "1080p", {"resolution": "1080p"}
        ),
        "duration_is_offered": Example({"duration_s": 3.0}, "/duration_s", "out_of_range", 4, {"duration_s": 30.0}),
        "combinations_hold": Example(
            {"reference_images": [FIRST], "ratio": "16:9"}, "/ratio", "not_with",
            accepted={"reference_images": [FIRST]},
        ),
        "negative_prompt_is_offered": Example({"negative_prompt": "rain"}, "/negative_prompt", "not_supported"),
        "options_are_known": Example(
            {"options": {"output_format": "avi"}}, "/options/output_format", "not_offered", "mp4",
            {"options": {"output_format": "mov"}},
        ),
    },
    "doubao-seedance-1-5-pro-251215": {
        "seed_is_offered": Example({"seed": -2}, "/seed", "out_of_range", -1, {"seed": -1}),
        "combinations_hold": Example(
            {"resolution": "720p", "options": {"draft": True}}, "/resolution", "not_with", "480p",
            {"resolution": "480p", "options": {"draft": True}},
        ),
        "options_are_known": Example({"options": {"seed": 1}}, "/options/seed", "unknown_option"),
    },
    "sandbox-image-1-fast": {
        "negative_prompt_is_offered": Example({"negative_prompt": "rain"}, "/negative_prompt", "not_supported"),
        "watermark_is_offered": Example({"watermark": False}, "/watermark", "not_supported"),
        "reference_images_fit": Example({"reference_images": [image()]}, "/reference_images", "wrong_count", 0),
    },
}  # fmt: skip
ALL = [
    (model, rule, example)
    for model, examples in FAMILIES.items()
    for rule, example in (EVERYWHERE | examples).items()
    # A film from an image needs no words at Kling.
    if not (rule == "prompt_is_given" and model == "kling-v1-5")
]
# Which no model of today's catalogue can show; `test_shapes` has them on a model of its own.
ELSEWHERE = {"shapes_agree", "callback_is_an_address"}
