"""`muniment reindex` and `reconcile`: search indexes made anew from SQL, and compared with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.commands.options import AsJson, MatterName
from app.commands.session import Session, session_of
from storage.inspecting import RECALL_FLOOR, Inspection
from storage.rooms import Room

OneMatter = Annotated[str | None, typer.Option("--matter", help="Only this matter; without it, all.")]
_TOLD_EVERY = 10_000


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(reindex)
    app.command()(reconcile)


def reindex(
    context: typer.Context,
    matter: MatterName,
    check: Annotated[
        bool, typer.Option("--check", help="Rebuild nothing; say what disagrees, with exit code 1.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild a matter's search indexes from SQL, without embedding again."""
    session = session_of(context)
    room = session.services.rooms.room(session.scope(matter))
    if check:
        found = room.inspect()
        session.show(_value(matter, found, room.rebuilt), [_line(matter, found)], as_json=as_json)
        if not found.ok:
            raise typer.Exit(1)
        return
    _rebuild(session, room)
    count = len(session.services.library.live_chunk_ids(session.scope(matter)))
    session.show({"matter": matter, "chunks": count}, [f"{count} chunks indexed again."], as_json=as_json)


def reconcile(context: typer.Context, matter: OneMatter = None, as_json: AsJson = False) -> None:
    """Compare search indexes with SQL in full, and rebuild those that disagree.

    Every id is compared both ways, every vector, and the approximate search with an exact one. Exit code 1
    says that one disagrees even when made anew.
    """
    session = session_of(context)
    names = [matter] if matter else [one.name for one in session.services.access.matters_of(session.actor)]
    values, lines, ok = [], [], True
    for name in names:
        session.tell(f"Comparing the indexes of {name!r} with SQL.")
        room = session.services.rooms.room(session.scope(name))
        found = room.inspect()
        values.append(_value(name, found, room.rebuilt))
        lines.append(_line(name, found))
        if not found.ok:
            _rebuild(session, room)
            after = room.inspect()
            values[-1] |= {"rebuilt": values[-1]["rebuilt"] + 1, "recall": after.recall, "ok": after.ok}
            lines.append(f"{name}: rebuilt; {'all agrees now' if after.ok else 'it still disagrees'}.")
            ok = ok and after.ok
    lines.append(f"{len(names)} matters compared.")
    session.show({"ok": ok, "matters": values}, lines, as_json=as_json)
    if not ok:
        raise typer.Exit(1)


def _rebuild(session: Session, room: Room) -> None:
    told = 0

    def tell(done: int) -> None:
        nonlocal told
        if done - told >= _TOLD_EVERY:
            session.tell(f"{done} chunks indexed again.")
            told = done

    room.rebuild(tell)


def _value(matter: str, found: Inspection, rebuilt: int) -> dict[str, Any]:
    """What was found; `rebuilt` counts rebuilds in this process, those that opening called for included."""
    return {"matter": matter, **asdict(found), "rebuilt": rebuilt, "ok": found.ok}


def _line(matter: str, found: Inspection) -> str:
    if found.agrees:
        enough = "" if found.ok else f", less than {RECALL_FLOOR:.2f}"
        return (
            f"{matter}: {found.chunks} chunks agree with SQL; recall of the index {found.recall:.3f}{enough}"
        )
    missing = f"{found.missing_vectors} vectors and {found.missing_words} texts are missing"
    extra = f"{found.extra_vectors} and {found.extra_words} are too many"
    return f"{matter}: of {found.chunks} chunks, {missing}, {extra}, {found.wrong_vectors} vectors differ"
