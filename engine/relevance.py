"""Say whether supported sentences also bear on the question: what is true may still be no answer.

Two rules. Where a passage states the figure asked for, an answer has a figure and a word of what is
measured. Otherwise an answer, its evidence or the headings above share a word with the part that asks; words
of the document's name count for nothing. Whether the answer is right is for its reader to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.evidence import Source, Stretch, stems_of
from engine.figures import fits, measure_of
from engine.numbers import extract
from engine.quoting import asking_part

_STATED = 0.75
"""From this fit on, a row or sentence is taken to state the figure asked for."""


def bears_on(
    question: str, sentences: Sequence[str], evidence: Sequence[Stretch], sources: Sequence[Source]
) -> bool:
    """Whether one of the sentences may be what was asked for."""
    if any(value >= _STATED for source in sources for value in fits(question, source.text).values()):
        measure, named = measure_of(question), {quantity.value for quantity in extract(question)}
        return any(
            stems_of(text) & measure and {quantity.value for quantity in extract(text)} - named
            for text in sentences
        )
    naming = frozenset(stem for source in sources for stem in stems_of(source.passage.document))
    asked = stems_of(asking_part(question)) - naming
    texts = [*sentences, *(one.text for one in evidence), *(one.source.context for one in evidence)]
    return not asked or any(stems_of(text) & asked for text in texts)
