"""`muniment ingest`, `reread` and `page`: documents on their way in, and what was read of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.commands.options import AsJson, MatterName
from app.commands.session import Session, session_of
from ingest.report import DocumentReport, IngestProgress, IngestReport, IngestStatus
from ingest.sources import gathered
from storage.errors import Refused, WrongUse
from storage.records import Page

PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--passwords",
        help="A file with one password a line, tried on locked documents; - reads them from standard input. "
        "They are kept nowhere.",
    ),
]
_READ = (IngestStatus.COMPLETE, IngestStatus.DUPLICATE, IngestStatus.UNCHANGED)


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(ingest)
    app.command()(reread)
    app.command()(page)


def ingest(
    context: typer.Context,
    matter: MatterName,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files, folders and zip archives.")] = None,
    passwords: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Load documents into a matter, made if there is none; without PATHS, finish what a stopped run left.

    Exit code 1 says that something was not read in full, 3 that a rule kept all of that out; each is named.
    """
    session = session_of(context)
    services = session.services
    keys = _passwords(session, passwords)
    tell = _teller(session)
    given = [session.path(one) for one in paths or []]
    # Confidential files are unpacked nowhere but in the data folder, which the next start clears.
    with gathered(given, services.limits, workspace=services.library.unpacking_folder()) as sources:
        # Only once the paths are known to be there: a misspelt command makes nothing.
        if paths and all(one.name != matter for one in services.access.matters_of(session.actor)):
            services.library.create_matter(matter, session.actor)
            session.tell(f"Matter {matter!r} did not exist and was created.")
        scope = session.scope(matter)
        finished = services.importer.resume(scope, on_progress=tell)
        report = services.importer.run(scope, sources, passwords=keys, on_progress=tell)
    _end(session, report if paths else finished, as_json=as_json)


def reread(
    context: typer.Context,
    document: Annotated[str, typer.Argument(help="The document's path in the matter, or its id.")],
    matter: MatterName,
    passwords: PasswordFile = None,
    hidden: Annotated[
        bool | None,
        typer.Option(
            "--accept-hidden/--leave-hidden",
            help="Take text into the document that nobody who looks at its pages would see, or leave it out.",
        ),
    ] = None,
    ocr: Annotated[
        Literal["auto", "always", "never"] | None,
        typer.Option(help="Read pages as pictures: where their text is missing or bad, always, or never."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a document's kept file again, as a person wants it; what is shown of it stays until that is done.

    Exit code 1 says that something was not read in full; it is named.
    """
    session = session_of(context)
    scope = session.scope(matter)
    keys = _passwords(session, passwords)
    if len(keys) > 1:
        raise WrongUse("one document has one password; give a file with one line")
    report = session.services.importer.reread(
        scope,
        session.services.library.document(scope, document).id,
        password=keys[0] if keys else None,
        with_hidden=hidden,
        ocr=ocr,
        on_progress=_teller(session),
    )
    _end(session, report, as_json=as_json)


def _passwords(session: Session, given: Path | None) -> list[str]:
    if given is None:
        return []
    if str(given) == "-":
        text = session.stdin
    else:
        try:
            text = session.path(given).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUse(f"the passwords in {str(given)!r} cannot be read; check the file") from error
    return [line for line in text.splitlines() if line]


def _teller(session: Session) -> Callable[[IngestProgress], None]:
    told = ""

    def tell(progress: IngestProgress) -> None:
        nonlocal told
        line = (
            f"{progress.files_done} of {progress.files_total} files, "
            f"{progress.pages_done} pages: {progress.current}"
        )
        if line != told:
            session.tell(line)
            told = line

    return tell


def _end(session: Session, report: IngestReport, *, as_json: bool) -> None:
    """Show a report; the exit code says whether all was read."""
    session.show(report.to_json(), _report_lines(report), as_json=as_json)
    unread = [one for one in report.documents if one.status not in _READ]
    for one in unread:
        session.tell(f"muniment: {_why(one)}")
    if unread:
        # Files that a rule kept out (too large, a name that leads out of its folder) were never looked into.
        refused = all(problem.stage == "gather" for one in unread for problem in one.problems)
        raise typer.Exit(Refused.exit_code if refused else 1)


def _report_lines(report: IngestReport) -> list[str]:
    lines = [_document_line(one) for one in report.documents]
    unread = [one for one in report.documents if one.status not in _READ]
    lines.append(f"{len(report.documents)} documents, {len(unread)} not read in full.")
    return lines


def _document_line(one: DocumentReport) -> str:
    return f"{one.document}: {one.status.value}, {one.pages_read} of {one.pages} pages read"


def _why(one: DocumentReport) -> str:
    """In one line, why a document was not read in full."""
    whole = [problem.reason for problem in one.problems if problem.page is None]
    pages = [f"page {problem.page}: {problem.reason}" for problem in one.problems if problem.page is not None]
    return whole[0] if whole else f"{one.document!r}, {'; '.join(pages)}"


def page(
    context: typer.Context,
    document: Annotated[str, typer.Argument(help="The document's path in the matter, or its id.")],
    matter: MatterName,
    number: Annotated[int | None, typer.Option("--page", help="Only this page, from 1.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the text of a document's pages and how each was read."""
    session = session_of(context)
    scope = session.scope(matter)
    library = session.services.library
    shown = library.document(scope, document)
    pages = library.pages(scope, shown.id) if number is None else [library.page(scope, shown.id, number)]
    session.services.audit.append(
        "document.opened",
        session.actor,
        matter_id=scope.matter.id,
        data={"document_id": shown.id, "version_id": shown.version_id, "page": number},
    )
    value = {"document": shown.path, "document_id": shown.id, "pages": [_page_json(one) for one in pages]}
    lines = [line for one in pages for line in (_page_head(one), one.text)]
    session.show(value, lines, as_json=as_json)


def _page_head(one: Page) -> str:
    label = f", {one.label}" if one.label else ""
    return f"--- page {one.number}{label} ({one.problem or one.how.value})"


def _page_json(one: Page) -> dict[str, Any]:
    return {
        "page": one.number,
        "text": one.text,
        "how": one.how.value,
        "quality": one.quality,
        "problem": one.problem,
        "label": one.label,
        "hidden": [{"text": hidden.text, "why": hidden.why} for hidden in one.hidden],
    }
