from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evidence import Source
from engine.quoting import answering_quotes, best_quotes
from storage.records import Chunk, Passage, Span

STATEMENT = (
    "(In millions)\n"
    "Three Months Ended October 30, 2022 October 31, 2021\n"
    "Revenue $ 5,931 $ 7,103\n"
    "Cost of revenue 2,754 2,472\n"
    "Net income 680 2,464\n"
)
PROSE = (
    "Revenue is recognised when control passes. The notice period for termination is described below. "
    "Either party may terminate upon ninety (90) days' notice."
)


def source(text: str, n: int = 1) -> Source:
    chunk = Chunk(f"chunk_{n}", "doc_1", "version_1", n, Span(n, 0, len(text)), (), text, "")
    return Source(n, Passage(chunk, "report.pdf", n, 1.0))


def test_a_row_is_quoted_with_the_head_that_gives_its_unit_and_period() -> None:
    (quote,) = best_quotes("What was net income?", [source(STATEMENT)], limit=1)
    assert quote.stretch.text.endswith("Net income 680 2,464")
    assert quote.stretch.text.startswith("(In millions)")


def test_the_sentence_that_holds_the_kind_of_figure_asked_for_comes_first() -> None:
    (quote,) = best_quotes("How many days' notice is needed to terminate?", [source(PROSE)], limit=1)
    assert "ninety (90)" in quote.stretch.text


def test_a_lead_in_is_quoted_with_its_list() -> None:
    text = "The Tenant shall pay:\n(a) the rent; and\n(b) the service charge."
    (quote,) = best_quotes("What shall the Tenant pay?", [source(text)], limit=1)
    assert quote.stretch.text == text


def test_nothing_is_quoted_when_no_word_is_shared() -> None:
    assert best_quotes("Who won the football match?", [source(STATEMENT)]) == []


def test_quotes_of_several_passages_do_not_repeat_one_another() -> None:
    quotes = best_quotes("notice termination", [source(PROSE, 1), source(PROSE, 1)], limit=4)
    spans = [quote.stretch.span for quote in quotes]
    assert len(spans) == len(set(spans))


def test_a_similarity_of_meaning_can_decide() -> None:
    text = "The lessee shall vacate on request. The lessee shall keep a dog."
    near = best_quotes(
        "When must the lessee move out?",
        [source(text)],
        limit=1,
        similarity=lambda _question, texts: [0.9 if "vacate" in each else 0.1 for each in texts],
    )
    assert near[0].stretch.text == "The lessee shall vacate on request."


@settings(deadline=None)
@given(
    st.text(alphabet="abc notice days 0159,.:\n$()%", max_size=300),
    st.sampled_from(["How many days' notice?", "What is the total?", "abc"]),
)
def test_a_quote_is_exactly_the_text_at_its_span(text: str, question: str) -> None:
    for quote in best_quotes(question, [source(text)], limit=5):
        span = quote.stretch.span
        assert quote.stretch.text == text[span.start : span.end]
        assert quote.stretch.text.strip()


def test_the_row_that_states_just_the_figure_asked_for_is_quoted_before_talk_about_it() -> None:
    talk = "Cost of revenue, and what revenue of $1 million means for net revenue, are set out below."
    quotes = best_quotes("What was Acme's revenue?", [source(talk, 1), source(STATEMENT, 2)], limit=1)
    assert quotes[0].stretch.text.endswith("Revenue $ 5,931 $ 7,103")


def test_a_row_of_a_passage_that_the_search_found_to_be_of_another_period_comes_second() -> None:
    def found(n: int, figure: float) -> Source:
        text = f"Net income {n}80 {n}64"
        chunk = Chunk(f"chunk_{n}", "doc_1", "version_1", n, Span(n, 0, len(text)), (), text, "")
        return Source(n, Passage(chunk, "report.pdf", n, 1.0, {"figure": figure}))

    quotes = best_quotes("What was net income?", [found(1, 0.6), found(2, 1.0)], limit=1)
    assert quotes[0].stretch.text == "Net income 280 264"


def test_words_that_only_lead_up_to_the_question_count_for_little() -> None:
    text = (
        "This Hosting Agreement is made between Acme Bakeries and Bolt Systems.\n\n"
        "The laws of Ontario govern it."
    )
    question = "Consider the Hosting Agreement between Acme Bakeries and Bolt Systems; which laws govern?"
    quotes = best_quotes(question, [source(text)], limit=1)
    assert quotes[0].stretch.text == "The laws of Ontario govern it."


def of(document: str, text: str, n: int) -> Source:
    chunk = Chunk(f"chunk_{n}", document, document, n, Span(1, 0, len(text)), (), text, "")
    return Source(n, Passage(chunk, document, n, 1.0))


def test_an_agreement_and_its_amendment_are_quoted_together() -> None:
    amendment = of(
        "Amendment.docx",
        'In clause 7.1 of the Lease the words "ten (10) days\' notice" to terminate are'
        ' replaced by "twenty (20) days\' notice".',
        1,
    )
    lease = of("Lease.pdf", "7.1 Either party may terminate by giving ten (10) days' notice.", 2)
    other = of("Menu.txt", "The kitchen closes with ten (10) days' notice to terminate supplies.", 3)
    quotes = answering_quotes("How many days' notice to terminate the lease?", [amendment, lease, other])
    assert [quote.stretch.source.passage.document for quote in quotes[:2]] == ["Amendment.docx", "Lease.pdf"]
    assert "Menu.txt" not in [quote.stretch.source.passage.document for quote in quotes]


def test_a_running_header_is_never_quoted() -> None:
    text = "Services Agreement Page 6\nThe liability of each party is limited to the Charges."
    quotes = best_quotes("What is the limit of liability under the services agreement?", [source(text)])
    assert quotes
    assert all("Page 6" not in quote.stretch.text for quote in quotes)


def test_the_total_in_a_row_comes_before_its_instalments_in_prose() -> None:
    text = (
        "(in thousands) 2024 2023\nCleaning, Mill Lane 525 507\n\n"
        "The cost of cleaning at Mill Lane in 2024 is three monthly instalments of $43 thousand.\n"
    )
    quotes = best_quotes("What did cleaning at Mill Lane cost in 2024?", [source(text)])
    assert quotes[0].stretch.text.endswith("525 507")


def test_the_same_words_of_two_documents_are_quoted_once() -> None:
    text = "Either party may terminate by giving ten (10) days' notice."
    sources = [of("Lease.pdf", text, 1), of("Copy of Lease.pdf", text, 2)]
    assert len(best_quotes("How is notice to terminate given?", sources)) == 1
