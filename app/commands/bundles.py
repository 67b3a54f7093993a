"""`muniment bundle`: one archive for a machine with no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app import bundling
from app.commands.options import AsJson
from app.commands.session import session_of
from storage.errors import Refused, WrongUse


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(bundle)


def bundle(
    context: typer.Context,
    out: Annotated[Path | None, typer.Argument(help="The archive to write, e.g. muniment.tar.")] = None,
    wheels: Annotated[
        Path | None, typer.Option("--wheels", help="A folder of wheels, Muniment's own among them.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="An installed model; without it, every one.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", help="Check this archive instead: needs no data folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make one archive of wheels, models, kernels and vocabulary that installs with no network."""
    session = session_of(context)
    if check is not None:
        wrong = bundling.check(session.path(check))
        lines = wrong or ["every file is as it was packed"]
        session.show({"ok": not wrong, "problems": list(wrong)}, lines, as_json=as_json)
        if wrong:
            raise typer.Exit(1)
        return
    if out is None or wheels is None:
        raise WrongUse("say what to write and where the wheels are: muniment bundle OUT --wheels FOLDER")
    models = session.services.models
    names = model or [made.name for _, made in models.all()]
    taken = {}
    for name in names:
        made = models.manifest(name)
        if made is None:
            raise Refused(f"{name} has no manifest; `muniment model approve {name}` makes it")
        taken[models.folder(name)] = made
    session.tell(f"reading {len(taken)} models and the wheels for their hashes")
    parts = bundling.parts_of(
        wheels=session.path(wheels),
        models=taken,
        folders=models.folders,
        with_vocabulary=any("gpt-oss" in f"{made.name} {made.id}" for made in taken.values()),
    )
    target = session.path(out)
    digest = bundling.write(
        target,
        parts,
        on_progress=lambda name, done, whole: session.tell(f"{100 * done // max(whole, 1):>3} %  {name}"),
    )
    value = {"file": str(target), "sha256": digest, "files": len(parts), "models": list(names)}
    session.show(value, [f"{digest}  {target.name}"], as_json=as_json)
