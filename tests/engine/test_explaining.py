"""A passage says why it was found, in words, and only what is so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.explaining import NOTHING_NAMED, Named, explained, named_of, route_to_json, shared, with_left_out
from storage.records import Chunk, Passage, Span


def passage(text, *, rank=1, document="doc_1", **scores):
    chunk = Chunk(f"chunk_{rank}", document, "version_1", rank, Span(1, 0, len(text)), (), text, "")
    return Passage(chunk, f"{document}.pdf", rank, 0.5, scores)


LAW = passage("This Lease has the law of Delaware as its governing law.", dense=0.71, keyword=3.0)


def test_shared_words_are_shown_as_the_passage_prints_them():
    assert shared("Which GOVERNING law applies?", LAW.chunk.text) == ("governing law", "law")
    assert shared("a change of control", "on any Change of\nControl of it") == ("Change of Control",)
    assert shared("terminated", "Termination follows.") == ("Termination",)
    assert shared("when is the rent due?", "It may be assigned.") == ()


@given(st.text(max_size=60), st.text(max_size=200))
def test_what_is_shared_stands_in_the_passage(query, text):
    flat = " ".join(text.split())
    for phrase in shared(query, text):
        assert phrase in flat


def test_the_reasons_are_those_that_hold():
    [told] = explained(
        "governing law in the Acme lease", [LAW], Named("doc_1", ("acme", "lease"), "governing law")
    )
    assert told.why.reasons == (
        "says \u201cgoverning law\u201d, \u201cLease\u201d, \u201claw\u201d",
        "the question names its document (\u201cacme\u201d, \u201clease\u201d)",
        "similar in meaning (0.71)",
    )
    [other] = explained("governing law", [replace(LAW, scores={})], Named("doc_2", ("acme",), "law"))
    assert other.why.reasons == ("says \u201cgoverning law\u201d, \u201claw\u201d",)


def test_a_heading_about_what_is_asked_is_a_reason():
    [told] = explained("Who runs it?", [replace(LAW, scores={"topic": 0.5})])
    assert told.why.reasons == ("stands under a heading about what is asked",)


def test_a_question_names_a_document_only_if_that_is_surer_than_all_others_together():
    said, asked = "the Acme lease", "who insures"
    assert named_of(said, asked, {"a": 0.9, "b": 0.1}) == Named("a", (said,), asked)
    assert named_of(said, asked, {"a": 0.5, "b": 0.5}) == NOTHING_NAMED
    assert named_of("", asked, {"a": 1.0}) == NOTHING_NAMED
    assert named_of(said, asked, {}) == NOTHING_NAMED


@pytest.mark.parametrize(
    ("given", "confident", "left_out"),
    [
        ((1,), True, "the model had room for the first passage"),
        ((), False, "nothing found was near enough to the question"),
    ],
)
def test_what_was_left_out_says_why(given, confident, left_out):
    second = replace(LAW, rank=2)
    told = with_left_out(explained("law", [LAW, second]), given, confident=confident)
    assert (told[1].why.given, told[1].why.left_out) == (False, left_out)
    assert told[0].why.given is bool(given)
    assert bool(told[0].why.left_out) is not bool(given)


def test_the_route_names_a_document_by_its_path():
    named = Named("doc_1", ("acme",), "law")
    assert route_to_json(named, [LAW]) == {
        "document": "doc_1.pdf",
        "named_by": ["acme"],
        "searched_for": "law",
    }
    assert route_to_json(NOTHING_NAMED, [LAW])["document"] is None
