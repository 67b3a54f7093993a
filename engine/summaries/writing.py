"""One section: from its passages to checked sentences with citations.

The model's words stand only where `engine.citing` supports them. Words that fail are replaced by the
section's own words, verbatim, and say so; a section may also truly have nothing to state.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Generator as PythonGenerator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from engine.answers import Citation, Sentence, Verdict
from engine.citing import check
from engine.evidence import Footnotes, Source, Stretch, stems_of
from engine.models.base import (
    Conversation,
    Event,
    FinishReason,
    Generator,
    PromptPassage,
    Reply,
    Usage,
    Waiting,
    gather,
)
from engine.quoting import best_quotes
from engine.sentences import MarkedSentence, is_whole, split_reply
from engine.summaries.records import Call, citation_from_json, citation_to_json, sentence_from_json
from engine.summaries.sections import Section
from engine.summaries.templates import Template
from storage.ids import canonical_json, sha256_of
from storage.records import Chunk, Page, Passage

_Judged: TypeAlias = tuple[Sentence, tuple[Stretch, ...]]

_NOTHING = re.compile(r"^\W*nothing to state\b", re.IGNORECASE)
_EVENTS_PER_LOOK = 8
"""Tokens between two questions whether to stop: asking may cost a look at the database."""
_CANDIDATES = 4
_OWN_WORDS = 0.8
"""Least share of a statement's content words that one clause must hold; an answer's checker asks for less."""
_CLAUSE_END = re.compile(r";\s|(?<=[a-z)][.!?])\s")
_WRAP = re.compile(r"(?<![.!?:;\]\s])[ \t]*\n(?![ \t]*(?:[-*\u2022\n]|\(?\w{1,2}[.)]\s))[ \t]*")
"""A line end inside a sentence: some models wrap their lines."""


@dataclass(frozen=True, slots=True)
class SectionResult:
    """What became of one section."""

    sentences: tuple[Sentence, ...]
    """Their citations are numbers of `citations`, from 1."""
    citations: tuple[Citation, ...]
    usage: Usage
    unread: bool = False
    """True where the section is longer than the model can read at once, so that it was not read."""
    call: Call | None = None
    """None only in checkpoints of earlier versions."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, as a checkpoint holds them."""
        return {
            "sentences": [one.to_record() for one in self.sentences],
            "citations": [citation_to_json(one) for one in self.citations],
            "usage": dict(self.usage.to_json()),
            "unread": self.unread,
            "call": None if self.call is None else self.call.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> SectionResult:
        """The inverse of `to_json`."""
        return cls(
            sentences=tuple(sentence_from_json(one) for one in body["sentences"]),
            citations=tuple(citation_from_json(one) for one in body["citations"]),
            usage=Usage(**body["usage"]),
            unread=body["unread"],
            call=Call(**body["call"]) if body.get("call") else None,
        )


class SectionWriter:
    """Writes sections with one model after one template.

    `look` is called every few tokens, and may raise to stop the model.
    """

    def __init__(self, generator: Generator, template: Template, look: Callable[[], None]) -> None:
        self._look = look
        self._generator = generator
        self._template = template

    def budget(self, reading: float) -> int:
        """Tokens of passages that one section may hold when `reading` of the preferred prompt is used."""
        bare = self._generator.count_tokens(f"{self._template.rules}\n{self._template.question}")
        return max(1, int(self._generator.preferred_prompt_tokens * reading) - bare)

    def write(self, section: Section, *, document: str, pages: Mapping[int, Page]) -> SectionResult:
        """The section's checked sentences."""
        sources = _sources(section, document, pages)
        prompt = self._generator.render(self._conversation(sources))
        most = self._generator.preferred_output_tokens
        if len(prompt) + most > self._generator.context_tokens:
            return SectionResult((), (), Usage(), unread=True, call=_call(section, prompt, None))
        reply = gather(_looking(self._generator.generate(prompt, max_tokens=most), self._look))
        notes = Footnotes()
        judged = list(self._judged(reply, sources))
        sentences = tuple(replace(one, citations=notes.cite(stretches)) for one, stretches in judged)
        return SectionResult(sentences, notes.citations, reply.usage, call=_call(section, prompt, reply.text))

    def _conversation(self, sources: Sequence[Source]) -> Conversation:
        passages = tuple(
            PromptPassage(
                n=source.n,
                document=source.passage.document,
                page=source.passage.chunk.span.page,
                heading=" > ".join(source.passage.chunk.heading_path),
                text=source.text,
            )
            for source in sources
        )
        return Conversation(rules=self._template.rules, question=self._template.question, passages=passages)

    def _judged(self, reply: Reply, sources: Sequence[Source]) -> Iterator[_Judged]:
        """Own sentences that check out, and in place of each other one a quote that comes nearest to it."""
        used: set[tuple[int, int, int]] = set()
        for marked in _said(reply):
            finding = check(marked, sources)
            if finding.supported and _is_close(marked, finding.evidence):
                stretches: tuple[Stretch, ...] = finding.evidence
                words = _without_line_above(marked.text, stretches[0])
                sentence = Sentence(words, (), finding.verdict, finding.reason)
            else:
                stretches = tuple(self._nearest(marked.text, sources))
                if not stretches:
                    continue
                reason = finding.reason if not finding.supported else "too free with the document's words"
                sentence = _quoting(stretches[0], reason)
            places = {(one.source.n, one.start, one.end) for one in stretches}
            # A second quote of one place says nothing more; two sentences of the model may.
            if not (sentence.quoted and places <= used):
                used |= places
                yield sentence, stretches
        if not used:
            # The section's own words ask for the stretch that holds most of them: the most central one.
            whole = " ".join(source.text for source in sources)
            for stretch in self._nearest(whole, sources):
                yield _quoting(stretch, "the model stated nothing that the section supports"), (stretch,)

    def _nearest(self, text: str, sources: Sequence[Source]) -> list[Stretch]:
        """At most one stretch of the kind that the template asks for."""
        quotes = best_quotes(text, sources, limit=_CANDIDATES)
        fitting = [quote.stretch for quote in quotes if self._template.cue.search(quote.stretch.text)]
        return [_below_heading(stretch) for stretch in fitting[:1]]


def _call(section: Section, prompt: Sequence[int], reply: str | None) -> Call:
    return Call(
        version_id=section.chunks[0].version_id,
        first=section.chunks[0].ordinal,
        chunks=len(section.chunks),
        text_sha256=section_digest(section.chunks),
        prompt_sha256=sha256_of(canonical_json(list(prompt))),
        reply_sha256=None if reply is None else sha256_of(reply.encode()),
    )


def section_digest(chunks: Sequence[Chunk]) -> str:
    """Hex SHA-256 over the texts of a section."""
    return sha256_of(canonical_json([chunk.text for chunk in chunks]))


def _said(reply: Reply) -> list[MarkedSentence]:
    """The whole sentences of a reply; none when it says that there is nothing to state."""
    if _NOTHING.match(reply.text):
        return []
    sentences = split_reply(_WRAP.sub(" ", reply.text.strip()))
    cut = reply.finish_reason is not FinishReason.STOP and not reply.text.rstrip().endswith((".", "!", "?"))
    return [one for one in (sentences[:-1] if cut else sentences) if is_whole(one.text)]


def _is_close(sentence: MarkedSentence, evidence: Sequence[Stretch]) -> bool:
    """Whether one clause of the evidence holds nearly all of the sentence.

    A summary has no question that fixes what is meant, and small models join halves of two true clauses.
    """
    asked = stems_of(sentence.text)
    clauses = (clause for stretch in evidence for clause in _CLAUSE_END.split(stretch.text))
    return any(len(asked & stems_of(clause)) >= _OWN_WORDS * len(asked) for clause in clauses)


def _below_heading(stretch: Stretch) -> Stretch:
    """The stretch without the heading that it begins with: a statement already stands under that."""
    line, _, below = stretch.text.partition("\n")
    words = " ".join(line.split()).casefold()
    path = (" ".join(heading.split()).casefold() for heading in stretch.source.passage.chunk.heading_path)
    # A sentence's end may have been seen in "2. RENT", so that the line lacks its number.
    if below.strip() and words and any(heading == words or heading.endswith(f" {words}") for heading in path):
        return replace(stretch, start=stretch.end - len(below.lstrip()))
    return stretch


def _without_line_above(text: str, stretch: Stretch) -> str:
    """The sentence without a heading that ran into it: the line above the words that it repeats."""
    words = " ".join(stretch.text.split())
    lead = " ".join(text.split()).removesuffix(words).strip()
    above, line_end, between = stretch.source.text[: stretch.start].rpartition("\n")
    stands_above = line_end and not between.strip() and " ".join(above.split()).endswith(lead)
    # Only capitals above other letters: a line may also break before the words that a "not" belongs to.
    return words if stands_above and lead.isupper() and not words.isupper() else text


def _quoting(stretch: Stretch, reason: str) -> Sentence:
    return Sentence(stretch.text, (), Verdict.SUPPORTED, reason, quoted=True)


def _sources(section: Section, document: str, pages: Mapping[int, Page]) -> list[Source]:
    return [
        Source(n, Passage(chunk, document, rank=n, score=0.0), pages[chunk.span.page].text)
        for n, chunk in enumerate(section.chunks, start=1)
    ]


def _looking(events: Iterator[Event], look: Callable[[], None]) -> Iterator[Event]:
    """The same events; when `look` raises, the model is free for the next caller at once."""
    # Every generator's events come from a Python generator; the seam does not ask for `close` by name.
    with closing(cast("PythonGenerator[Event, None, None]", events)):
        for number, event in enumerate(events):
            if number % _EVENTS_PER_LOOK == 0 or isinstance(event, Waiting):
                look()
            yield event
