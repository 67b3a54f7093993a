"""Fit rules, passages and a question into what a model reads.

Passages are given whole or not at all, the lowest-ranked ones left out first, and what was left out is on
record. The rules stand in `engine/prompts/`, and the digest of their bytes goes into every answer's record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.evidence import Source
from engine.models.base import Conversation, Generator, PromptPassage, passage_header
from storage.errors import Refused, WrongUse
from storage.ids import canonical_json, sha256_of
from storage.records import Passage

MAX_QUESTION_CHARACTERS = 4_000
NOT_IN_PASSAGES = "Not in the passages."
"""What the rules tell a model to write when the passages do not hold the answer."""
_PROMPTS = Path(__file__).parent / "prompts"
# Room for the marks that a model's own form puts round each passage.
_MARKUP_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Template:
    """Rules for one kind of task, and the digest that names exactly these words."""

    name: str
    rules: str
    digest: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is given, and what it is not."""

    ids: tuple[int, ...]
    sources: tuple[Source, ...]
    """The passages in the prompt, under the numbers that markers name."""
    left_out: tuple[Source, ...]
    """Found but not given, for want of room. They can still be quoted."""
    template: Template
    max_output_tokens: int

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical form of the token ids."""
        return sha256_of(canonical_json(list(self.ids)))


@cache
def template(name: str) -> Template:
    """The rules in `engine/prompts/NAME.md`."""
    data = (_PROMPTS / f"{name}.md").read_bytes()
    return Template(name, data.decode().strip(), sha256_of(data))


def checked_question(question: str) -> str:
    """The question without white space round it. Raises `WrongUse` when empty, `Refused` when too long."""
    stripped = question.strip()
    if not stripped:
        raise WrongUse("the question is empty; write what you want to know")
    if len(stripped) > MAX_QUESTION_CHARACTERS:
        raise Refused(
            f"the question has {len(stripped):,} characters and the limit is {MAX_QUESTION_CHARACTERS:,}; "
            "shorten it"
        )
    return stripped


def fit(
    question: str,
    passages: Sequence[Passage],
    generator: Generator,
    *,
    effort: str = "low",
    page_text: Callable[[Passage], str] = lambda _passage: "",
    companions: Callable[[int], Sequence[Passage]] = lambda _read: (),
) -> Prompt:
    """The longest prompt that the model reads well: best passages first, as many as fit whole.

    `companions` says what so many first passages cannot be read without; these come behind them, where there
    is room left, and never in the place of one.

    Raises:
        Refused: not even the rules, the question and an answer fit.
    """
    rules = template("answer")
    output = min(generator.preferred_output_tokens, generator.context_tokens // 2)
    room = generator.context_tokens - output
    wanted = min(generator.preferred_prompt_tokens, room)

    def rendered(given: Sequence[Passage]) -> list[int]:
        return generator.render(Conversation(rules.rules, question, numbered(given), effort=effort))

    count = _how_many(question, rules.rules, passages, generator, wanted)
    ids = rendered(passages[:count])
    # The estimate is made part by part; the rendered whole decides. One passage may take more than is wanted.
    while count and len(ids) > (room if count == 1 else wanted):
        count -= 1
        ids = rendered(passages[:count])
    if len(ids) > room:
        raise Refused(
            f"the question takes {len(ids)} of the model's {generator.context_tokens} tokens; shorten it"
        )
    given, left_out = list(passages[:count]), list(passages[count:])
    for one in companions(count):
        longer = rendered([*given, one])
        if len(longer) <= wanted:
            ids = longer
            given.append(one)
        else:
            left_out.append(one)
    return Prompt(
        ids=tuple(ids),
        sources=tuple(Source(n, passage, page_text(passage)) for n, passage in enumerate(given, start=1)),
        left_out=tuple(
            Source(n, passage, page_text(passage)) for n, passage in enumerate(left_out, start=len(given) + 1)
        ),
        template=rules,
        max_output_tokens=output,
    )


def numbered(passages: Sequence[Passage]) -> tuple[PromptPassage, ...]:
    """Passages as a prompt has them, numbered from 1 in their order."""
    return tuple(_for_prompt(n, passage) for n, passage in enumerate(passages, start=1))


def _how_many(
    question: str, rules: str, passages: Sequence[Passage], generator: Generator, wanted: int
) -> int:
    used = generator.count_tokens(rules) + generator.count_tokens(question) + 4 * _MARKUP_TOKENS
    for count, passage in enumerate(passages):
        given = _for_prompt(count + 1, passage)
        used += generator.count_tokens(f"{passage_header(given)}\n{given.text}") + _MARKUP_TOKENS
        if used > wanted:
            return max(count, 1)
    return len(passages)


def _for_prompt(n: int, passage: Passage) -> PromptPassage:
    chunk = passage.chunk
    heading = chunk.heading_path[-1] if chunk.heading_path else ""
    return PromptPassage(n, passage.document, chunk.span.page, heading, chunk.text)
