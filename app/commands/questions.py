"""`muniment search` and `ask`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from app import sending_words
from app.boxes import with_boxes
from app.commands.options import AsJson, DocumentName, MatterName
from app.commands.session import Session, session_of
from app.why import also_line, found_line, route_line
from engine.answers import Answer, Outcome, passage_to_json
from engine.explaining import explained, route_to_json
from engine.searched import searched_line
from engine.sending import Outgoing
from storage.errors import MunimentError, Refused, WrongUse
from storage.records import Scope, Sending

Batch = Annotated[
    Path | None,
    typer.Option("--batch", help="A file of JSON lines with `id`, `query` and optional `document`."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command()(search)
    app.command()(ask)


def search(
    context: typer.Context,
    matter: MatterName,
    query: Annotated[str | None, typer.Argument(help="Words to look for.")] = None,
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many passages.")] = 10,
    document: DocumentName = None,
    batch: Batch = None,
    as_json: AsJson = False,
) -> None:
    """Find passages, without a language model."""
    session = session_of(context)

    def found_for(words: str, of: str | None) -> dict[str, Any]:
        scope = session.scope(matter, of)
        found = session.services.retriever.search(scope, words, limit=k)
        passages = explained(words, found.passages, found.named)
        return {
            "passages": [passage_to_json(passage) for passage in passages],
            "route": route_to_json(found.named, passages),
            "timings_ms": dict(found.timings_ms),
        }

    if batch is not None:
        _run_batch(session, batch, found_for)
        return
    value = found_for(_required(query), document)
    lines = [
        "\n".join(
            (
                f"{one['rank']}. {one['document']}, p. {one['page']}",
                *(f"   {line}" for line in (found_line(one), also_line(one)) if line),
                f"{one['text']}\n",
            )
        )
        for one in value["passages"]
    ]
    if route := route_line(value["route"]):
        lines.append(route)
    session.show(value, lines or ["Nothing was found."], as_json=as_json)
    if not value["passages"]:
        raise typer.Exit(1)


def ask(
    context: typer.Context,
    matter: MatterName,
    question: Annotated[str | None, typer.Argument(help="The question.")] = None,
    effort: Annotated[str, typer.Option("--effort", help="low, medium or high.")] = "low",
    document: DocumentName = None,
    batch: Batch = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send it to the remote model, where the matter allows it.")
    ] = False,
    here: Annotated[bool, typer.Option("--here", help="Ask the model on this machine.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer a question; every statement is checked against the passage that it cites."""
    session = session_of(context)
    if effort not in ("low", "medium", "high"):
        raise WrongUse(f"--effort is low, medium or high, not {effort!r}")
    if send and here:
        raise WrongUse("--send and --here are opposites; give one of them")

    def answered(words: str, of: str | None) -> Answer:
        scope = session.scope(matter, of)
        outgoing = None if here else _outgoing(session, scope, words, effort, send=send)
        if outgoing is not None and not send:
            raise _NotSent(outgoing)
        for line in _sent_lines(outgoing):
            session.tell(line)
        consent = outgoing.digest if outgoing is not None else None
        # Loading, where this process does some, waits for whoever waits for an answer.
        with session.services.attention.asking():
            answer = session.services.assistant.ask(scope, words, effort=effort, consent=consent)
        return with_boxes(session.services, scope, answer)

    if batch is not None:
        _run_batch(session, batch, lambda words, of: answered(words, of).to_json())
        return
    try:
        answer = answered(_required(question), document)
    except _NotSent as error:
        value = {"outgoing": error.outgoing.to_json(), "error": str(error)}
        session.show(value, _outgoing_lines(error.outgoing), as_json=as_json)
        raise
    session.show(answer.to_json(), _lines(answer), as_json=as_json)
    if answer.outcome is Outcome.FAILED:
        raise typer.Exit(4)
    if answer.outcome is Outcome.ABSTAINED:
        raise typer.Exit(1)


class _NotSent(Refused):
    """A remote model would be asked, and nobody said that it may be."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__(
            f"nothing was sent; add --send to send exactly this to {outgoing.host}, or --here to ask the "
            "model on this machine"
        )
        self.outgoing = outgoing


def _outgoing(session: Session, scope: Scope, words: str, effort: str, *, send: bool) -> Outgoing | None:
    """What would be sent; None where the matter's questions are answered on this machine."""
    services = session.services
    local = services.remote is None or services.access.sending(scope) is Sending.LOCAL_ONLY
    # Asked to send where nothing may be sent, the engine refuses.
    return None if local and not send else services.assistant.preview(scope, words, effort=effort)


def _outgoing_lines(outgoing: Outgoing) -> Iterator[str]:
    yield f"This would leave the machine, for {outgoing.model} at {outgoing.host}:"
    for role, text in outgoing.messages:
        yield f"\n--- {role}\n{text}"
    yield ""
    yield from sending_words.facts(outgoing)


def _sent_lines(outgoing: Outgoing | None) -> Iterator[str]:
    if outgoing is not None:
        yield f"Sending to {outgoing.model} at {outgoing.host}:"
        yield from sending_words.facts(outgoing)


def _lines(answer: Answer) -> Iterator[str]:
    yield answer.text
    # A row of a list by document has its quote beside it.
    listed = () if answer.documents else answer.citations
    if listed:
        yield ""
    for citation in listed:
        quote = " ".join(citation.quote.split())
        yield f'[{citation.n}] {citation.document}, p. {citation.span.page}: "{quote}"'
    model = answer.model
    by = f"answered by {model.id} ({model.quantization}, {model.runtime})"
    # No token was read where the search had found nothing to read.
    asked = by if answer.usage.prompt_tokens else "no model was asked"
    yield f"\n{answer.outcome.value}; {asked}"
    if answer.searched is not None:
        yield searched_line(answer.searched.to_json())


def _required(words: str | None) -> str:
    if not words:
        raise WrongUse("say what to look for, or give --batch FILE")
    return words


def _run_batch(session: Session, batch: Path, one: Callable[[str, str | None], dict[str, Any]]) -> None:
    """One JSON object a line, in order; a line that cannot be answered says why and the others go on."""
    requests = list(_requests(session.path(batch)))
    for request in requests:
        try:
            value = one(str(request["query"]), request.get("document"))
        except MunimentError as error:
            value = {"error": str(error), "exit_code": error.exit_code}
        session.show({"id": request["id"], **value}, (), as_json=True)


def _requests(batch: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(batch.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            request = json.loads(line)
            yield {"id": request["id"], "query": request["query"], "document": request.get("document")}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise WrongUse(f"line {number} of {batch.name} is not an object with `id` and `query`") from error
