"""Put checked sentences together into what is shown: the model's own where they stand, quotes where not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.answers import Answer, Citation, Sentence, Verdict, outcome_of
from engine.asking import asked_of
from engine.citing import Finding, check
from engine.evidence import Footnotes, Source, Stretch, pieces, stems_of
from engine.models.base import Done, FinishReason, ModelIdentity
from engine.numbers import extract
from engine.prompting import NOT_IN_PASSAGES
from engine.quoting import Similarity, answering_quotes
from engine.relevance import bears_on
from engine.sentences import MarkedSentence, ReplySplitter
from storage.records import Passage

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

    def answer(
        self,
        question: str,
        *,
        done: Done,
        reply: str,
        sources: Sequence[Source],
        passages: Sequence[Passage],
        model: ModelIdentity,
        not_found: Callable[[], str],
    ) -> Answer:
        """The answer that this makes.

        Args:
            question: what was asked.
            done: how the model ended.
            reply: all that it wrote.
            sources: what it was given.
            passages: all that the search found.
            model: which one it is.
            not_found: the words that stand in place of an answer which is not in the passages.
        """
        incomplete = done.finish_reason is FinishReason.INCOMPLETE
        return Answer(
            question=question,
            outcome=outcome_of(self.sentences, self.dropped, incomplete=incomplete),
            sentences=self.sentences,
            citations=self.citations,
            passages=tuple(passages),
            model=model,
            note=not_found() if self.says_not_found else "",
            dropped=self.dropped,
            given=tuple(source.passage.rank for source in sources),
            usage=done.usage,
            finish_reason=done.finish_reason.value,
            reply=reply,
        )


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
        self._asked = asked_of(question, self._quotable_sources)
        self._splitter = ReplySplitter()
        self._notes = Footnotes()
        self._reply = ""
        self._own: list[Sentence] = []
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
        """Check what is left. A sentence that was cut through, by a limit or a broken reply, is not one."""
        rest = self._splitter.finish()
        cut = reason is not FinishReason.STOP and not _ENDED.search(self._reply.rstrip())
        checked = [self._checked(sentence) for sentence in (rest[:-1] if cut else rest)]
        if cut and rest:
            limit = reason is FinishReason.LENGTH
            why = "it was cut off at the length limit" if limit else "the reply broke off in it"
            fragment = Sentence(rest[-1].text, (), Verdict.UNSUPPORTED, why)
            self._dropped.append(fragment)
            checked.append(fragment)
        return checked

    def compose(self) -> Composed:
        """The answer. Quotes stand in for sentences that failed, and lead where they state more figures."""
        failed = [sentence for sentence in self._dropped if not _says_not_found(sentence.text)]
        if not self._own and self._dropped and not failed:
            return Composed((), (), tuple(self._dropped), says_not_found=True)
        why = failed[0].reason if failed else "it wrote nothing"
        replaced = f"quoted: the model's sentence did not check out ({why})"
        if not self._own:
            return self._composed(self._quotes(self._quotable(), replaced), lead=True)
        more = [stretch for stretch in self._quotable() if self._states_more(stretch)]
        if more:
            quotes = self._quotes(more, "quoted: it states a figure that the model's sentences do not")
            return self._composed(quotes, lead=True)
        best = self._quotable()[:1] if failed else []
        fresh = [one for one in best if not any(_adds_nothing(one.text, own.text) for own in self._own)]
        lead = any(self._asked.share(one.text) > self._asked.share(self._own_text) for one in fresh)
        return self._composed(self._quotes(fresh, replaced), lead=lead)

    @property
    def _own_text(self) -> str:
        return " ".join(one.text for one in self._own)

    def _composed(self, quotes: Sequence[Sentence], *, lead: bool) -> Composed:
        shown = (*quotes, *self._own) if lead else (*self._own, *quotes)
        return Composed(shown, self._notes.citations, tuple(self._dropped), says_not_found=False)

    def _quotes(self, stretches: Sequence[Stretch], reason: str) -> list[Sentence]:
        return [
            Sentence(one.text, self._notes.cite([one]), Verdict.SUPPORTED, reason, quoted=True)
            for one in stretches
        ]

    def _states_more(self, stretch: Stretch) -> bool:
        """Whether a quote has figures of the kind asked for, and the model's sentences have none of them."""
        stated = {quantity.value for quantity in self._asked.figures(stretch.text)}
        said = {quantity.value for quantity in extract(self._own_text)}
        return bool(stated) and not stated & said

    def _checked(self, marked: MarkedSentence) -> Sentence:
        finding: Finding = check(marked, self._sources)
        if finding.supported and self._repeats_question(marked.text):
            finding = Finding(Verdict.UNSUPPORTED, "it only repeats the question")
        if not finding.supported:
            sentence = Sentence(marked.text, (), finding.verdict, finding.reason)
            self._dropped.append(sentence)
            return sentence
        if not bears_on(self._question, self._asked, marked.text, finding.evidence, self._quotable_sources):
            beside = Sentence(marked.text, (), Verdict.UNSUPPORTED, "it does not say what was asked")
            self._dropped.append(beside)
            return beside
        sentence = Sentence(marked.text, self._notes.cite(finding.evidence), finding.verdict, finding.reason)
        # A small model says the same again and again; once is enough, and it is not held against it.
        if not any(_adds_nothing(sentence.text, other.text) for other in self._own):
            self._own.append(sentence)
        return sentence

    def _repeats_question(self, text: str) -> bool:
        said, asked = stems_of(text), stems_of(self._question)
        figures = {quantity.value for quantity in extract(text)} - {q.value for q in extract(self._question)}
        return not figures and len(said - asked) < _MIN_NEW * len(said)

    def _quotable(self) -> list[Stretch]:
        found = answering_quotes(self._question, self._quotable_sources, similarity=self._similarity)
        if not found and self._quotable_sources:
            return [_opening(self._quotable_sources[0])]
        return [quote.stretch for quote in found]


def _opening(source: Source) -> Stretch:
    """The first sentences of the best passage: what a search alone would have shown."""
    spans = pieces(source.text) or ((0, len(source.text)),)
    end = max([spans[0][1], *(last for _first, last in spans if last <= _FALLBACK_CHARACTERS)])
    return Stretch(source, spans[0][0], end)


def _adds_nothing(text: str, earlier: str) -> bool:
    figures = {quantity.value for quantity in extract(text)} <= {
        quantity.value for quantity in extract(earlier)
    }
    return figures and stems_of(text) <= stems_of(earlier)


def _says_not_found(text: str) -> bool:
    return text.strip(" .\"'").lower() == NOT_IN_PASSAGES.strip(".").lower()
