"""`muniment model`: install, approve, check and show the language models of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app import presenting
from app.commands.options import AsJson
from app.commands.session import Session, session_of
from app.pricing import speed_words
from app.wiring import load_options
from engine.costs import measured_speed
from engine.models import gguf
from engine.models.base import conditions_of
from engine.models.catalogue import ModelEntry, available_models
from engine.models.manifest import Manifest
from engine.models.weights import memory_in_use, read_checkpoint
from storage.errors import MunimentError, NotFound
from storage.records import JsonValue

app = typer.Typer(help="Language models on this machine.")

_Name = Annotated[str | None, typer.Argument(help="A model's name; without it, every installed one.")]
_STEPS = 20


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models that Muniment knows, installed or not."""
    session = session_of(context)
    entries = _entries(session)
    lines = [f"{one.name:<14} {'installed' if one.installed else 'absent':<10} {one.note}" for one in entries]
    session.show({"models": [one.to_json() for one in entries]}, lines, as_json=as_json)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="A model's name; without it, the one that answers is loaded.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which model answers: id, runtime, quantization really in memory, device, memory, speed."""
    session = session_of(context)
    if name is not None:
        entry = next((one for one in _entries(session) if name in (one.name, one.id)), None)
        if entry is None:
            raise NotFound(f"no model is named {name!r}; `muniment model list` shows them")
        value = entry.to_json() | {"quantization_expected": _expected(entry.weights)}
        session.show(value, _lines(value), as_json=as_json)
        return
    services = session.services
    identity = services.generator.identity
    approval = services.models.approval(identity.digest)
    runs = {key: one for key, one in conditions_of(services.generator).items() if key != "form_sha256"}
    speed = measured_speed(services.audit, identity.digest)
    value = {
        **identity.to_json(),
        "runs": runs,
        "memory_bytes": memory_in_use(),
        "tokens_per_s": {"read": speed.read_per_s, "written": speed.write_per_s, "answers": speed.answers},
        "approved_by": approval.by if approval else None,
        "approved_at": approval.at if approval else None,
    }
    told = value | {"tokens_per_s": speed_words(speed), "runs": presenting.runs_line(runs) or None}
    session.show(value, _lines(told), as_json=as_json)


@app.command()
def install(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="A folder of weights or a .gguf file, on a disk or a stick.")],
    name: Annotated[
        str | None, typer.Option("--name", help="What it is called here, e.g. gpt-oss-20b.")
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Approve it as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy a model into the folder of models, whole or not at all; it answers once it is approved."""
    session = session_of(context)
    models = session.services.models
    shown = -1

    def told(file: str, done: int, whole: int) -> None:
        nonlocal shown
        step = _STEPS * done // max(whole, 1)
        if step != shown:
            shown = step
            session.tell(f"{100 * done // max(whole, 1):>3} %  {file}")

    place = source if source.startswith("hub:") else session.path(Path(source))
    made, left_out = models.install(place, name=name, actor=session.actor, on_progress=told)
    for one in left_out:
        session.tell(f"left out, as it is not needed: {one}")
    session.tell(
        f"every file agrees with {made.checked_against}"
        if made.checked_against
        else "the source had no list of hashes (SHA256SUMS), so nothing says that it came here unchanged"
    )
    if approve:
        made = models.approve(made.name, actor=session.actor)
    after = "approved" if approve else f"look at it, then `muniment model approve {made.name}`"
    session.show(made.to_json(), [f"{made.name} is installed ({made.digest[:16]}); {after}"], as_json=as_json)


@app.command("approve")
def approve_(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of a model in the folder of models.")],
    as_json: AsJson = False,
) -> None:
    """Say that exactly these files may answer; goes into the audit log."""
    session = session_of(context)
    made = session.services.models.approve(name, actor=session.actor)
    session.show(made.to_json(), [f"{made.name} ({made.digest[:16]}) may answer"], as_json=as_json)


@app.command()
def verify(context: typer.Context, name: _Name = None, as_json: AsJson = False) -> None:
    """Read every byte of a model and name each file that is not as installed; exit code 1 if there is one."""
    session = session_of(context)
    models = session.services.models
    names = [name] if name is not None else [made.name for _, made in models.all()]
    results = [_verified(session, one) for one in names]
    ok = all(one["ok"] for one in results)
    lines = [
        f"{one['name']}: {file['file']} is {file['problem']}" for one in results for file in one["files"]
    ]
    lines += [f"{one['name']}: every file is as installed ({one['digest']})" for one in results if one["ok"]]
    session.show({"ok": ok, "models": results}, lines or ["no model is installed"], as_json=as_json)
    if not ok:
        raise typer.Exit(1)


def _verified(session: Session, name: str) -> dict[str, Any]:
    models = session.services.models
    found = models.verify(name, actor=session.actor)
    made: Manifest | None = models.manifest(name)
    files = [{"file": one.file, "problem": one.problem} for one in found]
    return {"name": name, "ok": not found, "digest": made.digest if made else None, "files": files}


def _entries(session: Session) -> list[ModelEntry]:
    services = session.services
    return available_models(
        services.models.folders,
        load_options(session.settings),
        seal=lambda folder: services.models.seal(folder, actor=session.actor),
    )


def _expected(weights: Path | None) -> str | None:
    """The number format of the files, from what they say of themselves."""
    if weights is None:
        return None
    try:
        if (weights / "config.json").is_file():
            checkpoint = read_checkpoint(weights)
            return "mxfp4" if checkpoint.is_mxfp4 else str(checkpoint.config.get("dtype") or "bf16")
        file = weights if weights.is_file() else sorted(weights.glob("*.gguf"))[0]
        return gguf.quantization(gguf.metadata(file))
    except (MunimentError, IndexError):
        # The note of the list says what is wrong with it.
        return None


def _lines(value: dict[str, JsonValue]) -> list[str]:
    return [f"{key}: {one}" for key, one in value.items() if one is not None]
