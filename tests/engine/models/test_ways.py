from __future__ import annotations

import pytest

from engine.models.ways import AS_READ, FLASH, GROUPED, PIECE_TOKENS, Device, way_for

H100 = Device("cuda", (9, 0), kernels=True)


def test_a_cpu_runs_the_library_s_own_attention_and_guesses_nothing() -> None:
    for sinks, attention in ((True, ("eager",)), (False, ("sdpa", "eager"))):
        way = way_for(Device("cpu"), sinks=sinks)
        assert (way.reading, way.writing, way.graphs, way.guesses) == (attention, AS_READ, False, False)
        assert way.piece_tokens == PIECE_TOKENS


def test_a_new_device_with_kernels_reads_by_the_one_that_knows_sinks_in_larger_pieces() -> None:
    way = way_for(H100, sinks=True)
    assert way.reading == (FLASH, "eager")
    assert way.because == ()
    assert way.piece_tokens > PIECE_TOKENS


@pytest.mark.parametrize(
    ("device", "why"),
    [
        (
            Device("cuda", (8, 0), kernels=True),
            "vllm-flash-attn3 needs compute capability 9.0 and the device has 8.0",
        ),
        (Device("cuda", (9, 0)), "vllm-flash-attn3 needs the package `kernels` in a version that fits"),
        (Device("cpu", (9, 0), kernels=True), "on a CPU arithmetic is the limit"),
    ],
)
def test_without_that_kernel_or_its_device_sinks_are_read_plainly_and_it_is_said_why(
    device: Device, why: str
) -> None:
    way = way_for(device, sinks=True)
    assert way.reading == ("eager",)
    assert way.because == (why,)
    assert way.piece_tokens == PIECE_TOKENS


@pytest.mark.parametrize("device", [H100, Device("cuda", (7, 5)), Device("cpu")])
def test_attention_that_knows_no_sinks_is_never_chosen_for_a_model_that_has_them(device: Device) -> None:
    way = way_for(device, sinks=True)
    assert "sdpa" not in (*way.reading, way.writing)


def test_replies_are_never_written_by_attention_that_takes_no_mask() -> None:
    for sinks in (True, False):
        assert way_for(H100, sinks=sinks).writing == GROUPED


def test_passes_over_several_devices_are_not_recorded_and_it_is_said_why() -> None:
    assert way_for(H100, sinks=True).graphs
    way = way_for(Device("cuda", (9, 0), count=2, kernels=True), sinks=True)
    assert not way.graphs
    assert "there are 2" in way.because[0]


def test_a_model_that_writes_one_reply_at_a_time_has_no_shared_passes_to_make_fast() -> None:
    way = way_for(H100, sinks=False, together=False)
    assert (way.writing, way.graphs, way.guesses, way.piece_tokens) == (AS_READ, False, False, PIECE_TOKENS)
    assert "one reply at a time" in way.because[0]


def test_what_fails_gives_way_to_the_next_and_the_last_one_stays() -> None:
    way = way_for(H100, sinks=True).without_first("gave other numbers")
    assert way.reading == ("eager",)
    assert way.because == ("vllm-flash-attn3 gave other numbers",)
    with pytest.raises(AssertionError, match="always right"):
        way.without_first("failed")


def test_a_record_says_which_attention_is_in_use() -> None:
    told = way_for(H100, sinks=True).to_json()
    assert told["attention_for_prompts"] == "vllm-flash-attn3"
    assert told["attention_for_replies"] == "grouped"
    told = way_for(Device("cpu"), sinks=False).to_json()
    assert told["attention_for_replies"] == told["attention_for_prompts"] == "sdpa"
