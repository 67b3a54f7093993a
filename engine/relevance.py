"""Say whether a supported sentence also bears on the question: what is true may still be no answer.

Three rules. Where a passage states the figure asked for, an answer has a figure and a word of what is
measured. Where the question asks for a kind of figure and a passage has one, an answer has one too. And an
answer, with its evidence and its headings, holds at least half of what is asked beyond the document's name,
rarer words counting more. Whether the answer is right is for its reader to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.asking import Asked
from engine.evidence import Source, Stretch, stems_of
from engine.figures import fits, measure_of
from engine.numbers import extract

_STATED = 0.75
"""From this fit on, a row or sentence is taken to state the figure asked for."""
_LEAST_SHARE = 0.5
"""Least share of what is asked, rarer words counting more, that an answer or its evidence holds."""


def bears_on(
    question: str, asked: Asked, text: str, evidence: Sequence[Stretch], sources: Sequence[Source]
) -> bool:
    """Whether a sentence may be what was asked for."""
    if any(value >= _STATED for source in sources for value in fits(question, source.text).values()):
        figures = {quantity.value for quantity in extract(text)} - asked.named
        return bool(figures) and bool(stems_of(text) & measure_of(question))
    if asked.kinds and not asked.figures(text) and any(asked.figures(source.text) for source in sources):
        return False
    headings = "\n".join(heading for one in evidence for heading in one.source.passage.chunk.heading_path)
    return asked.pointed_share(" ".join([text, *(one.text for one in evidence)]), headings) >= _LEAST_SHARE
