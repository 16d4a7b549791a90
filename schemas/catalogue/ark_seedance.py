"""What the Seedance models take at Volcengine Ark.

From Ark's page on creating a video task (volcengine.com/docs/82379/1520757), the types of
volcengine-ark-runtime 5.0.54 and ComfyUI's documentation (commit ffb27fc2, 2026-08-21); read 2026-11-21.
"""

from schemas.capabilities import Kind, Model, ReferenceImages, Role

_DOCS = "volcengine-ark-runtime 5.0.54 and Ark's page on video tasks, read 2026-11-21"
_COMFY = f"{_DOCS}; ComfyUI documentation of 2026-08-21"
_GATEWAY = "QuantumNous/new-api commit 2f6bf06b and ComfyUI documentation, read 2026-11-21"

_RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive")
_TO_720 = ("480p", "720p")
_TO_1080 = (*_TO_720, "1080p")
_TO_4K = (*_TO_1080, "4k")

_TEXT = ReferenceImages()
_FIRST = ReferenceImages(max=1, roles=(Role.FIRST_FRAME,))
_FRAMES = ReferenceImages(max=2, roles=(Role.FIRST_FRAME, Role.LAST_FRAME))
_ALL_ROLES = (Role.FIRST_FRAME, Role.LAST_FRAME, Role.REFERENCE)
_LITE = ReferenceImages(min=1, max=4, roles=_ALL_ROLES)
_NINE = ReferenceImages(max=9, roles=_ALL_ROLES)
_THIRTY = ReferenceImages(max=30, roles=_ALL_ROLES)

_EVERY = ("return_last_frame", "execution_expires_after", "priority")
_FIRST_GENERATION = (*_EVERY, "camera_fixed", "service_tier", "frames")
_SECOND_GENERATION = (*_EVERY, "tools")


def _model(
    name: str,
    seconds: tuple[int, int],
    resolutions: tuple[str, ...],
    images: ReferenceImages,
    options: tuple[str, ...],
    *,
    audio: bool = True,
    seed: bool | None = True,
    source: str = _COMFY,
) -> Model:
    # The prompt's length is only advice there (500 Chinese characters), so it is not checked. A ratio must
    # not stand beside a first frame on 2.5, so none is filled in.
    return Model(
        name=f"doubao-seedance-{name}",
        kind=Kind.VIDEO,
        ratios=_RATIOS,
        resolutions=resolutions,
        durations_s=tuple(float(second) for second in range(seconds[0], seconds[1] + 1)),
        reference_images=images,
        audio=audio,
        seed=seed,
        watermark=True,
        options=options,
        default_duration_s=5,
        poll_min_s=3,
        poll_max_s=30,
        source=source,
    )


MODELS = (
    _model("1-0-pro-250528", (2, 12), _TO_1080, _FRAMES, _FIRST_GENERATION, audio=False),
    _model("1-0-pro-fast-251015", (2, 12), _TO_1080, _FIRST, _FIRST_GENERATION, audio=False),
    _model("1-0-lite-t2v-250428", (2, 12), _TO_1080, _TEXT, _FIRST_GENERATION, audio=False, source=_DOCS),
    _model("1-0-lite-i2v-250428", (2, 12), _TO_1080, _LITE, _FIRST_GENERATION, audio=False, source=_DOCS),
    _model("1-5-pro-251215", (4, 12), _TO_1080, _FRAMES, (*_EVERY, "camera_fixed", "service_tier", "draft")),
    # Nobody says whether 2.x still takes a seed.
    _model("2-0-260128", (4, 15), _TO_4K, _NINE, _SECOND_GENERATION, seed=None),
    _model("2-0-fast-260128", (4, 15), _TO_720, _NINE, _SECOND_GENERATION, seed=None),
    _model("2-0-mini-260615", (4, 15), _TO_720, _NINE, _SECOND_GENERATION, seed=None, source=_GATEWAY),
    _model(
        "2-5-260628",
        (4, 30),
        _TO_1080,
        _THIRTY,
        (*_SECOND_GENERATION, "output_format", "omni_reference_task_type"),
        seed=None,
    ),
)
