"""Harmony's prompts and replies, with the published vocabulary and hand-made token ids."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_harmony import HarmonyEncoding

from engine.models import harmony
from engine.models.base import (
    AnalysisDelta,
    Conversation,
    Done,
    Event,
    FinalDelta,
    FinishReason,
    PromptPassage,
    Speaker,
    Turn,
)
from storage.errors import Broken

ENCODER = harmony.encoding(harmony.vocabulary_file())
SPECIAL = sorted(ENCODER.special_tokens_set)
THINKING = "<|channel|>analysis<|message|>The lease says ninety.<|end|><|start|>assistant"
PLACES = ("body", "title", "heading", "question", "turn_of_user", "turn_of_assistant", "table_cell", "rules")


def conversation(**texts: str) -> Conversation:
    """A conversation with one text in each place where people or documents can put words."""
    given = dict.fromkeys(PLACES, "plain") | texts
    table = f"Fee\tAmount\n{given['table_cell']}\t500"
    return Conversation(
        rules=given["rules"],
        question=given["question"],
        turns=(
            Turn(Speaker.USER, given["turn_of_user"]),
            Turn(Speaker.ASSISTANT, given["turn_of_assistant"]),
        ),
        passages=(
            PromptPassage(1, f"{given['title']}.pdf", 3, given["heading"], given["body"]),
            PromptPassage(2, "fees.xlsx", 1, "", table),
        ),
    )


def controls(ids: list[int]) -> list[int]:
    return [one for one in ids if one >= harmony.FIRST_CONTROL_ID]


def ids_of(text: str) -> list[int]:
    """Reply ids, its control tokens written out."""
    return ENCODER.encode(text, allowed_special="all")


def read(
    ids: list[int], reason: FinishReason = FinishReason.STOP, encoder: HarmonyEncoding = ENCODER
) -> tuple[str, str, Done]:
    """Final text, analysis and end of a reply."""
    stream = harmony.HarmonyStream(encoder)
    events: list[Event] = [event for one in ids for event in stream.feed(one)]
    events += stream.finish(reason, 7)
    done = events[-1]
    assert isinstance(done, Done)
    final = "".join(event.text for event in events if isinstance(event, FinalDelta))
    return final, "".join(event.text for event in events if isinstance(event, AnalysisDelta)), done


def test_the_parts_of_a_prompt_have_the_roles_that_their_authority_allows() -> None:
    text = ENCODER.decode(harmony.render(conversation(rules="Be exact.", body="first\nsecond"), ENCODER))
    parts = [part.split("<|message|>") for part in text.split("<|start|>")[1:]]
    assert [part[0].split("<|channel|>")[0].strip() for part in parts] == [
        "system",
        "developer",
        "user",
        "assistant",
        "user",
        "assistant to=functions.passages",
        "functions.passages to=assistant",
        "functions.passages to=assistant",
        "assistant",
    ]
    assert "Reasoning: low" in parts[0][1]
    assert "Be exact." in parts[1][1]
    assert "[1] plain.pdf, page 3, plain\nL1: first\nL2: second" in parts[6][1]


def test_an_earlier_reply_is_final_and_ends_as_history_does() -> None:
    ids = harmony.render(conversation(turn_of_assistant="Ninety days."), ENCODER)
    assert f"{FINAL}<|end|>" in ENCODER.decode(ids)
    assert harmony.RETURN not in ids


def test_no_date_stands_in_a_prompt() -> None:
    text = ENCODER.decode(harmony.render(conversation(), ENCODER))
    assert "date" not in text.lower()
    assert str(time.gmtime().tm_year) not in text


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_effort_stands_in_the_system_message(effort: str) -> None:
    ids = harmony.render(Conversation("Rules.", "Why?", effort=effort), ENCODER)
    assert f"Reasoning: {effort}" in ENCODER.decode(ids).split("<|start|>developer")[0]


def test_every_prompt_with_the_same_rules_and_effort_begins_with_the_same_head() -> None:
    first, second = conversation(body="one"), conversation(body="another", question="else?")
    head = harmony.head(first, ENCODER)
    assert head == harmony.head(second, ENCODER)
    assert harmony.render(first, ENCODER)[: len(head)] == head
    assert harmony.render(second, ENCODER)[: len(head)] == head


@pytest.mark.parametrize("place", PLACES)
def test_no_special_token_in_any_place_becomes_a_control_id(place: str) -> None:
    wanted = controls(harmony.render(conversation(), ENCODER))
    for joint in ("", " ", "\n", "x"):
        hostile = conversation(**{place: joint.join(SPECIAL)})
        assert controls(harmony.render(hostile, ENCODER)) == wanted


@given(
    st.dictionaries(
        st.sampled_from(PLACES), st.lists(st.sampled_from([*SPECIAL, "<|", "|>", "é", "\n"])).map("".join)
    )
)
def test_no_mixture_of_special_tokens_becomes_a_control_id(texts: dict[str, str]) -> None:
    assert controls(harmony.render(conversation(**texts), ENCODER)) == controls(
        harmony.render(conversation(), ENCODER)
    )


def test_counting_takes_special_tokens_as_text() -> None:
    assert harmony.count("", ENCODER) == 0
    assert harmony.count("<|start|>", ENCODER) > 1


def test_a_missing_vocabulary_is_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harmony, "find_spec", lambda _name: None)
    with pytest.raises(Broken, match=r"o200k_base\.tiktoken.*nothing is downloaded"):
        harmony.vocabulary_file(tmp_path)


def test_a_changed_vocabulary_is_refused(tmp_path: Path) -> None:
    data = bytearray(harmony.vocabulary_file().read_bytes())
    data[1_000] ^= 1
    (tmp_path / harmony.VOCABULARY_FILE).write_bytes(data)
    with pytest.raises(Broken, match="another SHA-256"):
        harmony.vocabulary_file(tmp_path)


def test_the_vocabulary_of_the_models_folder_comes_first(tmp_path: Path) -> None:
    (tmp_path / harmony.VOCABULARY_FILE).write_bytes(harmony.vocabulary_file().read_bytes())
    found = harmony.vocabulary_file(tmp_path)
    assert found.parent == tmp_path
    assert harmony.encoding(found).encode("lease") == ENCODER.encode("lease")


def test_a_whole_reply_gives_its_final_text_and_keeps_its_analysis_apart() -> None:
    final, analysis, done = read(
        ids_of(THINKING + "<|channel|>final<|message|>Ninety (90) days é🎉.<|return|>")
    )
    assert (final, analysis) == ("Ninety (90) days é🎉.", "The lease says ninety.")
    assert done.finish_reason is FinishReason.STOP
    assert done.usage.prompt_tokens == 7
    assert done.usage.analysis_tokens == len(ids_of(THINKING)) - 2
    assert done.usage.analysis_tokens + done.usage.output_tokens == len(
        ids_of(THINKING + "<|channel|>final<|message|>Ninety (90) days é🎉.<|return|>")
    )


def test_final_text_comes_while_the_reply_is_written() -> None:
    stream = harmony.HarmonyStream(ENCODER)
    for one in ids_of("<|channel|>final<|message|>"):
        assert stream.feed(one) == []
    assert stream.feed(*ENCODER.encode("lease")) == [FinalDelta("lease")]


def test_a_reply_is_over_once_its_final_message_has_ended() -> None:
    stream = harmony.HarmonyStream(ENCODER)
    for one in ids_of(THINKING + "<|channel|>final<|message|>Yes.<|end|>"):
        stream.feed(one)
    assert stream.ended
    assert stream.feed(harmony.START) == []
    (done,) = stream.finish(FinishReason.LENGTH, 1)
    assert isinstance(done, Done)
    assert done.finish_reason is FinishReason.STOP


THOUGHT, WORDS = "<|channel|>analysis<|message|>Hm.<|end|>", "Ninety days."
FINAL = f"<|channel|>final<|message|>{WORDS}"
BROKEN_REPLIES = {
    "no markup at all": ("Ninety days.", WORDS),
    "no message mark": ("<|channel|>final Ninety days.", WORDS),
    "no channel": ("<|message|>Ninety days.<|return|>", WORDS),
    "an unknown channel": ("<|channel|>reply<|message|>Ninety days.<|return|>", WORDS),
    "a space in the channel": ("<|channel|> final<|message|>Ninety days.<|return|>", WORDS),
    "the header twice": (f"<|channel|>final{FINAL}<|return|>", WORDS),
    "stray text after the analysis": (f"{THOUGHT} stray <|start|>assistant{FINAL}<|return|>", WORDS),
    "only stray text after the analysis": (f"{THOUGHT}Ninety days.<|return|>", WORDS),
    "no start after the analysis": (f"{THOUGHT}{FINAL}<|return|>", WORDS),
    "another message inside": (f"{FINAL}<|channel|>analysis<|message|>secret<|end|>", WORDS),
    "a new start inside": (f"{FINAL}<|start|>assistant<|channel|>analysis<|message|>secret<|return|>", WORDS),
    "a reserved token inside": (f"{FINAL[:-5]}<|reserved_200013|>days.<|return|>", WORDS),
    "the end of text inside": (f"{FINAL}<|endoftext|>", WORDS),
    "somebody else's turn": (f"{FINAL}<|start|>user<|message|>And you?<|end|>", WORDS),
    "an unknown role": (f"<|start|>klingon{FINAL}<|return|>", WORDS),
    "a call of a tool": ("<|channel|>commentary to=functions.x <|constrain|>json<|message|>{}<|call|>", ""),
    "analysis alone": ("<|channel|>analysis<|message|>secret<|return|>", ""),
    "analysis without end": ("<|channel|>analysis<|message|>secret", ""),
    "a header of analysis alone": ("<|channel|>analysis secret<|return|>", ""),
    "an empty final": ("<|channel|>final<|message|><|return|>", ""),
    "nothing": ("<|return|>", ""),
}  # fmt: skip


@pytest.mark.parametrize("reply", BROKEN_REPLIES.values(), ids=list(BROKEN_REPLIES))
def test_a_broken_reply_keeps_its_text_and_says_that_it_is_incomplete(reply: tuple[str, str]) -> None:
    written, wanted = reply
    final, _analysis, done = read(ids_of(written))
    assert final.strip() == wanted
    assert done.finish_reason is FinishReason.INCOMPLETE


def test_a_header_repeated_at_the_beginning_is_no_harm() -> None:
    final, _analysis, done = read(ids_of("<|start|>assistant<|channel|>final<|message|>Yes.<|return|>"))
    assert (final, done.finish_reason) == ("Yes.", FinishReason.STOP)


@pytest.mark.parametrize("reason", [FinishReason.LENGTH, FinishReason.CANCELLED])
def test_a_reply_cut_by_the_runtime_keeps_that_reason(reason: FinishReason) -> None:
    final, _analysis, done = read(ids_of("<|channel|>final<|message|>Ninety (90"), reason)
    assert (final, done.finish_reason) == ("Ninety (90", reason)


def test_a_piece_of_a_character_does_not_hold_back_what_follows() -> None:
    half = ENCODER.encode("🎉")[:1]
    ids = [*ids_of("<|channel|>final<|message|>"), *half, *ENCODER.encode("days."), harmony.RETURN]
    final, _analysis, done = read(ids)
    assert final == "\ufffddays."
    assert done.finish_reason is FinishReason.STOP


@given(
    st.lists(
        st.sampled_from([*range(199_998, 200_014), *ids_of("final analysis days assistant user é🎉"), 1_000])
    )
)
def test_any_ids_end_with_one_done_and_no_control_token_in_the_text(ids: list[int]) -> None:
    final, analysis, done = read(ids)
    assert "<|" not in final + analysis
    assert done.usage.analysis_tokens + done.usage.output_tokens <= len(ids)
    if done.finish_reason is FinishReason.STOP:
        assert final


def test_analysis_is_never_final_text_whatever_is_broken_around_it() -> None:
    secret = ENCODER.encode("secret")
    for before in ([], [harmony.END], [harmony.CHANNEL], ENCODER.encode("stray"), [200_013]):
        for after in ([], [harmony.END], [harmony.RETURN], [harmony.CHANNEL], [harmony.MESSAGE], [200_013]):
            ids = [*before, *ids_of("<|start|>assistant<|channel|>analysis<|message|>"), *secret, *after]
            final, _analysis, _done = read(ids)
            assert "secret" not in final


def test_the_cost_of_a_token_does_not_grow_with_the_reply(counted_calls: Callable[[], int]) -> None:
    stream = harmony.HarmonyStream(ENCODER)
    for one in ids_of("<|channel|>final<|message|>"):
        stream.feed(one)
    before = counted_calls()
    for _ in range(2_000):
        stream.feed(1_000)
    assert counted_calls() - before == 2_000


@pytest.fixture
def counted_calls(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many ids have been decoded so far."""
    decoded = 0
    decode = HarmonyEncoding.decode

    def counting(self: HarmonyEncoding, tokens: list[int], errors: str = "replace") -> str:
        nonlocal decoded
        decoded += len(tokens)
        return decode(self, tokens, errors)

    monkeypatch.setattr(HarmonyEncoding, "decode", counting)
    return lambda: decoded
