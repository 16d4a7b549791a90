"""Rules about reference images: how many, in which roles, and what their bytes must be like."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from schemas.capabilities import Model, ReferenceImages, Role
from schemas.pictures import Picture, mode_of
from schemas.rules.outline import Shape
from schemas.rules.violation import Violation
from schemas.rules.wording import MEANS, shown, ways
from schemas.task import TaskRequest

# One film has one beginning, and one image one mask.
_ONE_OF_A_KIND = frozenset({Role.FIRST_FRAME, Role.LAST_FRAME, Role.MASK})
_MOMENTS = frozenset({Role.FIRST_FRAME, Role.LAST_FRAME, Role.KEYFRAME})


def reference_images_fit(request: Shape, model: Model) -> Iterator[Violation]:
    """How many, and in which roles; and where these are right, whether the model can be used like that."""
    limits, given = model.reference_images, request.reference_images
    if limits is None:
        return
    number, roles = list(_count(limits, len(given), model)), _roles(request, limits, model)
    # Which of too many images go, only their author knows: until then none is told another role.
    wrong = [*number, *(replace(one, nearest=None) if number else one for one in roles)]
    yield from wrong or _mask(request) or _mode(request, model)


def pictures_fit(
    request: TaskRequest, model: Model, pictures: Sequence[Picture | None]
) -> Iterator[Violation]:
    """Formats, bytes and sides of images that were looked at; None stands for one that could not be read."""
    limits = model.reference_images
    if limits is None:
        return
    for index, picture in enumerate(pictures):
        if picture is not None:
            role = request.reference_images[index].role
            name = "The image" if len(pictures) == 1 else f"Image {index + 1} of {len(pictures)}"
            yield from _picture(f"/reference_images/{index}", name, picture, role, limits, model)
    total = sum(picture.bytes for picture in pictures if picture)
    if limits.total_bytes is not None and total > limits.total_bytes:
        most = f"{model.name} takes at most {limits.total_bytes} together"
        detail = f"The reference images have {total} bytes together; {most}."
        yield Violation("/reference_images", "too_large", detail, total, {"max": limits.total_bytes})


def _count(limits: ReferenceImages, given: int, model: Model) -> Iterator[Violation]:
    if limits.min <= given and (limits.max is None or given <= limits.max):
        return
    takes = "none" if limits.max == 0 else f"{limits.max}"
    if limits.max is None:
        takes = f"{limits.min} or more"
    elif limits.min != limits.max:
        takes = f"{limits.min} to {limits.max}"
    images = f"{given or 'No'} reference image is" if given < 2 else f"{given} reference images are"
    allowed = {"min": limits.min} | ({} if limits.max is None else {"max": limits.max})
    nearest = max(given, limits.min) if limits.max is None else min(max(given, limits.min), limits.max)
    detail = f"{images} given; {model.name} takes {takes}."
    yield Violation("/reference_images", "wrong_count", detail, given, allowed, nearest)


def _roles(request: Shape, limits: ReferenceImages, model: Model) -> Iterator[Violation]:
    if limits.max == 0:
        return
    seen: Counter[Role] = Counter()
    for index, image in enumerate(request.reference_images):
        seen[image.role] += 1
        pointer = f"/reference_images/{index}/role"
        if image.role not in limits.roles:
            roles = [role.value for role in limits.roles]
            detail = (
                f"{model.name} has no use for an image in the role {image.role}; it takes {', '.join(roles)}."
            )
            first, *others = _roles_like(image.role, limits) or [None]
            yield Violation(pointer, "not_offered", detail, image.role.value, roles, first, tuple(others))
            continue
        most = limits.most_of.get(image.role, 1 if image.role in _ONE_OF_A_KIND else None)
        if most is not None and seen[image.role] > most:
            number = seen[image.role]
            images = "1 image" if most == 1 else f"{most} images"
            detail = f"{model.name} takes at most {images} in the role {image.role}; this is number {number}."
            first, *others = _roles_like(image.role, limits) or [None]
            yield Violation(pointer, "wrong_count", detail, number, {"max": most}, first, tuple(others))


def _roles_like(role: Role, limits: ReferenceImages) -> list[str]:
    """Other roles: for a moment of a film other moments first, for what is followed what is followed, too."""
    others = [one for one in limits.roles if one is not role]
    return [one.value for one in sorted(others, key=lambda one: (one in _MOMENTS) is not (role in _MOMENTS))]


def _mask(request: Shape) -> list[Violation]:
    """A mask alone says where, and not in what."""
    roles = {image.role for image in request.reference_images}
    if roles != {Role.MASK}:
        return []
    detail = "A mask says what to change in an image; give that image, too."
    return [Violation("/reference_images", "image_missing", detail, got=[Role.MASK.value])]


def _mode(request: Shape, model: Model) -> Iterator[Violation]:
    mode = mode_of([image.role for image in request.reference_images])
    if model.modes is None or mode in model.modes:
        return
    detail = f"{model.name} does not work from {MEANS[mode]}; it works from {ways(model.modes)}."
    modes = [one.value for one in model.modes]
    yield Violation("/reference_images", "mode_not_offered", detail, mode.value, modes)


def _picture(
    pointer: str, name: str, picture: Picture, role: Role, limits: ReferenceImages, model: Model
) -> Iterator[Violation]:
    if limits.formats is not None and picture.type not in limits.formats:
        detail = f"{name} is {picture.type}; {model.name} takes {', '.join(limits.formats)}."
        yield Violation(pointer, "format_not_offered", detail, picture.type, list(limits.formats))
    most = limits.max_mask_bytes if role is Role.MASK and limits.max_mask_bytes else limits.max_bytes
    if most is not None and picture.bytes > most:
        detail = f"{name} has {picture.bytes} bytes; {model.name} takes at most {most}."
        yield Violation(pointer, "too_large", detail, picture.bytes, {"max": most})
    yield from _sides(pointer, name, picture, limits, model)


def _sides(
    pointer: str, name: str, picture: Picture, limits: ReferenceImages, model: Model
) -> Iterator[Violation]:
    size = f"{picture.width}x{picture.height}"
    short, long = sorted((picture.width, picture.height))
    if limits.side_min is not None and short < limits.side_min:
        detail = f"{name} is {size}; {model.name} needs sides of at least {limits.side_min} pixels."
        yield Violation(pointer, "too_small", detail, size, {"side_min": limits.side_min})
    if limits.side_max is not None and long > limits.side_max:
        detail = f"{name} is {size}; {model.name} takes sides of at most {limits.side_max} pixels."
        yield Violation(pointer, "too_large", detail, size, {"side_max": limits.side_max})
    low, high = limits.ratio_min, limits.ratio_max
    if (low is not None and picture.ratio < low) or (high is not None and picture.ratio > high):
        told = {"at least": low, "at most": high}
        takes = " and ".join(f"{word} {shown(bound)}" for word, bound in told.items() if bound is not None)
        detail = f"{name} is {size}; {model.name} takes images {takes} times as wide as high."
        allowed = {"ratio_min": low, "ratio_max": high}
        yield Violation(pointer, "ratio_not_offered", detail, round(picture.ratio, 3), allowed)
