"""A term is found where it is explained, a section where it begins, and nowhere else."""

from hypothesis import given
from hypothesis import strategies as st

from engine.passages.glossary import glossary_of
from storage.records import Chunk, Span

MEANT = "\u201cLeakage\u201d means any payment by the Company to the Seller, other than Permitted Leakage."
NUMBERED = "8.2 Notices. Every notice is given in writing.\n8.2.1 Form. Electronic mail is enough for it."
SAMPLES = st.sampled_from(
    [
        MEANT,
        NUMBERED,
        "The Seller pays the fee (the \u201cBreak Fee\u201d) within ten days. It is final.",
        "ARTICLE IX\nTERMINATION\n9.1 Term. It runs for a year.",
        "\u201cRent\u201d has the meaning given in Section 4.",
        "plain words, Section 8.2 and a Break Fee",
        "This means that nothing is defined.",
        "\u201c\u201d \u201cA",
    ]
)


def chunks(*texts):
    return [Chunk(f"c{n}", "d", "v", n, Span(1, 0, len(one)), (), one, "") for n, one in enumerate(texts)]


def explained(term, *texts):
    """The text that a document has for a term or section."""
    made = glossary_of(chunks(*texts))
    entry = made.terms.get(term) or made.sections.get(term)
    return None if entry is None else texts[int(entry.chunk_id[1:])][entry.start : entry.end]


@given(st.lists(st.tuples(SAMPLES, st.sampled_from(["\n", " ", "\n\n"])).map("".join), max_size=6))
def test_every_entry_is_a_stretch_of_its_chunk_that_holds_its_name(texts):
    made = glossary_of(chunks(*texts))
    for entry in (*made.terms.values(), *made.sections.values()):
        shown = texts[int(entry.chunk_id[1:])][entry.start : entry.end]
        assert shown == shown.strip()
        assert entry.name.split(" ")[-1] in shown


def test_a_definition_ends_where_the_next_one_begins():
    text = f"{MEANT}\n\u201cLosses\u201d means all losses; and\n\u201cParty\u201d means each of them."
    assert explained("Leakage", text) == MEANT
    assert explained("Loss", text) is None
    assert explained("Losse", text) == "\u201cLosses\u201d means all losses; and"


def test_a_definition_keeps_its_list_and_what_is_excepted():
    text = "\u201cCost\u201d means:\n(a) freight;\n(b) duty.\nHowever, it includes no tax. The rest is free."
    assert explained("Cost", text).endswith("it includes no tax.")


def test_an_aside_is_explained_by_its_whole_sentence():
    text = (
        "Rent is monthly. The Tenant pays one month more (the \u201cDeposit\u201d) on signing. Rent is kept."
    )
    assert (
        explained("Deposit", text) == "The Tenant pays one month more (the \u201cDeposit\u201d) on signing."
    )


def test_the_place_that_says_means_counts_before_an_aside_and_both_before_a_pointer():
    points = "\u201cFee\u201d has the meaning set forth in Section 3."
    aside = "He pays $5 (the \u201cFee\u201d)."
    means = "\u201cFee\u201d means what is paid."
    assert explained("Fee", points, aside, means) == means
    assert explained("Fee", points, aside) == aside
    assert explained("Fee", points) == points
    assert glossary_of(chunks(points)).terms["Fee"].points_elsewhere
    assert not glossary_of(chunks(points, aside)).terms["Fee"].points_elsewhere


def test_words_that_only_lead_a_sentence_define_nothing():
    made = glossary_of(chunks("This means that he pays.\nThat means later.\nIt means nothing."))
    assert not made.terms


def test_a_section_holds_its_parts_and_ends_with_the_next():
    text = f"{NUMBERED}\n8.3 Law. The laws of Ohio govern this lease."
    assert explained("8.2", text) == NUMBERED
    assert explained("8.3", text) == "8.3 Law. The laws of Ohio govern this lease."


def test_a_section_does_not_begin_where_it_is_referred_to_or_listed():
    refers = "The Seller pays, subject to\nSection 8.2. The Company does not pay anything at all."
    contents = "8.1 Term of the lease 3\n8.2 Notices and more 4\n8.3 Governing law 5\n8.4 Costs borne 6\n"
    assert explained("8.2", refers, contents) is None
    assert explained("section 8.2", refers, contents) is None
    assert explained("8.2", refers, contents, NUMBERED) == NUMBERED


def test_an_amount_is_no_section():
    assert explained("5.2", "The price rose by 5.2 Million in a year, which is a lot of money.") is None


def test_terms_and_sections_are_mentioned_as_the_document_prints_them():
    made = glossary_of(chunks(MEANT, NUMBERED, "Pay (the \u201cLeakage Amount\u201d) at once."))
    said = made.mentioned("As in Section 8.2(a), Leakages and the Leakage Amount; a leakage is nothing.")
    assert list(said) == ["section 8.2", "Leakage", "Leakage Amount"]


def test_a_section_of_another_document_is_not_mentioned():
    made = glossary_of(chunks(NUMBERED))
    assert not made.mentioned("under Section 8.2 of the Exchange Act and Section 8.2 of Schedule A")
    assert made.mentioned("under Section 8.2 of this Agreement")
    assert made.mentioned("Sections 7.1, 7.3 and 8.2 survive")
