"""`muniment summarise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, DocumentName, MatterName, OutFile
from app.commands.session import session_of
from engine.exporting import FORMATS, export, to_markdown
from storage.errors import WrongUse
from storage.ids import random_id


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(summarise)


def summarise(
    context: typer.Context,
    matter: MatterName,
    document: DocumentName = None,
    template: Annotated[
        str, typer.Option("--template", help="overview, obligations or figures.")
    ] = "overview",
    length: Annotated[str, typer.Option("--length", help="short or standard.")] = "standard",
    out: OutFile = None,
    resume: Annotated[str | None, typer.Option("--resume", help="Go on with an interrupted summary.")] = None,
    as_json: AsJson = False,
) -> None:
    """Summarise one document or a whole matter, with a citation for every statement."""
    session = session_of(context)
    services = session.services
    if out is not None and out.suffix.lstrip(".") not in FORMATS:
        raise WrongUse(
            f"--out ends in {' or '.join('.' + one for one in FORMATS)}, not {out.suffix or out.name!r}"
        )
    scope = session.scope(matter, document)
    target = None if document is None else services.library.document(scope, document)
    summary_id = resume or random_id("summary")
    session.tell(f"summary {summary_id}; if it is interrupted, add --resume {summary_id}")
    summary = services.summariser.run(
        scope,
        summary_id=summary_id,
        title=target.path if target else scope.matter.name,
        document_id=target.id if target else None,
        template=template,
        length=length,
        on_progress=lambda done, total, label: session.tell(f"{done} of {total}: {label}"),
    )
    services.shelf.save_summary(
        scope,
        summary_id=summary_id,
        title=summary.title,
        body=summary.to_json(),
        audit_index=summary.audit.index,
    )
    if out is not None:
        target_file: Path = session.path(out)
        target_file.write_bytes(export(services.audit, scope, summary, out.suffix.lstrip(".")))
    session.show(summary.to_json(), [to_markdown(summary)], as_json=as_json)
