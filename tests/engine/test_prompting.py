from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.prompting
from engine.models.scripted import ScriptedGenerator
from engine.prompting import MAX_QUESTION_CHARACTERS, checked_question, fit, template
from storage.errors import Refused, WrongUse
from storage.records import Chunk, Passage, Span


def passage(rank: int, words: int) -> Passage:
    text = " ".join(f"word{rank}" for _ in range(words))
    chunk = Chunk(f"c{rank}", "doc_1", "v1", rank, Span(1, 0, len(text)), ("Rent",), text, "")
    return Passage(chunk, "lease.pdf", rank, 1.0)


@settings(deadline=None)
@given(st.lists(st.integers(1, 120), max_size=8), st.integers(150, 600))
def test_passages_are_given_whole_best_first_and_the_rest_is_on_record(sizes: list[int], budget: int) -> None:
    generator = ScriptedGenerator(preferred_prompt_tokens=budget)
    found = [passage(rank, words) for rank, words in enumerate(sizes, start=1)]
    prompt = fit("What is the rent?", found, generator)
    given_texts = [each.text for each in generator.conversations[-1].passages]
    assert given_texts == [each.chunk.text for each in found[: len(given_texts)]]
    assert [source.n for source in (*prompt.sources, *prompt.left_out)] == list(range(1, len(found) + 1))
    assert len(prompt.sources) == len(given_texts)
    if len(prompt.sources) > 1:
        assert len(prompt.ids) <= budget


def test_one_passage_is_given_even_when_it_is_longer_than_the_model_likes() -> None:
    prompt = fit("What is the rent?", [passage(1, 400)], ScriptedGenerator(preferred_prompt_tokens=200))
    assert len(prompt.sources) == 1


def test_a_passage_that_does_not_fit_the_context_is_left_out_whole() -> None:
    prompt = fit("What is the rent?", [passage(1, 3_000)], ScriptedGenerator(context_tokens=1_024))
    assert prompt.sources == ()
    assert len(prompt.left_out) == 1


def test_a_question_that_fills_the_context_is_refused() -> None:
    with pytest.raises(Refused, match="300"):
        fit("why " * 900, [], ScriptedGenerator(context_tokens=300))


def test_the_limit_on_a_question_is_named() -> None:
    assert checked_question(" x" + "y" * (MAX_QUESTION_CHARACTERS - 1) + "\n")
    with pytest.raises(Refused, match="4,000"):
        checked_question("y" * (MAX_QUESTION_CHARACTERS + 1))
    with pytest.raises(WrongUse):
        checked_question(" \n ")


def test_the_digest_of_the_rules_is_that_of_the_file() -> None:
    data = (Path(engine.prompting.__file__).parent / "prompts" / "answer.md").read_bytes()
    assert template("answer").digest == hashlib.sha256(data).hexdigest()


def test_the_same_prompt_has_the_same_digest_and_another_has_another() -> None:
    generator = ScriptedGenerator()
    one, same, other = (fit(q, [passage(1, 5)], generator) for q in ("rent?", "rent?", "fee?"))
    assert one.digest == same.digest != other.digest


def test_companions_stand_behind_the_passages_where_there_is_room_and_never_in_their_place() -> None:
    found, beside = [passage(rank, 40) for rank in (1, 2)], [passage(rank, 40) for rank in (3, 4)]
    seen = set()
    for budget in range(100, 1_000, 20):
        generator = ScriptedGenerator(preferred_prompt_tokens=budget)
        alone = fit("What?", found, generator)
        prompt = fit("What?", found, generator, companions=lambda read: beside if read == 2 else ())
        given = [one.passage.rank for one in prompt.sources]
        seen.add(tuple(given))
        assert given[: len(alone.sources)] == [one.passage.rank for one in alone.sources]
        assert len(prompt.ids) <= max(budget, len(alone.ids))
        numbers = [one.n for one in (*prompt.sources, *prompt.left_out)]
        assert numbers == list(range(1, len(numbers) + 1))
    assert seen >= {(1,), (1, 2, 3), (1, 2, 3, 4)}
