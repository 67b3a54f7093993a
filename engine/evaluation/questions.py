"""A question of a public set, what counts as its answer, and how a search's passages are scored on it.

Each kind of answer scores itself, so that one loop can ask them all. `depth` is how many passages it looks
at; the search is asked for exactly as many, because the last places of a list depend on its length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from engine.evaluation.metrics import (
    Stretch,
    all_within,
    any_within,
    characters,
    ndcg,
    share_of_grade,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a search gave back."""

    document: str
    page: int
    """From 1."""
    start: int
    end: int
    """In the document's text with every line end as one character, where `spans` are scored."""
    text: str


class Gold(Protocol):
    """What answers a question."""

    @property
    def depth(self) -> int:
        """How many passages are looked at."""

    @property
    def documents(self) -> frozenset[str]:
        """The documents that it lies in."""

    def within(self, kept: frozenset[str]) -> Gold | None:
        """What is left of it when only these documents are there; None when it cannot be asked."""

    def scored(self, found: Sequence[Found]) -> dict[str, float]:
        """Each measure's value, the most telling first."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Marked characters of documents: LegalBench-RAG."""

    stretches: tuple[Stretch, ...]
    depth: int = 64

    @property
    def documents(self) -> frozenset[str]:
        """See `Gold.documents`."""
        return frozenset(one.document for one in self.stretches)

    def within(self, kept: frozenset[str]) -> Spans | None:
        """All of them must be there."""
        return self if self.documents <= kept else None

    def scored(self, found: Sequence[Found]) -> dict[str, float]:
        """Character precision and recall, and whether the right document is found."""
        at = [Stretch(one.document, one.start, one.end) for one in found]
        scores = {k: characters(at[:k], self.stretches) for k in (1, 8, 64)}
        return {
            **{f"P@{k}": precision for k, (precision, _) in scores.items()},
            **{f"R@{k}": recall for k, (_, recall) in scores.items()},
            **_document_measures(found, self.documents),
        }


@dataclass(frozen=True, slots=True)
class Grades:
    """Documents graded from 0 to 4, one to five stars; those that nobody judged are not searched: ACORD."""

    grades: Mapping[str, int]
    depth: int = 64

    @property
    def documents(self) -> frozenset[str]:
        """The ones that are any good."""
        return frozenset(one for one, grade in self.grades.items() if grade)

    def within(self, kept: frozenset[str]) -> Grades | None:
        """The judged ones that are there, if one of them is any good."""
        left = {one: grade for one, grade in self.grades.items() if one in kept}
        return replace(self, grades=left) if self.documents & kept else None

    def scored(self, found: Sequence[Found]) -> dict[str, float]:
        """NDCG and the share of good clauses; a document stands where its first passage does."""
        ranked = list(dict.fromkeys(one.document for one in found))
        return {
            "NDCG@5": ndcg(ranked, self.grades, 5),
            "NDCG@10": ndcg(ranked, self.grades, 10),
            "3-star P@5": share_of_grade(ranked, self.grades, least=2, k=5),
            "4-star P@5": share_of_grade(ranked, self.grades, least=3, k=5),
        }


@dataclass(frozen=True, slots=True)
class Pages:
    """Pools of pages: a page of each pool is needed, any page of a pool will do."""

    pools: tuple[frozenset[tuple[str, int]], ...]
    depth: int = 10

    @property
    def documents(self) -> frozenset[str]:
        """See `Gold.documents`."""
        return frozenset(document for pool in self.pools for document, _ in pool)

    def within(self, kept: frozenset[str]) -> Pages | None:
        """All of them must be there."""
        return self if self.documents <= kept else None

    def scored(self, found: Sequence[Found]) -> dict[str, float]:
        """Whether the first passages stand on the pages that answer."""
        pages = [(one.document, one.page) for one in found]
        return {
            **{
                f"page@{k}": float(all(not pool.isdisjoint(pages[:k]) for pool in self.pools))
                for k in (1, 5, 10)
            },
            **_document_measures(found, self.documents),
        }


@dataclass(frozen=True, slots=True)
class Cited:
    """Documents that an answer cites; all of them are needed: KG-RAG."""

    documents: frozenset[str]
    depth: int = 10

    def within(self, kept: frozenset[str]) -> Cited | None:
        """All of them must be there."""
        return self if self.documents <= kept else None

    def scored(self, found: Sequence[Found]) -> dict[str, float]:
        """Whether the first passages come from all of them."""
        ranked = [one.document for one in found]
        return {
            "all cited@5": all_within(ranked, self.documents, 5),
            "all cited@10": all_within(ranked, self.documents, 10),
            **_document_measures(found, self.documents),
        }


@dataclass(frozen=True, slots=True)
class Marked:
    """A place in one document, known by a few of its words; without words, the document itself."""

    document: str
    marker: str | None = None
    depth: int = 10

    @property
    def documents(self) -> frozenset[str]:
        """See `Gold.documents`."""
        return frozenset({self.document})

    def within(self, kept: frozenset[str]) -> Marked | None:
        """It must be there."""
        return self if self.document in kept else None

    def scored(self, found: Sequence[Found]) -> dict[str, float]:
        """Whether the place is among the first passages, and whether its document is."""
        places = [one.document == self.document and self._holds(one.text) for one in found]
        return {
            **{f"hit@{k}": float(any(places[:k])) for k in (1, 3, 10)},
            **_document_measures(found, self.documents),
        }

    def _holds(self, text: str) -> bool:
        return self.marker is None or " ".join(self.marker.split()) in " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a set."""

    id: str
    text: str
    subset: str
    group: str
    """Questions of one group rise and fall together: they are about one document, or one company's."""
    gold: Gold
    among: frozenset[str] | None = None
    """Only these documents are searched; None is all of them."""


@dataclass(frozen=True, slots=True)
class File:
    """A document of a set: a file, or a text that stands in none."""

    name: str
    subset: str
    content: Path | str

    def data(self) -> bytes:
        """Its bytes."""
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content.encode()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The documents of one index, and what is asked of them."""

    name: str
    files: tuple[File, ...]
    questions: tuple[Question, ...]
    overall: Literal["mean of subsets", "all questions"] | None = None
    """What sums the set up, as its authors do."""
    index: str = ""
    """The set whose documents these are as well, so that they are taken in once."""


def _document_measures(found: Sequence[Found], right: frozenset[str]) -> dict[str, float]:
    ranked = [one.document for one in found]
    return {"document@1": any_within(ranked, right, 1), "document@5": any_within(ranked, right, 5)}
