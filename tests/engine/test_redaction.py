"""Placeholders out and words back in, and what the rules find."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.redaction import recall
from engine.models.base import Conversation, FinalDelta, PromptPassage, gather
from engine.models.redacted import RedactedGenerator
from engine.models.scripted import ScriptedGenerator
from engine.redaction import Redactor
from engine.sensitive import Kind, is_card, is_iban, sensitive

LETTER = "Dear Ms. Dubois, Thomas K. Whitfield (t.whitfield@firm.example) pays from account no. 0048812993."
_PIECES = st.sampled_from(
    [
        "[PERSON_1]",
        "[person_2B]",
        "[",
        "]",
        "Ms. Dubois",
        "Anna Meyer",
        "ANNA MEYER",
        "a@b.example",
        "Meyer's",
        " ",
        "_1",
    ]
)
_TEXTS = st.lists(
    st.one_of(_PIECES, st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), max_size=12
)


def test_what_names_somebody_is_replaced_and_the_rest_stays():
    redacted = Redactor([LETTER]).redact(LETTER)
    assert redacted == "Dear [PERSON_1], [PERSON_2] ([EMAIL_1]) pays from account no. [ACCOUNT_1]."


def test_a_surname_is_known_where_the_full_name_stands_elsewhere():
    redactor = Redactor(["Whitfield told the board.", "By: /s/ Thomas K. Whitfield"])
    assert redactor.redact("Whitfield told the board.") == "[PERSON_1] told the board."


def test_another_form_of_a_name_gets_the_same_number_and_comes_back_as_it_was():
    text = "Anna Meyer signed; ANNA MEYER paid."
    redactor = Redactor([text])
    assert redactor.redact(text) == "[PERSON_1] signed; [PERSON_1B] paid."
    assert redactor.restore("[PERSON_1B] and [person_1]") == "ANNA MEYER and Anna Meyer"
    assert redactor.counts(redactor.redact(text)) == {"person": 1}


def test_a_title_with_a_surname_is_the_one_person_who_has_both():
    letter = "Ms Joan Whitfield wrote. Joan Whitfield signed. Ms. Whitfield paid; Mr Whitfield did not."
    assert Redactor([letter]).redact(letter) == (
        "[PERSON_1] wrote. [PERSON_1B] signed. [PERSON_1C] paid; [PERSON_2] did not."
    )


def test_two_persons_with_one_title_and_surname_are_not_made_one():
    letter = "Ms Joan Whitfield and Ms Ann Whitfield wrote. Ms Whitfield paid."
    assert Redactor([letter]).redact(letter) == "[PERSON_1] and [PERSON_2] wrote. [PERSON_3] paid."


def test_a_placeholder_that_nobody_made_stays():
    assert Redactor([LETTER]).restore("[PERSON_9] [COMPANY NAME] [1]") == "[PERSON_9] [COMPANY NAME] [1]"


@given(st.lists(_TEXTS.map("".join), min_size=1, max_size=4))
def test_redacted_and_restored_any_text_is_what_it_was(texts):
    redactor = Redactor(texts)
    for text in texts:
        assert redactor.restore(redactor.redact(text)) == text


@given(_TEXTS.map("".join), st.lists(st.integers(0, 200), max_size=8))
def test_a_reply_is_restored_wherever_the_stream_cuts_it(text, cuts):
    redactor = Redactor([text])
    sent = redactor.redact(text)
    edges = sorted({0, len(sent), *(cut for cut in cuts if cut < len(sent))})
    stream = redactor.stream()
    pieces = [stream.feed(sent[start:end]) for start, end in itertools.pairwise(edges)]
    assert "".join([*pieces, stream.finish()]) == text


def test_a_model_is_told_placeholders_and_its_reader_reads_names():
    passages = (PromptPassage(1, "Dubois lease.txt", 1, "Ms. Dubois", LETTER),)
    asked = Conversation("Rules of Anna Meyer.", "What does Ms. Dubois pay?", passages)
    inner = ScriptedGenerator("It says that [PERSON_1] pays [1].")
    redactor = Redactor([asked.question, passages[0].document, passages[0].heading, LETTER])
    generator = RedactedGenerator(inner, redactor)
    reply = gather(generator.generate(generator.render(asked), max_tokens=64))
    told = inner.conversations[-1]
    assert "Dubois" not in f"{told.question}{told.passages}"
    assert told.rules == asked.rules
    assert reply.text == "It says that Ms. Dubois pays [1]."


def test_no_event_without_text_comes_of_a_held_back_piece():
    generator = RedactedGenerator(ScriptedGenerator("[PERSON_1] pays"), Redactor(["Anna Meyer"]))
    events = generator.generate(generator.render(Conversation("r", "q")), max_tokens=64)
    assert next(event.text for event in events if isinstance(event, FinalDelta)) == "Anna Meyer"


@pytest.mark.parametrize(
    ("text", "right"), [("DE89 3704 0044 0532 0130 00", True), ("DE88 3704 0044 0532 0130 00", False)]
)
def test_an_iban_is_known_by_its_check_digits(text, right):
    assert is_iban(text) is right
    assert (Kind.IBAN in {one.kind for one in sensitive(f"Pay to {text} today")}) is right


@pytest.mark.parametrize(("text", "right"), [("4111 1111 1111 1111", True), ("4111 1111 1111 1112", False)])
def test_a_card_is_known_by_its_check_digit(text, right):
    assert is_card(text) is right
    assert (Kind.CARD in {one.kind for one in sensitive(f"Charged to {text} today")}) is right


@pytest.mark.parametrize(
    "text",
    [
        "Total revenue increased 12% to $4,512 million in fiscal 2023, compared with $4,021 million in 2022.",
        "The Agreement may be terminated on ninety (90) days' written notice under Section 14.2.",
        "As of December 31, 2022, the Company leased 310,000 square feet and had 4,200 employees.",
        "Net income per share was 1.25 and 1.07; see Note 12 to the Consolidated Financial Statements.",
    ],
)
def test_figures_and_clauses_are_left_alone(text):
    assert Redactor([text]).redact(text) == text


def test_the_published_recall_holds():
    found = recall()["by_kind"]
    assert {kind: pair for kind, pair in found.items() if pair[0] < pair[1] and kind != "PERSON"} == {}
    # Bare surnames without a full name beside them are what is known to be missed.
    assert found["PERSON"][0] >= found["PERSON"][1] - 2
