"""Ask a set's questions through the product's own search, and score what comes back.

A document that was not read counts against the search: its questions are asked all the same.
"""

from __future__ import annotations

import dataclasses
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from engine.evaluation.questions import Found, Question, QuestionSet
from engine.retrieval import MEASURED, WHOLE, Retriever, SearchSettings
from storage.records import Document, Passage, Scope

_SHOWN = 3
_ALONE = SearchSettings(
    keyword=0,
    document=0,
    topic=0,
    formality=0,
    page=0,
    together=0,
    figure=0,
    reference=0,
    naming=0,
    inside=0,
    collapse=False,
    trim=False,
)
SETTINGS: Mapping[str, SearchSettings] = MappingProxyType(
    {
        "fused": MEASURED,
        "dense": _ALONE,
        "keyword": dataclasses.replace(_ALONE, dense=0, keyword=1),
        "dense-keyword": dataclasses.replace(_ALONE, keyword=MEASURED.keyword),
        "no-documents": dataclasses.replace(MEASURED, document=0, inside=0),
        "no-dense": dataclasses.replace(MEASURED, dense=0),
        "no-keyword": dataclasses.replace(MEASURED, keyword=0),
        "no-sentences": dataclasses.replace(MEASURED, together=0),
        "no-naming": dataclasses.replace(MEASURED, naming=0),
        "no-inside": dataclasses.replace(MEASURED, inside=0),
        "no-references": dataclasses.replace(MEASURED, reference=0),
        "no-figures": dataclasses.replace(MEASURED, figure=0),
        "no-topics": dataclasses.replace(MEASURED, topic=0),
        "no-formalities": dataclasses.replace(MEASURED, formality=0),
        "no-spread": dataclasses.replace(MEASURED, page=0),
        "no-reranker": dataclasses.replace(MEASURED, rerank=0),
        "no-trimming": WHOLE,
        "no-collapsing": dataclasses.replace(MEASURED, collapse=False),
    }
)
"""Searches by name: the product's first, then single rankings, then the product's without one part."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one question fared."""

    question: Question
    values: Mapping[str, float]
    milliseconds: float
    lengths: tuple[int, ...]
    """Characters of each passage that came back."""
    shown: tuple[Found, ...]
    """The first passages."""


class Evaluator:
    """Asks the questions of one set, whose documents are in one matter."""

    def __init__(
        self, retriever: Retriever, scope: Scope, asked: QuestionSet, documents: Sequence[Document]
    ) -> None:
        """Nothing is searched yet; `documents` are the matter's."""
        self._retriever = retriever
        self._scope = scope
        self._asked = asked
        self._ids = {one.path: one.id for one in documents}
        self._names = {one.id: one.path for one in documents}
        self._files = {one.name: one for one in asked.files}
        self._line_ends: dict[str, Sequence[int]] = {}

    def run(self, settings: SearchSettings, *, tell: Callable[[int], None]) -> list[Outcome]:
        """Every question once, in order; `tell` hears how many are done."""
        outcomes = []
        for done, question in enumerate(self._asked.questions, start=1):
            outcomes.append(self._ask(question, settings))
            tell(done)
        return outcomes

    def _ask(self, question: Question, settings: SearchSettings) -> Outcome:
        scope = self._scope
        if question.among is not None:
            among = frozenset(self._ids[name] for name in question.among if name in self._ids)
            scope = dataclasses.replace(scope, document_ids=among)
        result = self._retriever.search(scope, question.text, limit=question.gold.depth, settings=settings)
        found = [self._found(passage) for passage in result.passages]
        return Outcome(
            question=question,
            values=question.gold.scored(found),
            milliseconds=result.timings_ms["total"],
            lengths=tuple(len(one.text) for one in found),
            shown=tuple(found[:_SHOWN]),
        )

    def _found(self, passage: Passage) -> Found:
        name, span = self._names[passage.chunk.document_id], passage.chunk.span
        start, end = span.start, span.end
        if name.endswith(".txt"):
            wide = self._wide_line_ends(name)
            start, end = start - bisect_left(wide, start), end - bisect_left(wide, end)
        return Found(name, span.page, start, end, passage.chunk.text)

    def _wide_line_ends(self, name: str) -> Sequence[int]:
        """Where a text file has a line end of two characters, which the sets' spans count as one."""
        if name not in self._line_ends:
            text = self._files[name].data().decode(errors="replace")
            self._line_ends[name] = [one.start() for one in re.finditer("\r\n", text)]
        return self._line_ends[name]
