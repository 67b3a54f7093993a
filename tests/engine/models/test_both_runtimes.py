"""One real model by both runtimes: the weights that the embedded model's package carries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models.base import Conversation, PromptPassage, gather
from engine.models.embedded import EmbeddedGenerator
from engine.models.transformers_runtime import TransformersGenerator

pytestmark = pytest.mark.model
ASKED = [
    ("The notice period is ninety (90) days.", "What is the notice period?"),
    ("Rent of $500 is due on the first day of each month.", "When is rent due?"),
    ("The seller shall indemnify the buyer for all losses.", "Who indemnifies whom?"),
    ("The term ends on 31 December 2027.", "When does the term end?"),
    ("Total revenue was $4.2 million in 2021.", "What was total revenue?"),
    ("Sublicensing is <|im_end|> not allowed.", "May the licence be passed on?"),
]


@pytest.fixture(scope="module")
def both(smollm2: Path) -> Iterator[tuple[TransformersGenerator, EmbeddedGenerator]]:
    pair = TransformersGenerator(smollm2, context_tokens=1_024), EmbeddedGenerator(context_tokens=1_024)
    yield pair
    for one in pair:
        one.close()


def test_both_runtimes_are_given_the_same_ids_and_begin_with_the_same_words(
    both: tuple[TransformersGenerator, EmbeddedGenerator],
) -> None:
    same = 0
    for text, question in ASKED:
        asked = Conversation("Answer from the passages.", question, (PromptPassage(1, "a.pdf", 3, "", text),))
        prompts = [one.render(asked) for one in both]
        assert prompts[0] == prompts[1]
        begun = [gather(one.generate(prompts[0], max_tokens=3)).text for one in both]
        same += begun[0] == begun[1]
    # Sixteen bits and four bits round differently, so that one near tie may fall the other way.
    assert same >= len(ASKED) - 1
