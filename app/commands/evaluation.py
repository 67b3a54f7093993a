"""`muniment eval`: how good the search is on public sets, through the product's own ingest and search.

Documents go into a scratch data folder, never into the user's own; it is gone afterwards unless kept.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.options import AsJson
from app.commands.session import Session, session_of
from app.owner import own
from engine.evaluation.questions import QuestionSet
from engine.evaluation.rephrasing import FORMS, rephrased
from engine.evaluation.reporting import Evaluation, Row, differences, evaluation, table, worst_lines
from engine.evaluation.running import SETTINGS, Evaluator
from engine.evaluation.sets import SETS, limited
from ingest.sources import Source
from storage.errors import NotFound, Refused, WrongUse
from storage.records import Document, Scope

if TYPE_CHECKING:
    from app.wiring import Services

_ALL = "all"
_TOLD_EVERY = 100


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("eval")(evaluate)


@dataclass(frozen=True, slots=True)
class _Measured:
    """One set, asked under every setting that was wanted."""

    asked: QuestionSet
    whole: QuestionSet
    not_read: tuple[str, ...]
    evaluations: tuple[Evaluation, ...]
    compared: tuple[tuple[str, str, tuple[Row, ...]], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "set": self.asked.name,
            "documents": len(self.asked.files),
            "questions": len(self.asked.questions),
            "left_out": {
                "documents": len(self.whole.files) - len(self.asked.files),
                "questions": len(self.whole.questions) - len(self.asked.questions),
            },
            "not_read": list(self.not_read),
            "settings": [one.to_json() for one in self.evaluations],
            "compared": [
                {"from": first, "to": second, "subsets": [row.to_json() for row in rows]}
                for first, second, rows in self.compared
            ],
        }

    def lines(self) -> Iterator[str]:
        asked = self.asked
        yield f"## {asked.name}: {len(asked.files)} documents, {len(asked.questions)} questions"
        documents = len(self.whole.files) - len(self.asked.files)
        questions = len(self.whole.questions) - len(self.asked.questions)
        if documents or questions:
            yield f"Left out by the limits: {documents} documents and {questions} questions of the set."
        if self.not_read:
            yield f"Not read in full: {', '.join(self.not_read)}."
        for one in self.evaluations:
            yield ""
            yield (
                f"{one.setting}: passages of {one.passage_characters:.0f} characters on average; "
                f"{one.median_ms:.0f} ms a question, {one.p95_ms:.0f} ms at the 95th percentile"
            )
            yield from table(one.rows)
        for first, second, rows in self.compared:
            yield ""
            yield f"{second} against {first}, question by question:"
            yield from table(rows, signed=True)
        for one in self.evaluations[:1]:
            if one.worst:
                yield ""
                yield f"The worst {len(one.worst)} under {one.setting}:"
                yield from worst_lines(one.worst)
        yield ""


def evaluate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SET", help=f"{', '.join(SETS)} or {_ALL}.")],
    data: Annotated[Path, typer.Option("--data", help="The folder with the sets, each in its own.")],
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Documents of each subset.")] = None,
    questions: Annotated[
        int | None, typer.Option("--questions", min=1, help="Questions of each subset.")
    ] = None,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option("--compare", help=f"Two settings of the search: {', '.join(SETTINGS)}."),
    ] = None,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Every setting, each compared with the product's.")
    ] = False,
    rephrase: Annotated[
        str | None,
        typer.Option("--rephrase", help=f"Ask in another form: {', '.join(FORMS)}."),
    ] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="How many of the worst to show.")] = 20,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="Keep what is ingested in this folder, for the next evaluation."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the search on public question sets; no language model is asked."""
    session = session_of(context)
    if name not in (*SETS, _ALL):
        raise NotFound(f"no set is named {name!r}; there are {', '.join(SETS)} and {_ALL}")
    settings = list(SETTINGS) if ablate else list(compare or [next(iter(SETTINGS))])
    if unknown := [one for one in settings if one not in SETTINGS]:
        raise WrongUse(f"no setting is named {unknown[0]!r}; there are {', '.join(SETTINGS)}")
    if rephrase is not None and rephrase not in FORMS:
        raise WrongUse(f"no form of questions is named {rephrase!r}; there are {', '.join(FORMS)}")
    folder = session.path(data)
    loaded = [one for each in (SETS if name == _ALL else [name]) for one in SETS[each](folder)]
    measured = []
    with _scratch(session, keep) as services:
        for whole in loaded:
            asked = limited(whole, documents=limit, questions=questions)
            if rephrase is not None:
                asked = rephrased(asked, rephrase)
            if not asked.questions:
                raise WrongUse(f"no question of {whole.name} is left; give a larger --limit or no --rephrase")
            measured.append(_measured(session, services, asked, whole, settings, limit=limit, worst=worst))
    lines = [line for one in measured for line in one.lines()]
    session.show({"sets": [one.to_json() for one in measured]}, lines, as_json=as_json)


@contextmanager
def _scratch(session: Session, keep: Path | None) -> Iterator[Services]:
    """The services of a data folder that has nothing to do with the session's own."""
    from app.wiring import build

    with ExitStack() as stack:
        passing = stack.enter_context(tempfile.TemporaryDirectory(prefix="muniment-eval-"))
        home = Path(passing) if keep is None else session.path(keep)
        if home == session.settings.home:
            raise Refused("the evaluation keeps out of your own data folder; give --keep another one")
        ownership = own(home)
        if ownership is None:
            raise Refused(
                f"another process works in {str(home)!r}; let it finish, or give --keep another one"
            )
        stack.callback(ownership.release)
        services = build(session.settings.model_copy(update={"home": home, "database_url": None}))
        stack.callback(services.close)
        yield services


def _measured(
    session: Session,
    services: Services,
    asked: QuestionSet,
    whole: QuestionSet,
    settings: Sequence[str],
    *,
    limit: int | None,
    worst: int,
) -> _Measured:
    # Another limit is another index: it must not find what an earlier one brought in.
    matter = asked.index or asked.name if limit is None else f"{asked.name}, {limit} a subset"
    actor = services.accounts.local_operator()
    if all(one.name != matter for one in services.library.matters()):
        services.library.create_matter(matter, actor)
    scope = services.access.scope(actor, matter)
    _take_in(session, services, asked, scope)
    documents = services.library.documents(scope)
    evaluator = Evaluator(services.retriever, scope, asked, documents)
    outcomes = {}
    for setting in settings:

        def tell(done: int, setting: str = setting) -> None:
            if done % _TOLD_EVERY == 0:
                session.tell(f"{asked.name}, {setting}: {done} of {len(asked.questions)} questions")

        outcomes[setting] = evaluator.run(SETTINGS[setting], tell=tell)
    first, *others = settings
    return _Measured(
        asked=asked,
        whole=whole,
        not_read=_not_read(asked, documents),
        evaluations=tuple(
            evaluation(asked, setting, found, worst=worst) for setting, found in outcomes.items()
        ),
        compared=tuple(
            (first, other, differences(asked, outcomes[first], outcomes[other])) for other in others
        ),
    )


def _take_in(session: Session, services: Services, asked: QuestionSet, scope: Scope) -> None:
    """Take the set's documents in; those that are there already are not read again."""
    session.tell(f"{asked.name}: {len(asked.files)} documents to take in")
    with tempfile.TemporaryDirectory(prefix="muniment-eval-") as folder:
        sources = []
        for at, one in enumerate(asked.files):
            file = one.content
            if isinstance(file, str):
                file = Path(folder) / f"{at}.txt"
                file.write_bytes(one.data())
            sources.append(Source(one.name, file, file.stat().st_size))
        services.importer.resume(scope)
        report = services.importer.run(scope, sources)
    session.tell(f"{asked.name}: ready after {report.seconds:.0f} s")


def _not_read(asked: QuestionSet, documents: Sequence[Document]) -> tuple[str, ...]:
    """Names of the set's documents that lack a page or are not there at all."""
    whole = {one.path for one in documents if one.pages_read == one.page_count > 0}
    return tuple(one.name for one in asked.files if one.name not in whole)
