from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.answers import Verdict
from engine.citing import check
from engine.evidence import Footnotes, Source, windows
from engine.numbers import extract, missing_from
from engine.sentences import MarkedSentence, split_reply
from storage.records import Chunk, Passage, Span

LEASE = (
    "12.1 Term. This Agreement starts on 1 March 2021 and runs for five (5) years.\n"
    "12.2 Termination. Either party may terminate this Agreement upon ninety (90) days' prior "
    "written notice. "
    "The Tenant shall not assign this Agreement without the prior written consent of "
    "Harbour Estates Limited.\n"
    "12.3 Fees. The Tenant shall pay an early termination fee of $2.5 million."
)
STATEMENT = (
    "(In millions, except per share data)\n"
    "Three Months Ended October 30, 2022 October 31, 2021\n"
    "Revenue $ 5,931 $ 7,103\n"
    "Cost of revenue 2,754 2,472\n"
    "Net income 680 2,464\n"
)
OFFSET = 1_000


def source(text: str, n: int = 1, *, document: str = "lease.pdf", page_text: str = "") -> Source:
    chunk = Chunk(
        f"chunk_{n}",
        "doc_1",
        "version_1",
        n,
        Span(3, OFFSET, OFFSET + len(text)),
        ("Term and fees",),
        text,
        document,
    )
    return Source(n, Passage(chunk, document, n, 1.0), page_text)


def verdict(text: str, *sources: Source, markers: tuple[int, ...] = (1,)) -> Verdict:
    return check(MarkedSentence(text, markers), sources or (source(LEASE),)).verdict


@pytest.mark.parametrize(
    "text",
    [
        "Either party may terminate this Agreement upon ninety (90) days' prior written notice.",
        "Either party may terminate the agreement on 90 days' written notice.",
        "The Agreement starts on March 1, 2021 and runs for five years.",
        "The early termination fee is $2,500,000.",
        "The Tenant shall not assign this Agreement without the consent of Harbour Estates Limited.",
        "The clause speaks of \u201cprior written notice\u201d and termination by either party.",
    ],
)
def test_a_sentence_that_its_passage_states_is_supported(text: str) -> None:
    assert verdict(text) is Verdict.SUPPORTED


def test_words_that_only_open_a_list_or_set_a_bound_deny_nothing() -> None:
    text = (
        "The Agent shall charge fees for services, including but not limited to mailing, "
        "of not less than $50."
    )
    assert (
        verdict("The Agent shall charge fees for services such as mailing.", source(text))
        is Verdict.SUPPORTED
    )
    denied = "The Agent shall not charge fees for services such as mailing."
    assert verdict(denied, source(text)) is Verdict.UNSUPPORTED


@pytest.mark.parametrize(
    "text",
    [
        "Either party may terminate this Agreement upon 9 days' prior written notice.",
        "Either party may terminate this Agreement upon ninety (90) months' prior written notice.",
        "The early termination fee is $2.5 billion.",
        "The early termination fee is \u20ac2.5 million.",
        "The Agreement starts on March 2, 2021 and runs for five years.",
    ],
)
def test_a_figure_that_is_not_in_the_passage_is_a_number_mismatch(text: str) -> None:
    assert verdict(text) is Verdict.NUMBER_MISMATCH


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The Landlord insures the building against fire and flood.", "words"),
        ("The Tenant may assign this Agreement with prior written consent.", "denies"),
        ("Either party may not terminate this Agreement upon written notice.", "denies"),
        ("The Tenant shall not assign this Agreement without the consent of Mill Lane Limited.", "name"),
        ("The clause requires \u201cprior oral notice\u201d for termination.", "quotation"),
        ("Yes.", "checked"),
    ],
)
def test_a_sentence_that_its_passage_does_not_state_is_unsupported(text: str, reason: str) -> None:
    finding = check(MarkedSentence(text, (1,)), [source(LEASE)])
    assert finding.verdict is Verdict.UNSUPPORTED
    assert reason in finding.reason


def test_a_sentence_made_of_halves_of_two_clauses_is_unsupported() -> None:
    notices = source(
        "A notice delivered by hand is received on delivery; a notice sent by recorded post is received on "
        "the second (2nd) Business Day after posting."
    )
    joined = "A notice delivered by hand is received on the second (2nd) Business Day after posting."
    found = check(MarkedSentence(joined, (1,)), [notices])
    assert found.verdict is Verdict.UNSUPPORTED
    assert "separate clauses" in found.reason
    assert verdict("A notice sent by recorded post is received on the second Business Day.", notices) is (
        Verdict.SUPPORTED
    )


AMENDED = (
    "3.1 The Annual Fee for each Contract Year is \u00a3516,000, payable in twelve (12) equal monthly "
    "instalments of \u00a343,000 in arrear.\n"
    "6.2 The Supplier shall invoice each instalment on the last Business Day of the month. The Customer "
    "shall pay each undisputed invoice within thirty (30) days of receipt. It may withhold the rest.\n"
    "7.1 The Supplier's total liability in a Contract Year shall not exceed \u00a31,000,000. Either party "
    "may terminate at any time after the first year.\n"
)
SEGMENTS = "(In millions)\nData Center 3,833 2,936\nCompute & Networking 3,816 3,011\nGraphics 2,115 4,092\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The monthly fee after the amendments is \u00a3516,000.", "not"),
        ("The monthly fee is \u00a3516,000.", '"annual"'),
        ("The annual fee is payable in quarterly instalments of \u00a343,000.", '"quarterly"'),
        ("The instalments of the fee are \u00a343,000 a year.", '"a year"'),
        ("The Supplier's average liability in a Contract Year shall not exceed \u00a31,000,000.", "average"),
        ("The Supplier's total liability in a Contract Year is at least \u00a31,000,000.", "denies"),
        ("Either party shall terminate at any time after the first year.", '"shall"'),
        ("Both parties may terminate at any time after the first year.", '"both"'),
        ("Either party may terminate at any time before the first year.", '"before"'),
    ],
)
def test_a_qualifier_that_the_quote_does_not_say_of_the_same_thing_is_unsupported(
    text: str, reason: str
) -> None:
    found = check(MarkedSentence(text, (1,)), [source(AMENDED)])
    assert found.verdict is Verdict.UNSUPPORTED
    assert reason in found.reason


@pytest.mark.parametrize(
    "text",
    [
        "The annual fee is \u00a3516,000.",
        "The yearly fee is \u00a3516,000.",
        "The fee is \u00a3516,000 per annum, payable in monthly instalments of \u00a343,000.",
        "The Customer shall pay each undisputed invoice within 30 days.",
        "The Customer may withhold the rest.",
        "The total liability of the Supplier shall not exceed \u00a31,000,000.",
    ],
)
def test_a_qualifier_or_party_said_in_other_words_is_supported(text: str) -> None:
    assert verdict(text, source(AMENDED)) is Verdict.SUPPORTED


@pytest.mark.parametrize(
    "text",
    [
        "The Supplier shall pay each undisputed invoice within thirty (30) days of receipt.",
        "The Customer shall invoice each instalment on the last Business Day of the month.",
        "The Customer's total liability in a Contract Year shall not exceed \u00a31,000,000.",
    ],
)
def test_a_duty_of_one_party_is_not_the_other_partys(text: str) -> None:
    assert verdict(text, source(AMENDED)) is Verdict.UNSUPPORTED


@pytest.mark.parametrize(
    ("reply", "supported"),
    [
        (
            "The annual fee is \u00a3516,000. The Customer shall pay each undisputed invoice within",
            [True, False],
        ),
        ("The Customer shall pay each undisputed invoice within thirty days of.", [False]),
        ("The Customer shall pay each undisputed invoice", [False]),
        ("The answer is: The Customer shall pay each undisputed invoice within thirty days.", [True]),
    ],
)
def test_a_sentence_that_was_cut_off_is_never_supported(reply: str, supported: list[bool]) -> None:
    findings = [check(one, [source(AMENDED)]) for one in split_reply(reply)]
    assert [one.supported for one in findings] == supported
    assert all(one.supported or one.reason == "it was cut off" for one in findings)


def test_a_sentence_that_runs_in_a_loop_is_unsupported() -> None:
    law = source("This Agreement is governed by the law of England and Wales.")
    looped = "It is governed by the law of Wales, which is governed by the law of England and Wales."
    assert check(MarkedSentence(looped, (1,)), [law]).reason == "it repeats itself"
    assert verdict("It is governed by the law of England and Wales.", law) is Verdict.SUPPORTED


def test_a_figure_of_another_row_is_unsupported() -> None:
    table = source(SEGMENTS)
    assert verdict("Data Center revenue was $3,833 million.", table) is Verdict.SUPPORTED
    assert verdict("Data Center revenue was $3,816 million.", table) is Verdict.UNSUPPORTED
    assert verdict("Compute & Networking revenue was $3,816 million.", table) is Verdict.SUPPORTED


def test_a_marker_that_names_no_passage_supports_nothing() -> None:
    finding = check(MarkedSentence("The moon is made of cheese.", (7,)), [source(LEASE)])
    assert finding.verdict is Verdict.UNSUPPORTED
    assert "[7]" in finding.reason


def test_a_sentence_without_a_marker_is_given_the_passage_that_holds_it() -> None:
    finding = check(
        MarkedSentence("Either party may terminate upon 90 days' written notice.", ()), [source(LEASE)]
    )
    assert finding.supported
    assert "no passage" in finding.reason
    assert verdict("The moon is made of cheese.", markers=()) is Verdict.UNCITED


def test_a_wrong_marker_is_replaced_by_the_passage_that_holds_the_sentence() -> None:
    sources = [source("The weather clause is left empty.", 1), source(LEASE, 2)]
    finding = check(MarkedSentence("The early termination fee is $2.5 million.", (1,)), sources)
    assert finding.supported
    assert [stretch.source.n for stretch in finding.evidence] == [2]


def test_the_citation_is_the_narrowest_stretch_and_exact() -> None:
    finding = check(MarkedSentence("The early termination fee is $2.5 million.", (1,)), [source(LEASE)])
    (stretch,) = finding.evidence
    assert stretch.text == "The Tenant shall pay an early termination fee of $2.5 million."
    assert LEASE[stretch.span.start - OFFSET : stretch.span.end - OFFSET] == stretch.text
    assert stretch.span.page == 3


def test_a_figure_in_a_table_takes_its_scale_from_the_caption() -> None:
    table = source(STATEMENT, document="nvidia_10q.pdf")
    assert verdict("Revenue was $5,931 million.", table) is Verdict.SUPPORTED
    assert verdict("Revenue was $5.931 billion.", table) is Verdict.SUPPORTED
    assert verdict("Revenue was $5,931 billion.", table) is Verdict.NUMBER_MISMATCH
    assert verdict("Revenue was $5,931.", table) is Verdict.NUMBER_MISMATCH


def test_a_scale_that_stands_nowhere_on_the_page_is_not_believed() -> None:
    rows = "Revenue $ 5,931 $ 7,103\nCost of revenue 2,754 2,472\n"
    assert verdict("Revenue was $5,931 million.", source(rows)) is Verdict.NUMBER_MISMATCH
    with_page = source(rows, page_text="(In millions)\n" + rows)
    assert verdict("Revenue was $5,931 million.", with_page) is Verdict.SUPPORTED


def test_a_sentence_from_two_passages_cites_both() -> None:
    sources = [source("The monthly rent is $4,000.", 1), source("The security deposit is $12,000.", 2)]
    finding = check(
        MarkedSentence("The monthly rent is $4,000 and the security deposit is $12,000.", (1, 2)), sources
    )
    assert finding.supported
    assert [stretch.source.n for stretch in finding.evidence] == [1, 2]


def test_the_same_span_is_one_footnote() -> None:
    notes, (stretch, *_) = Footnotes(), list(windows(source(LEASE)))
    assert notes.cite([stretch]) == notes.cite([stretch]) == (1,)
    assert [citation.quote for citation in notes.citations] == [stretch.text]


SENTENCES = [
    "Either party may terminate on {n} days' written notice [1].",
    "The early termination fee is ${n} million.",
    "The Agreement runs for {n} years.",
    "Revenue was ${n} million.",
    "Net income was {n}.",
]


@settings(deadline=None)
@given(
    st.sampled_from(SENTENCES),
    st.one_of(st.sampled_from(["90", "2.5", "5", "5,931", "680"]), st.integers(0, 9_999).map(str)),
    st.sampled_from([(), (1,), (2,), (1, 2), (9,)]),
)
def test_what_is_supported_has_all_its_numbers_in_its_quotes(
    sentence: str, n: str, markers: tuple[int, ...]
) -> None:
    text = sentence.replace("{n}", n)
    finding = check(MarkedSentence(text, markers), [source(LEASE, 1), source(STATEMENT, 2)])
    if finding.supported:
        quotes = "\n".join(stretch.text for stretch in finding.evidence)
        assert missing_from(text, quotes, unit_context=STATEMENT) == []
        printed = {abs(quantity.value) for quantity in extract(quotes)}
        assert all({abs(quantity.value), abs(quantity.value) / 10**6} & printed for quantity in extract(text))


def test_a_sentence_that_stops_where_its_quote_goes_on_was_cut_off() -> None:
    names = source("Neither party may use the other's name in any publication without prior written consent.")
    whole = "Neither party may use the other's name in any publication without prior written consent"
    assert verdict(whole, names) is Verdict.SUPPORTED
    assert verdict(whole.removesuffix(" written consent"), names) is Verdict.UNSUPPORTED
