"""Reference images as files: uploaded once, looked at, and named by their bytes."""

import re
from collections.abc import AsyncGenerator

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from schemas.pictures import file_id_of
from schemas.refusals import BodyTooLarge, MalformedRequest, NotFound, UnacceptableParameters
from tasks_service.api.body import expect_plain, read_bytes
from tasks_service.api.context import Parts, Who
from tasks_service.api.openapi import refusals
from tasks_service.api.query import Query
from tasks_service.api.replies import reply
from tasks_service.api.views import Moment
from tasks_service.ledger.reference_images import KeptImage
from tasks_service.pictures.flaws import Flaw

router = APIRouter(prefix="/v1", tags=["files"])

_ID = re.compile(r"file_[0-9a-f]{64}")
# What stands around a file in a form: boundaries, headers, and the fields that SDKs add.
_AROUND = 64 << 10
# `purpose` is what the SDKs of others send along; it changes nothing here.
_PART, _IGNORED = "file", frozenset({"purpose"})
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "type": "object",
    "properties": {_PART: {"type": "string", "format": "binary"}, "purpose": {"type": "string"}},
    "required": [_PART],
    "additionalProperties": False,
}


class FileView(BaseModel):
    """An image that can be named in `reference_images`, by its `id`, any number of times."""

    id: str = Field(pattern=f"^{_ID.pattern}$")
    type: str
    bytes: int
    width: int = Field(description="in pixels, as seen: EXIF orientation is counted in")
    height: int
    sha256: str
    created_at: Moment


@router.post(
    "/files",
    status_code=201,
    response_model=FileView,
    responses=refusals(BodyTooLarge, UnacceptableParameters)
    | {200: {"model": FileView, "description": "It was there already, under the same id"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"image/*": _BINARY, "multipart/form-data": {"schema": _FORM}},
        }
    },
)
async def upload(request: Request, caller: Who, service: Parts) -> Response:
    """Upload a reference image: as the body itself, or as the part `file` of a form."""
    Query(request, ()).check()
    expect_plain(request)
    most = service.settings.max_image_bytes
    try:
        with service.receiving.hold(request, caller.account_id, most + _AROUND):
            content = await _content(request, most)
            kept = await service.vetting.upload(content, caller.account_id)
    except Flaw as flaw:
        problem = {"pointer": "", "code": flaw.code, "detail": flaw.words}
        raise UnacceptableParameters(flaw.words, members={"problems": [problem]}) from flaw
    view = _view(kept)
    return reply(view, 201 if kept.new else 200, {"Location": f"/v1/files/{view.id}"})


@router.get("/files/{file_id}", response_model=FileView, responses=refusals(NotFound))
async def show(request: Request, file_id: str, caller: Who, service: Parts) -> Response:
    """What is known of an image. Another account's is answered exactly like one that is not there."""
    Query(request, ()).check()
    kept = await service.vetting.find(file_id, caller.account_id) if _ID.fullmatch(file_id) else None
    if kept is None:
        raise NotFound("There is no file with this id among yours.")
    return reply(_view(kept))


async def _content(request: Request, most: int) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return await read_bytes(request, most)
    content = await _part(request, await read_bytes(request, most + _AROUND))
    if len(content) > most:
        raise BodyTooLarge(f"A file holds at most {most} bytes.", members={"max_bytes": most})
    return content


async def _part(request: Request, body: bytes) -> bytes:
    parser = MultiPartParser(request.headers, _once(body), max_files=1, max_fields=8)
    parser.spool_max_size = len(body) + 1  # it was counted before, so it may stay in memory
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise _malformed("The form cannot be read: it is cut short, or has more than one file.") from error
    try:
        return await _only_file(form)
    finally:
        await form.close()


async def _only_file(form: FormData) -> bytes:
    if unknown := sorted(form.keys() - {_PART} - _IGNORED):
        raise _malformed(f"There is no part {unknown[0][:100]!r} here; send the image as {_PART!r}.")
    found = form.get(_PART)
    if not isinstance(found, UploadFile):
        raise _malformed(f"The form has no file named {_PART!r}; give that part a filename, as SDKs do.")
    return await found.read()


async def _once(body: bytes) -> AsyncGenerator[bytes]:
    yield body


def _malformed(detail: str) -> MalformedRequest:
    problem = {"pointer": f"/{_PART}", "code": "malformed_form", "detail": detail}
    return MalformedRequest(detail, members={"problems": [problem]})


def _view(kept: KeptImage) -> FileView:
    picture = kept.picture
    return FileView(
        id=file_id_of(picture.sha256),
        type=picture.type,
        bytes=picture.bytes,
        width=picture.width,
        height=picture.height,
        sha256=picture.sha256,
        created_at=kept.created_at,
    )
