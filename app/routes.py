"""Addresses of our own beside the pages: the session's cookie, pictures of pages, and files to take away.

Each asks SQL who the cookie belongs to and whether that person is in the matter, at every request. Whoever
may not see a thing gets the same 404 as for a thing that is not there.
"""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from PIL import Image, ImageDraw
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from app.boxes import as_version, boxes_on, drawable, page_of
from app.guards import SESSION_COOKIE
from app.opening import record_opening
from app.theme import ICON
from app.visible import Sought, everything
from engine.exporting import FORMATS, export
from ingest.pageimages import render_page
from storage.errors import Broken, MunimentError, NotFound, Refused
from storage.ids import timestamp
from storage.records import Actor, Document, Scope

if TYPE_CHECKING:
    from app.wiring import Services

Endpoint: TypeAlias = Callable[[Request], Response]
_Work: TypeAlias = "Callable[[Services, Actor, Request], Response]"

_NO_STORE = {"Cache-Control": "no-store"}
_PICTURE_WIDTH_PX = 1300
_BOX_EDGE, _BOX_FILL = (154, 98, 0, 255), (255, 209, 92, 70)
_BOX_MARGIN_PX = 4
_MEDIA_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "md": "text/markdown; charset=utf-8",
}
_SPOOL_BYTES = 1 << 16
_log = logging.getLogger(__name__)


def routes(services: Services) -> list[Route]:
    """All routes, over these services. Handlers are plain functions, so each runs in a worker thread."""

    def for_people(path: str, work: _Work) -> Route:
        return Route(path, _signed_in(services, work), methods=["GET"])

    return [
        Route("/health", _health, methods=["GET"]),
        Route("/favicon.png", _icon, methods=["GET"]),
        Route("/session/open", _open_session(services), methods=["GET"]),
        Route("/session/close", _close_session(services), methods=["GET"]),
        for_people("/matter/{matter_id}/document/{document_id}/page/{number:int}.png", _picture),
        for_people("/matter/{matter_id}/document/{document_id}/original", _original),
        for_people("/matter/{matter_id}/document/{document_id}/rendition", _rendition),
        for_people("/matter/{matter_id}/export/{kind}/{item_id}.{format_name}", _export),
        for_people("/audit/export", _audit_export),
    ]


def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


def _icon(_request: Request) -> Response:
    return Response(ICON, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})


def _open_session(services: Services) -> Endpoint:
    def open_session(request: Request) -> Response:
        """Take a one-time ticket from the sign-in page and give the browser its session for it."""
        if not _from_here(request):
            return _line("Open this address from the sign-in page.", 403)
        try:
            token = services.accounts.redeem_hand_over(request.query_params.get("ticket", ""))
        except Refused:
            return RedirectResponse("/?again=1", status_code=303, headers=_NO_STORE)
        # Back to the matter in which the session had ended; whether it may be opened is asked there.
        matter = request.query_params.get("matter")
        home = f"/?matter={quote(matter, safe='')}" if matter else "/"
        response = RedirectResponse(home, status_code=303, headers=_NO_STORE)
        response.set_cookie(
            SESSION_COOKIE,
            token,
            httponly=True,
            samesite="strict",
            # Whoever writes this header falsely only keeps their own browser from coming back.
            secure="https" in (request.url.scheme, request.headers.get("x-forwarded-proto")),
            path="/",
        )
        return response

    return open_session


def _close_session(services: Services) -> Endpoint:
    def close_session(request: Request) -> Response:
        if not _from_here(request):
            return _line("Sign out with the button on the page.", 403)
        if token := request.cookies.get(SESSION_COOKIE):
            services.accounts.sign_out(token)
        response = RedirectResponse("/", status_code=303, headers=_NO_STORE)
        response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return close_session


def _from_here(request: Request) -> bool:
    """Whether our own page led here: another site must not sign people in as somebody else, or out."""
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _signed_in(services: Services, work: _Work) -> Endpoint:
    """A handler for people with a session; errors become one line and a status."""

    def handle(request: Request) -> Response:
        try:
            actor = services.accounts.actor_for(request.cookies.get(SESSION_COOKIE))
            if actor is None:
                return _line("Sign in first.", 401)
            return work(services, actor, request)
        except NotFound as error:
            return _line(str(error), 404)
        except Refused as error:
            return _line(str(error), 403)
        except Broken as error:
            return _line(str(error), 503)
        except MunimentError as error:
            return _line(str(error), 400)
        except Exception as error:  # noqa: BLE001 - the rim: a message may hold a document's words
            reference = secrets.token_hex(4)
            _log.error("reference %s: %s", reference, type(error).__name__)
            return _line(f"Something went wrong (reference {reference}).", 500)

    return handle


def _line(words: str, status: int) -> Response:
    return PlainTextResponse(f"{words}\n", status_code=status, headers=_NO_STORE)


def _scope(services: Services, actor: Actor, request: Request) -> Scope:
    wanted = request.path_params["matter_id"]
    for matter in services.access.matters_of(actor):
        if matter.id == wanted:
            return services.access.scope(actor, matter.name)
    services.audit.append("access.refused", actor, data={"matter": wanted[:200]})
    raise NotFound("there is no such matter that you can open; check the address")


def _document(services: Services, scope: Scope, request: Request) -> Document:
    """The document that an address names, as the version that it may name."""
    document = services.library.document(scope, request.path_params["document_id"])
    return as_version(services, scope, document, request.query_params.get("version"))


def _picture(services: Services, actor: Actor, request: Request) -> Response:
    """A page as it looks; with `start` and `end`, the passage of those characters boxed."""
    scope = _scope(services, actor, request)
    number = request.path_params["number"]
    document = _document(services, scope, request)
    file = drawable(services, scope, document)
    if file is None:
        raise NotFound("this document has no pictures of its pages; the Library shows its text")
    page = page_of(services, scope, document, number)
    start, end = (_whole_number(request, name) for name in ("start", "end"))
    record_opening(services, scope, document, page=number)
    path, media_type = file
    png = render_page(path, number, width_px=_PICTURE_WIDTH_PX, media_type=media_type)
    if 0 <= start < end <= len(page.text):
        boxes = boxes_on(services, scope, document, number, start, end)
        png = boxed(png, [(one.left, one.top, one.right, one.bottom) for one in boxes])
    return Response(png, media_type="image/png", headers=_NO_STORE)


def boxed(png: bytes, boxes: Sequence[tuple[float, float, float, float]]) -> bytes:
    """A picture with boxes drawn on it: left, top, right, bottom as fractions of its size."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGBA")
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    for left, top, right, bottom in boxes:
        corners = (
            left * picture.width - _BOX_MARGIN_PX,
            top * picture.height - _BOX_MARGIN_PX,
            right * picture.width + _BOX_MARGIN_PX,
            bottom * picture.height + _BOX_MARGIN_PX,
        )
        draw.rectangle(corners, fill=_BOX_FILL, outline=_BOX_EDGE, width=2)
    out = io.BytesIO()
    Image.alpha_composite(picture, layer).convert("RGB").save(out, format="PNG", compress_level=3)
    return out.getvalue()


def _whole_number(request: Request, name: str) -> int:
    given = request.query_params.get(name, "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 9 else 0


def _original(services: Services, actor: Actor, request: Request) -> Response:
    """The bytes as uploaded, always to be saved and never to be shown: they may be a web page."""
    scope = _scope(services, actor, request)
    document = _document(services, scope, request)
    file = services.library.arrival(scope, document.version_id).file
    return _taken(services, scope, document, file, kind="original", name=document.path.rpartition("/")[2])


def _rendition(services: Services, actor: Actor, request: Request) -> Response:
    """The PDF that shows a document's pages where the file itself cannot be drawn."""
    scope = _scope(services, actor, request)
    document = _document(services, scope, request)
    file = services.library.arrival(scope, document.version_id).rendition
    if file is None:
        raise NotFound("no PDF was made of this document; download the original")
    name = f"{PurePosixPath(document.path).stem}.pdf"
    return _taken(services, scope, document, file, kind="rendition", name=name)


def _taken(
    services: Services, scope: Scope, document: Document, file: Path, *, kind: str, name: str
) -> Response:
    services.audit.append(
        "export.made",
        scope.actor,
        matter_id=scope.matter.id,
        data={
            "kind": kind,
            "document_id": document.id,
            "document": document.path,
            "sha256": document.sha256,
        },
    )
    return FileResponse(file, media_type="application/octet-stream", headers=_attachment(name))


def _export(services: Services, actor: Actor, request: Request) -> Response:
    scope = _scope(services, actor, request)
    kind, item_id = request.path_params["kind"], request.path_params["item_id"]
    format_name = request.path_params["format_name"]
    if kind not in ("answer", "summary") or format_name not in FORMATS:
        raise NotFound("there is no such export; answers and summaries come as .docx and .md")
    if kind == "answer":
        answer = services.shelf.answer(scope, item_id)
        title = answer.question
        told = {"id": answer.id, "question": title, "asked_at": timestamp(answer.asked_at)}
        body = {**answer.body, **told}
    else:
        summary = services.shelf.summary(scope, item_id)
        title, body = summary.title, summary.body
    data = export(services.audit, scope, body, format_name, title=title)
    name = f"{' '.join(title.split())[:80]}.{format_name}"
    return Response(data, media_type=_MEDIA_TYPES[format_name], headers=_attachment(name))


def _audit_export(services: Services, actor: Actor, request: Request) -> Response:
    """The entries that a person sees on the Audit page, all that fit, newest first.

    Each has its canonical bytes, leaf hash and root, to be held against the whole log; alone they
    prove nothing.
    """
    sought = Sought.from_query(request.query_params)
    # Written to a file first: the browser reads slowly, and the log must not be held open for it.
    spool = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed when it has been sent
    count = 0
    for entry in everything(services, actor, sought):
        line = {
            "index": entry.index,
            "canonical": entry.canonical.decode(errors="replace"),
            "leaf_hash": entry.leaf_hash,
            "head": entry.head,
        }
        spool.write(json.dumps(line) + "\n")
        count += 1
    services.audit.append("audit.exported", actor, data={"to": "browser", "entries": count})
    spool.seek(0)

    def pieces() -> Iterator[str]:
        with spool:
            while piece := spool.read(_SPOOL_BYTES):
                yield piece

    return StreamingResponse(
        pieces(), media_type="application/jsonl", headers=_attachment("audit-entries.jsonl")
    )


def _attachment(name: str) -> dict[str, str]:
    cleaned = (
        "".join(" " if one in '/\\"' or not one.isprintable() else one for one in name).strip() or "file"
    )
    plain = cleaned.encode("ascii", "replace").decode().replace("?", "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(cleaned, safe='')}"
    return {"Content-Disposition": disposition, **_NO_STORE}
