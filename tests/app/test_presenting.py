from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import acts, presenting
from engine.models.base import ModelIdentity
from engine.verdicts import verdict
from storage.audit import Verification
from storage.audit_proof import Checkpoint
from storage.records import Document, VersionState

_AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


class _Reader(HTMLParser):
    """What a browser would make of some HTML: its tags and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def _document(**changes: object) -> Document:
    fields: dict[str, object] = {
        "id": "doc_1",
        "matter_id": "matter_1",
        "path": "leases/Lease 2019.pdf",
        "version_id": "version_1",
        "state": VersionState.LIVE,
        "media_type": "application/pdf",
        "sha256": "00",
        "size": 1,
        "title": None,
        "page_count": 214,
        "pages_read": 212,
        "problem": None,
        "added_at": _AT,
        "added_by": "user_1",
    }
    return Document(**{**fields, **changes})  # type: ignore[arg-type]


def _body(
    *sentences: dict[str, object], outcome: str = "grounded", quote: str = "six months"
) -> dict[str, object]:
    return {
        "answer": "Not found in these documents.",
        "outcome": outcome,
        "sentences": list(sentences),
        "citations": [{"n": 1, "document": "Lease.pdf", "page": 14, "quote": quote}],
        "passages": [],
    }


def _sentence(text: str, verdict: str = "supported") -> dict[str, object]:
    return {"text": text, "citations": [1], "verdict": verdict, "reason": "", "quoted": False}


def test_a_moment_is_shown_in_the_zone_of_its_reader():
    assert presenting.when(_AT, "Europe/Berlin") == "22 Nov 2026, 15:05"
    assert presenting.when(_AT) == "22 Nov 2026, 14:05"


def test_an_unknown_zone_falls_back_to_utc():
    assert presenting.when(_AT, "Nowhere/Land") == "22 Nov 2026, 14:05"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (13, "13th"),
        (22, "22nd"),
        (111, "111th"),
    ],
)
def test_a_place_in_line_is_an_ordinal(number, words):
    assert presenting.ordinal(number) == words


def test_a_model_that_was_stopped_is_not_said_to_have_answered():
    body = {
        "outcome": "failed",
        "model": {"id": "SmolLM2", "runtime": "llama.cpp", "quantization": "Q4_1"},
        "usage": {"prompt_tokens": 700},
    }
    assert presenting.answered_by(body) == "SmolLM2, Q4_1, gave no answer"


def test_a_grounded_answer_counts_its_supported_statements():
    words, tone = verdict(_body(_sentence("One."), _sentence("Two.")))
    assert (words, tone) == ("Supported: 2 of 2 statements", "good")


def test_a_partly_supported_answer_is_marked_as_such():
    body = _body(_sentence("One."), _sentence("Two.", "unsupported"), outcome="partial")
    assert verdict(body) == ("Supported: 1 of 2 statements", "some")
    assert "not supported" in presenting.answer_html(body)


def test_only_what_is_kept_as_a_quote_is_shown_and_counted_as_quoted():
    own, quote = _sentence("six months"), {**_sentence("six months"), "quoted": True}
    body = _body(own, quote, outcome="partial")
    assert _Reader(presenting.answer_html(body)).text.count("quoted") == 1
    assert verdict(body) == (
        "Supported: 2 of 2 statements, 1 of them quoted",
        "some",
    )


def test_a_summary_counts_its_supported_statements_whatever_its_documents():
    statements = [{**_sentence("One."), "section": ""}, {**_sentence("Two."), "quoted": True, "section": ""}]
    body = {
        **_body(outcome="partial"),
        "statements": statements,
        "documents": ["doc_1", "doc_2"],
        "coverage": [{"document": "a.pdf", "problem": None, "pages_covered": 1, "pages_total": 1}],
        "title": "T",
        "template": "overview",
        "length": "short",
        "model": {"id": "SmolLM2"},
    }
    told = _Reader(presenting.summary_head_html(body, "now")).text
    assert "Supported: 2 of 2 statements, 1 of them quoted" in told


@pytest.mark.parametrize("turning", ["\u202e", "\u202d", "\u2067"])
def test_no_character_turns_a_name_into_another(turning):
    name = f"invoice{turning}fdp.exe"
    for shown in (presenting.escaped(name), presenting.plain(name), presenting.visible(name)):
        assert turning not in shown
        assert "\N{REPLACEMENT CHARACTER}" in shown
    assert presenting.visible("\u05d7\u05d5\u05d6\u05d4.pdf") == "\u05d7\u05d5\u05d6\u05d4.pdf"


@pytest.mark.parametrize(
    ("page", "reason", "line"),
    [
        (2, "page 2 is a picture", "page 2 is a picture"),
        (2, "the table is torn", "page 2: the table is torn"),
        (None, "'a.pdf' is damaged", "is damaged"),
    ],
)
def test_a_problem_names_its_page_once_and_the_document_not_at_all(page, reason, line):
    assert presenting.report_problem("a.pdf", {"page": page, "reason": reason}) == line


def test_a_document_that_could_not_be_read_is_one_place_that_is_not_covered():
    pages = [{"page": number, "reason": "is encrypted"} for number in (1, 2)]
    whole = {"document": "a.pdf", "problem": "is encrypted", "missing": pages}
    partly = {"document": "b.pdf", "problem": None, "missing": [{"page": 7, "reason": "no text"}]}
    assert presenting.coverage_problems({"coverage": [whole, partly]}) == [
        ["a.pdf", "all", "is encrypted"],
        ["b.pdf", "7", "no text"],
    ]


def test_an_abstention_shows_its_words_alone():
    body = _body(outcome="abstained")
    assert _Reader(presenting.answer_html(body)).text == "Not found in these documents."
    assert verdict(body)[1] == "none"


@given(st.text(max_size=200))
def test_no_text_of_an_answer_becomes_markup(text):
    shown = presenting.answer_html(_body(_sentence(text)))
    assert _Reader(shown).tags == ["div", "p", "sup"]


@given(st.text(max_size=100))
def test_plain_text_leaves_no_character_with_a_meaning_in_markdown(text):
    shown = presenting.plain(text)
    for place, character in enumerate(shown):
        if character in "*_`[]<>#$:!|~":
            assert shown[place - 1] == "\\"


@given(st.text(max_size=300), st.integers(2, 80))
def test_shortened_text_is_one_line_within_its_limit(text, limit):
    line = presenting.shortened(text, limit)
    assert len(line) <= limit
    assert "\n" not in line


def test_a_table_escapes_every_cell():
    assert "<script>" not in presenting.table_html(["<script>"], [["<script>"]])


@pytest.mark.parametrize(
    ("document", "label", "words"),
    [
        ("Lease.pdf", None, "Lease.pdf, p. 3"),
        ("Model.xlsx", "P&L", "Model.xlsx, sheet \u201cP&L\u201d"),
        ("Board.pptx", "Outlook", "Board.pptx, slide 3 \u201cOutlook\u201d"),
    ],
)
def test_a_citation_names_its_page_as_people_do(document, label, words):
    assert presenting.cited_place({"document": document, "page": 3}, label) == words


def test_an_act_is_one_line_in_plain_words():
    entry = {"kind": "document.opened", "data": {"document": "Lease.pdf", "document_id": "doc_1", "page": 3}}
    assert acts.act_line(entry) == "opened a document: Lease.pdf, page 3"


def test_a_verified_log_says_how_far_a_checkpoint_speaks_for_it():
    checkpoint = Checkpoint("muniment/00", 7, "ab", "2026-11-22T14:05:00.000000Z")
    line = acts.verification_line(Verification(9, None, None, checkpoint))
    assert line == "All 9 entries hold; the first 7 agree with a checkpoint, 2 came after it."


def test_a_log_that_does_not_hold_names_the_entry_and_the_reason():
    line = acts.verification_line(Verification(9, 4, "its content was changed", None))
    assert line == "The log does not hold at entry 4: its content was changed."


def test_the_model_that_answers_is_named_with_where_it_runs_its_digest_and_who_approved_it():
    identity = ModelIdentity("gpt-oss-20b", "transformers", "mxfp4", "3fa1c2d4" + "0" * 56, "cpu")
    assert presenting.model_line(identity) == "gpt-oss-20b, mxfp4, on this machine"
    details = presenting.model_details(identity, "Anna")
    assert details == "transformers on cpu, digest 3fa1c2d4, approved by Anna"
    assert presenting.model_details(identity, None).endswith("no approval recorded")


def test_how_a_model_runs_is_told_in_words():
    told = presenting.runs_line({"slots": 2, "prompt_cache": True, "recorded_passes": False})
    assert told == "slots 2, prompt cache on, recorded passes off"
