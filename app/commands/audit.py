"""`muniment audit`: read, check, export and anchor the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.options import AsJson, OutFile
from app.commands.session import session_of
from app.replay_text import replay_lines
from storage.audit_proof import Checkpoint, Verification, parse_checkpoints, verify_export
from storage.errors import NotFound, WrongUse
from storage.ids import timestamp
from storage.records import AuditEntry

app = typer.Typer(help="The audit log: every act, in a form that can be proved.")


@app.command("list")
def list_(
    context: typer.Context,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only acts of this kind, e.g. answer.given.")
    ] = None,
    matter: Annotated[str | None, typer.Option("--matter", help="Only acts in this matter.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = 50,
    before: Annotated[int | None, typer.Option("--before", help="Only entries before this index.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest entries."""
    session = session_of(context)
    entries = session.services.audit.entries(
        kinds=[kind] if kind else None,
        matter_ids=[session.scope(matter).matter.id] if matter else None,
        limit=limit,
        before=before,
    )
    lines = [f"{one.index:>8}  {timestamp(one.at)}  {one.kind:<22} {one.actor}" for one in entries]
    session.show({"entries": [_entry_json(one) for one in entries]}, lines, as_json=as_json)


@app.command()
def show(
    context: typer.Context,
    index: Annotated[int, typer.Argument(help="The entry's index, from 0.")],
    as_json: AsJson = False,
) -> None:
    """Show one entry whole."""
    session = session_of(context)
    entry = session.services.audit.entry(index)
    value = {**_entry_json(entry), "canonical": entry.canonical.decode()}
    pretty = json.dumps(json.loads(entry.canonical), indent=2, ensure_ascii=False)
    session.show(value, [pretty, f"leaf {entry.leaf_hash}", f"head {entry.head}"], as_json=as_json)


@app.command()
def verify(
    context: typer.Context,
    export: Annotated[
        Path | None, typer.Option("--export", help="Check this export instead: needs no data folder.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="A checkpoint that was kept elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the whole log; exit code 1 names the first entry that is wrong."""
    session = session_of(context)
    anchors = [one for file in checkpoint or [] for one in _read_checkpoints(session.path(file))]
    if export is not None:
        result = verify_export(_existing(session.path(export)), checkpoints=anchors)
    else:
        services = session.services
        kept = sorted(services.checkpoints.glob("*.json"))
        anchors += [one for file in kept for one in _read_checkpoints(file)]
        result = services.audit.verify(checkpoints=anchors)
        services.audit.append("audit.verified", session.actor, data={"ok": result.ok, "size": result.size})
    session.show(result.to_json(), [_verdict(result)], as_json=as_json)
    if not result.ok:
        raise typer.Exit(1)


@app.command()
def replay(
    context: typer.Context,
    index: Annotated[int, typer.Argument(help="The index of an answer's or a summary's entry.")],
    as_json: AsJson = False,
) -> None:
    """Make an answer again from its record; exit code 1 says that inputs or words are not the same."""
    session = session_of(context)
    services = session.services
    matter_id = services.audit.entry(index).matter_id
    name = next((one.name for one in services.access.matters_of(session.actor) if one.id == matter_id), None)
    if name is None:
        raise NotFound(
            f"entry {index} is about no matter that is here; only a matter's answers can be replayed"
        )
    with services.attention.asking():
        made = services.replayer.replay(session.scope(name), index)
    session.show(made.to_json(), replay_lines(made), as_json=as_json)
    if not made.confirmed:
        raise typer.Exit(1)


@app.command()
def export(context: typer.Context, out: OutFile = None, as_json: AsJson = False) -> None:
    """Write the whole log as JSON lines that anybody can check."""
    session = session_of(context)
    if out is None:
        raise WrongUse("say where to write the export: --out FILE")
    services = session.services
    target = session.path(out)
    services.audit.append("audit.exported", session.actor, data={"to": target.name})
    with target.open("w", encoding="utf-8") as stream:
        size = services.audit.export(stream)
    value = {"file": str(target), "size": size}
    session.show(value, [f"{size} entries written to {target}"], as_json=as_json)


@app.command()
def checkpoint(context: typer.Context, out: OutFile = None, as_json: AsJson = False) -> None:
    """Take the log's size and head, to be kept out of this machine's reach."""
    session = session_of(context)
    services = session.services
    services.audit.append("audit.checkpointed", session.actor, data={})
    taken = services.audit.checkpoint()
    services.checkpoints.mkdir(mode=0o700, exist_ok=True)
    for file in [services.checkpoints / f"{taken.size:012}.json", *([session.path(out)] if out else [])]:
        file.write_text(taken.text() + "\n")
    session.tell("Keep this line where nobody who runs this machine can change it:")
    session.show(taken.to_json(), [taken.text()], as_json=as_json)


def _read_checkpoints(file: Path) -> list[Checkpoint]:
    return parse_checkpoints(_existing(file).read_text())


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise NotFound(f"there is no file {str(file)!r}; check the spelling")
    return file


def _verdict(result: Verification) -> str:
    if not result.ok:
        where = "" if result.first_bad is None else f" at entry {result.first_bad}"
        return f"The log does not hold{where}: {result.reason}"
    anchored = (
        f"the first {result.anchored.size} of them agree with a checkpoint of {result.anchored.at}"
        if result.anchored
        else "no checkpoint kept elsewhere speaks for them yet"
    )
    return f"All {result.size} entries hold; {anchored}."


def _entry_json(entry: AuditEntry) -> dict[str, Any]:
    content = json.loads(entry.canonical)
    return {
        "index": entry.index,
        "at": timestamp(entry.at),
        "kind": entry.kind,
        "actor": content["actor"],
        "matter": content["matter"],
        "data": content["data"],
        "leaf_hash": entry.leaf_hash,
        "head": entry.head,
    }
