"""`muniment doctor`: what this machine has, and what is missing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

import typer

from app.commands.options import AsJson
from app.commands.session import Session, session_of
from ingest.converting import office_program
from ingest.ocr_engine import OcrMissing, engine
from ingest.sandbox import layers
from storage.errors import Broken, MunimentError

_LOW_DISK_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that the doctor looked at."""

    name: str
    ok: bool
    detail: str


def register(app: typer.Typer) -> None:
    """Add the doctor to the program."""
    app.command()(doctor)


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check that every part is there and works; exit code 4 names what is not."""
    session = session_of(context)
    checks = [_checked(name, look, session) for name, look in _LOOKS.items()]
    value = {
        "ok": all(one.ok for one in checks),
        "checks": [{"name": one.name, "ok": one.ok, "detail": one.detail} for one in checks],
    }
    lines = [f"{'ok     ' if one.ok else 'BROKEN '} {one.name}: {one.detail}" for one in checks]
    session.show(value, lines, as_json=as_json)
    if not value["ok"]:
        raise typer.Exit(4)


def _checked(name: str, look: Callable[[Session], str], session: Session) -> Check:
    try:
        return Check(name, ok=True, detail=look(session))
    except MunimentError as error:
        return Check(name, ok=False, detail=str(error))


def _python(_session: Session) -> str:
    return f"{sys.version.split()[0]}, muniment {metadata.version('muniment')}"


def _disk(session: Session) -> str:
    session.settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    free = shutil.disk_usage(session.settings.home).free
    if free < _LOW_DISK_BYTES:
        raise Broken(f"only {free // 1_000_000} MB are free at {session.settings.home}; make room")
    return f"{free // 1_000_000_000} GB free at {session.settings.home}"


def _database(session: Session) -> str:
    checkpoint = session.services.audit.checkpoint()
    return f"{session.services.database.engine_name}, {checkpoint.size} audit entries"


def _embedder(session: Session) -> str:
    vector = session.services.embedder.embed(["The tenant may end the lease."])
    return f"{session.services.embedder.identity}, {vector.shape[1]} dimensions"


def _reranker(session: Session) -> str:
    reranker = session.services.reranker
    if reranker is None:
        return "none is set"
    reranker.scores("How can the lease be ended?", ["The tenant may end the lease."])
    return reranker.identity


def _model(session: Session) -> str:
    identity = session.services.generator.identity
    return f"{identity.id}, {identity.quantization}, {identity.runtime} on {identity.device}"


def _leaving(session: Session) -> str:
    remote = session.services.remote
    if remote is None:
        return "nothing leaves this machine: no remote model is set"
    identity = remote.identity
    return f"questions may go to {identity.id} at {identity.device}, from matters that allow it and when sent"


def _indexes(session: Session) -> str:
    services = session.services
    matters = services.access.matters_of(session.actor)
    for one in matters:
        if not services.rooms.room(services.access.scope(session.actor, one.name)).check():
            raise Broken(
                f"the indexes of {one.name!r} do not agree with SQL; `muniment reindex` rebuilds them"
            )
    return f"{len(matters)} matters' indexes agree with SQL"


def _reading(_session: Session) -> str:
    open_ways = [layer.name for layer in layers() if not layer.holds]
    if open_ways:
        return f"this machine does not see to it that a reader {', '.join(open_ways)}; see docs/security.md"
    return "files are read in a process that writes nothing, starts nothing and reaches no network"


def _scans(_session: Session) -> str:
    try:
        engine()
    except OcrMissing as error:
        raise Broken(str(error)) from error
    return "pages that are pictures are read by OCR"


def _old_formats(_session: Session) -> str:
    program = office_program()
    if program is None:
        # Not broken: most folders hold none, and each file that needs it says so.
        return "LibreOffice is not installed, so .doc, .rtf, .odt and .ppt are refused"
    return f"read through {program}"


_LOOKS: dict[str, Callable[[Session], str]] = {
    "python": _python,
    "disk": _disk,
    "database": _database,
    "embedder": _embedder,
    "reranker": _reranker,
    "language model": _model,
    "what may leave": _leaving,
    "search indexes": _indexes,
    "reading of files": _reading,
    "scans": _scans,
    "old office formats": _old_formats,
}
