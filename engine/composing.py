"""Put checked sentences together into what is shown: the model's own where they stand, quotes where not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.answers import Citation, Sentence, Verdict
from engine.citing import Finding, check
from engine.evidence import Footnotes, Source, Stretch, pieces, stems_of
from engine.models.base import FinishReason
from engine.numbers import extract
from engine.prompting import NOT_IN_PASSAGES
from engine.quoting import Similarity, best_quotes
from engine.relevance import bears_on
from engine.sentences import MarkedSentence, ReplySplitter

_MAX_QUOTES = 2
_FALLBACK_CHARACTERS = 600
_MIN_NEW = 0.25
"""Least share of a sentence's content words that the question did not have, where it has no new figure."""
_ENDED = re.compile(r"[.!?:][\"'\u201d\u2019)\]\s\d,\[]*$")


@dataclass(frozen=True, slots=True)
class Composed:
    """What is shown and what was taken out."""

    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    dropped: tuple[Sentence, ...]
    says_not_found: bool
    """True when the whole reply was that the passages do not hold the answer."""


class Composer:
    """Takes a reply as it comes, checks each sentence once it has ended, and composes the answer."""

    def __init__(
        self,
        question: str,
        sources: Sequence[Source],
        *,
        quotable: Sequence[Source] | None = None,
        similarity: Similarity | None = None,
    ) -> None:
        """`sources` are what the model was given; quotes may come from more (`quotable`)."""
        self._question = question
        self._sources = sources
        self._quotable_sources = sources if quotable is None else quotable
        self._similarity = similarity
        self._splitter = ReplySplitter()
        self._notes = Footnotes()
        self._reply = ""
        self._own: list[Sentence] = []
        self._evidence: list[Stretch] = []
        self._dropped: list[Sentence] = []

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The footnotes given out so far."""
        return self._notes.citations

    def feed(self, text: str) -> list[Sentence]:
        """Take more of the reply; give the model's sentences that it completed, each with its verdict."""
        self._reply += text
        return [self._checked(sentence) for sentence in self._splitter.feed(text)]

    def finish(self, reason: FinishReason) -> list[Sentence]:
        """Check what is left. A sentence that the length limit cut through is not one."""
        rest = self._splitter.finish()
        cut = reason is not FinishReason.STOP and not _ENDED.search(self._reply.rstrip())
        checked = [self._checked(sentence) for sentence in (rest[:-1] if cut else rest)]
        if cut and rest:
            fragment = Sentence(rest[-1].text, (), Verdict.UNSUPPORTED, "it was cut off at the length limit")
            self._dropped.append(fragment)
            checked.append(fragment)
        return checked

    def compose(self) -> Composed:
        """The answer. Quotes stand in for sentences that failed, at most one each and two in all."""
        failed = [sentence for sentence in self._dropped if not _says_not_found(sentence.text)]
        if not self._own and self._dropped and not failed:
            return Composed((), (), tuple(self._dropped), says_not_found=True)
        quotes: list[Sentence] = []
        beside = bool(self._own) and not bears_on(
            self._question, [one.text for one in self._own], self._evidence, self._quotable_sources
        )
        if failed or not self._own or beside:
            why = failed[0].reason if failed else "it wrote nothing"
            wanted = 1 if self._own and not beside else _MAX_QUOTES
            reason = (
                "quoted: the model's sentences do not say what was asked"
                if beside
                else f"quoted: the model's sentence did not check out ({why})"
            )
            for stretch in self._quotable(wanted):
                numbers = self._notes.cite([stretch])
                quotes.append(Sentence(stretch.text, numbers, Verdict.SUPPORTED, reason, quoted=True))
        # What stands beside the question does not lead the answer.
        shown = (*quotes, *self._own) if beside else (*self._own, *quotes)
        return Composed(shown, self._notes.citations, tuple(self._dropped), says_not_found=False)

    def _checked(self, marked: MarkedSentence) -> Sentence:
        finding: Finding = check(marked, self._sources)
        if finding.supported and self._repeats_question(marked.text):
            finding = Finding(Verdict.UNSUPPORTED, "it only repeats the question")
        if not finding.supported:
            sentence = Sentence(marked.text, (), finding.verdict, finding.reason)
            self._dropped.append(sentence)
            return sentence
        sentence = Sentence(marked.text, self._notes.cite(finding.evidence), finding.verdict, finding.reason)
        # A small model says the same again and again; once is enough, and it is not held against it.
        if not any(_adds_nothing(sentence.text, other.text) for other in self._own):
            self._own.append(sentence)
            self._evidence += finding.evidence
        return sentence

    def _repeats_question(self, text: str) -> bool:
        said, asked = stems_of(text), stems_of(self._question)
        figures = {quantity.value for quantity in extract(text)} - {q.value for q in extract(self._question)}
        return not figures and len(said - asked) < _MIN_NEW * len(said)

    def _quotable(self, limit: int) -> list[Stretch]:
        found = best_quotes(self._question, self._quotable_sources, limit=limit, similarity=self._similarity)
        # What the model's own supported words already cite need not be said twice.
        fresh = [quote.stretch for quote in found if not any(_same(quote.stretch, e) for e in self._evidence)]
        if not found and not self._own and self._quotable_sources:
            return [_opening(self._quotable_sources[0])]
        return fresh


def _opening(source: Source) -> Stretch:
    """The first sentences of the best passage: what a search alone would have shown."""
    spans = pieces(source.text) or ((0, len(source.text)),)
    end = max([spans[0][1], *(last for _first, last in spans if last <= _FALLBACK_CHARACTERS)])
    return Stretch(source, spans[0][0], end)


def _same(one: Stretch, other: Stretch) -> bool:
    return one.source.n == other.source.n and one.start < other.end and other.start < one.end


def _adds_nothing(text: str, earlier: str) -> bool:
    figures = {quantity.value for quantity in extract(text)} <= {
        quantity.value for quantity in extract(earlier)
    }
    return figures and stems_of(text) <= stems_of(earlier)


def _says_not_found(text: str) -> bool:
    return text.strip(" .\"'").lower() == NOT_IN_PASSAGES.strip(".").lower()
