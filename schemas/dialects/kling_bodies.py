"""Where Kling's classic API takes which request, and the body that it wants there."""

from typing import Any

from schemas.capabilities import Role
from schemas.catalogue.kling_images import IMAGES
from schemas.catalogue.kling_omni import OMNI_IMAGES, OMNI_VIDEOS
from schemas.task import ReferenceImage, TaskRequest
from schemas.upstream import Submission

TEXT = "/v1/videos/text2video"
_FRAMES = "/v1/videos/image2video"
# Models that have one endpoint whatever images are given.
_ONLY = {
    **{model.name: "/v1/images/generations" for model in IMAGES},
    **{model.name: "/v1/videos/omni-video" for model in OMNI_VIDEOS},
    **{model.name: "/v1/images/omni-image" for model in OMNI_IMAGES},
}
# Ours have "image" in them where Kling's do not, except for this one.
_NAMES = {"kling-image-o1": "kling-image-o1"}


def endpoint(request: TaskRequest) -> str:
    """Where a request goes, and where its task is asked for ever after."""
    return _ONLY.get(request.model) or (_FRAMES if request.reference_images else TEXT)


def body_of(submission: Submission) -> dict[str, Any]:
    """The JSON body of a request."""
    request = submission.request
    # Options first: what we say ourselves cannot be overwritten.
    body: dict[str, Any] = dict(request.options)
    body["model_name"] = _NAMES.get(request.model) or request.model.replace("-image-", "-", 1)
    if request.prompt:
        body["prompt"] = request.prompt
    body["external_task_id"] = submission.reference
    if submission.callback_url is not None:
        body["callback_url"] = submission.callback_url
    if request.negative_prompt is not None:
        body["negative_prompt"] = request.negative_prompt
    if request.ratio is not None:
        body["aspect_ratio"] = request.ratio
    if request.watermark is not None:
        body["watermark_info"] = {"enabled": request.watermark}
    match endpoint(request):
        case "/v1/videos/omni-video":
            return body | _of_an_omni_video(request)
        case "/v1/images/omni-image":
            return body | _of_an_omni_image(request)
        case "/v1/images/generations":
            return body | _of_a_still(request)
        case _:
            return body | _of_a_video(request)


def _of_a_video(request: TaskRequest) -> dict[str, Any]:
    names = {Role.FIRST_FRAME: "image", Role.LAST_FRAME: "image_tail"}
    body: dict[str, Any] = {}
    for image in request.reference_images:
        name = names[image.role]
        # Two in one role go out as two, for Kling to refuse: neither is dropped in silence.
        body[name] = [body[name], _bare(image)] if name in body else _bare(image)
    return body | _length_and_sound(request)


def _of_an_omni_video(request: TaskRequest) -> dict[str, Any]:
    # An image without a type is one to follow.
    types = {Role.FIRST_FRAME: {"type": "first_frame"}, Role.LAST_FRAME: {"type": "end_frame"}}
    images = [{"image_url": _bare(image)} | types.get(image.role, {}) for image in request.reference_images]
    return ({"image_list": images} if images else {}) | _length_and_sound(request)


def _of_an_omni_image(request: TaskRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"n": request.n or 1}
    if request.resolution is not None:
        body["resolution"] = request.resolution
    if request.reference_images:
        body["image_list"] = [{"image": _bare(image)} for image in request.reference_images]
    return body


def _length_and_sound(request: TaskRequest) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if request.duration_s is not None:
        body["duration"] = f"{request.duration_s:g}"
    if request.audio is not None:
        body["sound"] = "on" if request.audio else "off"
    return body


def _of_a_still(request: TaskRequest) -> dict[str, Any]:
    body: dict[str, Any] = {"n": request.n or 1}
    if request.resolution is not None:
        body["resolution"] = request.resolution
    for image in request.reference_images:
        body["image"] = _bare(image)
        if image.role in (Role.SUBJECT, Role.FACE):
            body["image_reference"] = image.role.value
    return body


def _bare(image: ReferenceImage) -> str:
    """An address, or base64 without the head of a `data:` URI, which Kling does not take."""
    return image.url or (image.data or "").partition(",")[2]
