"""A model behind an endpoint, against a server in a process of its own."""

import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.base import (
    AnalysisDelta,
    Busy,
    Conversation,
    FinalDelta,
    FinishReason,
    PromptPassage,
    gather,
)
from engine.models.endpoint import Endpoint, full_jitter, retry_after
from engine.models.remote import RemoteGenerator, harmless
from storage.errors import Broken, Refused, WrongUse
from tests.endpoint_server import REPLY

KEY = "key-that-nobody-may-see"
ASKED = Conversation(
    rules="Answer from the passages.",
    passages=(PromptPassage(1, "lease.pdf", 3, "Term", "The notice period is ninety (90) days."),),
    question="What is the notice period?",
)
_PATIENCE_S = 30


@pytest.fixture
def open_mode(model_endpoint):
    """A function that opens the endpoint in one mode; pauses take no time and are counted."""
    opened = []

    def open_(mode, **options):
        pauses = []
        endpoint = Endpoint(f"{model_endpoint}/{mode}/v1", "far-away", key=KEY, **options)
        generator = RemoteGenerator(endpoint, backoff=lambda attempt: pauses.append(attempt) or 0.0)
        generator.pauses = pauses
        generator.seen = lambda: httpx.get(f"{model_endpoint}/{mode}/seen").json()
        opened.append(generator)
        return generator

    yield open_
    for generator in opened:
        generator.close()


def reply_of(generator, *, max_tokens=64, cancel=None):
    return gather(generator.generate(generator.render(ASKED), max_tokens=max_tokens, cancel=cancel))


def until(true):
    limit = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < limit, "it did not come true"


def test_a_reply_comes_word_by_word_with_what_the_endpoint_counted(open_mode):
    generator = open_mode("fine")
    events = list(generator.generate(generator.render(ASKED), max_tokens=64))
    assert "".join(event.text for event in events[:-1]) == REPLY
    assert len(events) > 10
    assert events[-1].usage.output_tokens == len(events) - 1


def test_what_is_posted_is_exactly_the_payload_and_carries_the_key(open_mode):
    generator = open_mode("fine")
    ids = generator.render(ASKED)
    shown = generator.payload(ids, max_tokens=5)
    gather(generator.generate(ids, max_tokens=5))
    assert generator.seen()["bodies"][-1].encode() == shown
    assert generator.seen()["keys"][-1] == f"Bearer {KEY}"
    assert KEY.encode() not in shown


@pytest.mark.parametrize("mode", ["thinks", "thinks_in_vllm"])
def test_what_a_model_thinks_is_kept_apart_from_what_it_says(open_mode, mode):
    reply = reply_of(open_mode(mode))
    assert (reply.analysis, reply.text) == ("Ninety days", REPLY)


def test_a_reasoning_model_is_told_how_long_to_think(open_mode):
    generator = open_mode("fine", reasons=True)
    reply_of(generator, max_tokens=9)
    assert '"max_completion_tokens":9' in generator.seen()["bodies"][-1]
    assert '"reasoning_effort":"low"' in generator.seen()["bodies"][-1]


def test_a_line_separator_inside_a_word_does_not_break_the_stream(open_mode):
    assert "\u2028" in reply_of(open_mode("odd")).text


@pytest.mark.parametrize("mode", ["busy_then_fine", "fails_then_fine"])
def test_a_request_is_sent_again_after_a_pause_when_the_endpoint_had_no_room(open_mode, mode):
    generator = open_mode(mode)
    assert reply_of(generator).text == REPLY
    assert generator.pauses == [1]
    assert len(generator.seen()["bodies"]) == 2


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (500, Broken), (503, Busy)])
def test_attempts_end_after_the_fourth(open_mode, status, kind):
    generator = open_mode(f"status_{status}")
    with pytest.raises(kind, match=f"status {status}"):
        reply_of(generator)
    assert generator.pauses == [1, 2, 3]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(400, Refused, "fewer passages"), (401, Broken, "key"), (403, Broken, "key"), (404, Broken, "no model")],
)
def test_a_refusal_is_told_at_once_and_never_sent_again(open_mode, status, kind, words):
    generator = open_mode(f"status_{status}")
    with pytest.raises(kind, match=words) as told:
        reply_of(generator)
    assert len(generator.seen()["bodies"]) == 1
    assert "SECRET" not in str(told.value)


def test_an_endpoint_that_asks_to_wait_for_an_hour_is_busy_now(open_mode):
    generator = open_mode("wait_long")
    with pytest.raises(Busy, match="3600 s"):
        reply_of(generator)
    assert len(generator.seen()["bodies"]) == 1


@pytest.mark.parametrize("mode", ["cut", "malformed", "filtered", "endless"])
def test_a_reply_that_breaks_off_keeps_its_words_and_is_incomplete(open_mode, mode):
    generator = open_mode(mode)
    reply = reply_of(generator)
    assert reply.finish_reason is FinishReason.INCOMPLETE
    assert reply.text.startswith("The notice period is")
    assert len(generator.seen()["bodies"]) == 1


@pytest.mark.parametrize("limit", ["read_s", "whole_s"])
def test_a_reply_that_stalls_ends_as_incomplete_at_its_time(open_mode, limit):
    reply = reply_of(open_mode("slow", **{limit: 2.0}))
    assert (reply.text, reply.finish_reason) == ("The notice period is", FinishReason.INCOMPLETE)


@pytest.mark.parametrize("limit", ["read_s", "whole_s"])
def test_an_endpoint_that_says_nothing_is_busy_and_is_not_asked_again(open_mode, limit):
    generator = open_mode("hangs", **{limit: 0.3})
    before = len(generator.seen()["bodies"])
    with pytest.raises(Busy, match="no word ready"):
        reply_of(generator)
    assert len(generator.seen()["bodies"]) == before + 1


@pytest.mark.parametrize("mode", ["slow", "hangs"])
def test_a_cancel_closes_the_connection(open_mode, mode):
    generator, cancel = open_mode(mode), Event()
    closed, asked = generator.seen()["closed"], len(generator.seen()["bodies"])
    events = generator.generate(generator.render(ASKED), max_tokens=64, cancel=cancel)
    if mode == "slow":
        next(events)
        cancel.set()
        assert gather(events).finish_reason is FinishReason.CANCELLED
    else:
        stop_when_asked(generator, asked, cancel)
        assert gather(events).finish_reason is FinishReason.CANCELLED
    until(lambda: generator.seen()["closed"] > closed)


def stop_when_asked(generator, asked, cancel):
    def wait():
        until(lambda: len(generator.seen()["bodies"]) > asked)
        cancel.set()

    Thread(target=wait, daemon=True).start()


def test_a_reader_who_leaves_closes_the_connection(open_mode):
    generator = open_mode("slow")
    closed = generator.seen()["closed"]
    events = generator.generate(generator.render(ASKED), max_tokens=64)
    next(events)
    events.close()
    until(lambda: generator.seen()["closed"] > closed)


def test_closing_the_model_ends_what_runs(open_mode):
    generator = open_mode("slow")
    events = generator.generate(generator.render(ASKED), max_tokens=64)
    next(events)
    generator.close()
    with pytest.raises(Broken, match="closed"):
        gather(events)


def test_a_redirect_is_not_followed(open_mode):
    generator = open_mode("redirects")
    with pytest.raises(Broken, match="sends elsewhere"):
        reply_of(generator)


def test_a_page_that_is_no_endpoint_is_named_as_such(open_mode):
    with pytest.raises(Broken, match="does not answer as an OpenAI-compatible endpoint"):
        reply_of(open_mode("page"))


def test_an_address_where_nobody_listens_is_named(open_mode):
    generator = RemoteGenerator(Endpoint("http://127.0.0.1:9/v1", "m"), backoff=lambda _attempt: 0.0)
    with pytest.raises(Broken, match=r"127\.0\.0\.1:9 cannot be reached"):
        reply_of(generator)


def test_a_prompt_that_is_too_long_is_refused_before_anything_is_sent(open_mode):
    generator = open_mode("fine", context_tokens=40)
    before = len(generator.seen()["bodies"])
    with pytest.raises(Refused, match="more than the 40"):
        reply_of(generator)
    assert len(generator.seen()["bodies"]) == before


def test_neither_key_nor_text_is_logged_or_shown(open_mode, caplog):
    caplog.set_level(logging.DEBUG)
    generator = open_mode("fine")
    reply_of(generator)
    with pytest.raises(Broken) as told:
        reply_of(open_mode("status_401"))
    written = f"{caplog.text} {told.value} {generator.endpoint!r} {generator.identity}"
    assert KEY not in written
    assert "ninety (90) days" not in written


def test_proxies_of_the_environment_are_not_used(open_mode, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert reply_of(open_mode("fine")).text == REPLY


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("models.example", "not an address"),
        ("ftp://models.example/v1", "not an address"),
        ("http://models.example/v1", "in the open"),
        ("http://10.0.0.8:8000/v1", "in the open"),
        ("https://user:pass@models.example/v1", "more than host and path"),
        ("https://models.example/v1?key=1", "more than host and path"),
    ],
)
def test_an_address_that_is_not_safe_is_refused(url, words):
    with pytest.raises(WrongUse, match=words):
        Endpoint(url, "m")


def test_a_file_without_certificates_is_named(tmp_path: Path):
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    with pytest.raises(Broken, match="no certificates"):
        Endpoint("https://models.example/v1", "m", ca_file=file).trust()


@given(st.integers(1, 30))
def test_pauses_are_never_longer_than_eight_seconds_nor_below_none(attempt):
    assert 0 <= full_jitter(attempt) <= min(8, 0.5 * 2**attempt)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("Mon, 23 Nov 2026 12:00:10 GMT", 10),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_a_server_s_wish_to_wait_is_read_in_either_form(value, seconds):
    assert retry_after(value, now=datetime(2026, 11, 23, 12, tzinfo=UTC)) == seconds


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(_TEXTS, _TEXTS)
def test_ids_give_back_the_messages_that_they_were_made_of(rules, question):
    generator = RemoteGenerator(Endpoint("http://localhost/v1", "m"))
    messages = generator._messages(generator.render(Conversation(rules, question)))
    assert messages == [("effort", "low"), ("system", harmless(rules)), ("user", harmless(question))]


_MARKS = (
    "<|im_end|> <|start|> <|eot_id|> <s> </s> <eos> <think> </think> <start_of_turn> <end_of_turn> [INST] "
    "[/INST] "
    "<<SYS>> <</SYS>> [TOOL_CALLS] <\uff5cUser\uff5c> <|endoftext|> <unk> <pad> <tool_call>"
)


@pytest.mark.parametrize("mark", _MARKS.split())
def test_no_mark_of_a_model_s_form_is_sent_wherever_it_stands(mark):
    hostile = Conversation(
        rules="r",
        question=f"q {mark}",
        passages=(PromptPassage(1, f"a{mark}.pdf", 1, f"h{mark}", f"{mark}{mark}x"),),
    )
    generator = RemoteGenerator(Endpoint("http://localhost/v1", "m"))
    assert mark.encode() not in generator.payload(generator.render(hostile), max_tokens=1)


def test_ordinary_text_of_contracts_is_sent_as_it_is():
    text = "Party A (<b>) pays [DATE] [COMPANY NAME], 5 < 6 and 7 > 6, <Schedule 1>, [1], see <https://x.example>."
    assert harmless(text) == text


def test_events_are_of_the_seam(open_mode):
    generator = open_mode("thinks")
    events = list(generator.generate(generator.render(ASKED), max_tokens=64))
    assert {type(event) for event in events[:-1]} == {AnalysisDelta, FinalDelta}
