from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
from llama_index.core.schema import Document

from ingest.nodes import PageSplitter, chunk_of
from ingest.running_lines import RunningLines, edge_lines
from storage.embedding import HashingEmbedder, MiniLmEmbedder, searched_text

EMBEDDER = HashingEmbedder()
MINILM = MiniLmEmbedder()

WORDS = st.sampled_from(
    [
        "the",
        "tenant",
        "rent",
        "ninety",
        "(90)",
        "days",
        "2.1",
        "Term.",
        "$1,000",
        "ARTICLE",
        "V",
        "|",
        "caf\xe9",
        "\u4f60\u597d",
        "a" * 70,
    ]
)
GAPS = st.sampled_from([" ", " ", " ", "\n", "\n\n", "\r\n", "\t", "\u2028"])
TEXTS = st.lists(st.tuples(WORDS, GAPS), max_size=250).map(lambda pairs: "".join(a + b for a, b in pairs))


def pages_of(texts, name="deal/Lease_2024.pdf"):
    return [
        Document(
            text=text,
            metadata={"document_id": "doc", "version_id": "ver", "document": name, "page": number},
        )
        for number, text in enumerate(texts, 1)
    ]


def splitter_of(embedder, *, fast=True):
    return PageSplitter(
        embedder.count_tokens,
        max_tokens=embedder.max_tokens,
        token_offsets=embedder.token_offsets if fast else None,
    )


def chunks_of(texts, *, embedder=EMBEDDER, name="deal/Lease_2024.pdf", fast=True):
    nodes = splitter_of(embedder, fast=fast).get_nodes_from_documents(pages_of(texts, name))
    return [chunk_of(node) for node in nodes]


def running_of(texts):
    lines = RunningLines()
    for text in texts:
        lines.feed(text)
    return lines.found()


def left_out_of(texts):
    """Per page, the places of the running lines that may be in no chunk."""
    running = running_of(texts)
    places = []
    for text in texts:
        lines, position = [], 0
        for raw in text.splitlines(keepends=True):
            if raw.strip():
                lines.append((position, position + len(raw)))
            position += len(raw)
        edges = edge_lines([text[a:b] for a, b in lines], running)
        places.append({place for n in edges for place in range(*lines[n])})
    return places


def paths(text):
    return [chunk.heading_path for chunk in chunks_of([text])]


@settings(deadline=None)
@given(st.lists(TEXTS | st.text(max_size=300), max_size=4), st.booleans())
@example(["x" * 10_000], True)
@example(["a" + " " * 5_000 + "b"], True)
@example(["word " * 3_000], False)
def test_a_chunk_is_exactly_its_span_and_nothing_is_lost_or_twice(texts, fast):
    chunks = chunks_of(texts, fast=fast)
    seen = [[0] * len(text) for text in texts]
    for chunk in chunks:
        span = chunk.span
        assert texts[span.page - 1][span.start : span.end] == chunk.text
        assert chunk.text.strip()
        for place in range(span.start, span.end):
            seen[span.page - 1][place] += 1
    for text, counts, free in zip(texts, seen, left_out_of(texts), strict=True):
        assert all(count <= 1 for count in counts)
        for place, (one, count) in enumerate(zip(text, counts, strict=True)):
            assert count == 1 or one.isspace() or place in free
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.id for chunk in chunks}) == len(chunks)


@settings(deadline=None)
@given(st.lists(TEXTS | st.text(max_size=300), max_size=3), st.sampled_from(["a.txt", "x" * 300 + ".pdf"]))
@example(["\u4f60\u597d" * 2_000], "a.txt")
@example(["1.1 " + "A" * 90 + "\n" + "\u0e01\u0e33" * 900], "a.txt")
def test_a_chunk_with_its_context_is_never_longer_than_the_embedder_reads(texts, name):
    for chunk in chunks_of(texts, embedder=MINILM, name=name):
        assert MINILM.count_tokens(searched_text(chunk)) + 2 <= MINILM.max_tokens


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_a_stream_of_pages_gives_the_same_chunks_as_all_pages_at_once(texts):
    stream = splitter_of(EMBEDDER).stream(iter(pages_of(texts)), running=running_of(texts))
    assert [chunk_of(node) for node in stream] == chunks_of(texts)


def test_a_stream_asks_for_a_page_when_the_pieces_of_the_one_before_are_taken():
    asked = []

    def coming():
        for page in pages_of([CLAUSE, CLAUSE, CLAUSE]):
            asked.append(page.metadata["page"])
            yield page

    stream = splitter_of(EMBEDDER).stream(coming(), running=frozenset())
    assert next(stream).metadata["page"] == 1
    assert asked == [1]


PROSE = st.sampled_from(
    [
        "The Tenant shall pay the rent on the first day of every month without any deduction at all.",
        "As set out in the table below, the rent of $1,000 rose by 4% in 2023 and by 5% in 2024.",
        "Notices are given in writing.",
    ]
)
BLOCKS = st.one_of(
    PROSE.map(lambda line: f"{line}\n" * 4),
    st.sampled_from(["ARTICLE V\nTERM\n", "2.1 Rent. It is due.\n", "## Notes\n\n", "RISK FACTORS\n"]),
    st.integers(1, 40).map(
        lambda n: (
            "Three Months Ended June 30,\n2023 2022\n"
            + "".join(f"Sales of line {i} {i},100 {i},200\n" for i in range(1, n + 1))
        )
    ),
    st.integers(1, 30).map(lambda n: "Name | Rent\n" + "".join(f"Unit {i} | {i}00\n" for i in range(n))),
    st.integers(1, 12).map(
        lambda n: (
            "The Tenant shall:\n" + "".join(f"({chr(97 + i)}) do thing {i} at once;\n" for i in range(n))
        )
    ),
    st.just("\u201cRent\u201d means the sum\nin Schedule 1.\n"),
    st.just("Obligations (1) 12 14\nRents 3 5\nFees 7 9\n(1) Excludes short ones.\n"),
    st.just("INDEX\nItem 1. Business 3\nItem 2. Risks 9\nItem 3. Rents 14\n"),
)


@st.composite
def documents(draw):
    """Pages of headings, prose, tables, lists, notes and contents in any mix, between running lines."""
    header, footer = draw(st.sampled_from(["", "NORTHGATE PLC\n"])), draw(st.booleans())
    bodies = draw(st.lists(st.lists(BLOCKS, max_size=4).map("".join), min_size=1, max_size=6))
    return [f"{header}{body}{f'Page {n}' if footer else ''}" for n, body in enumerate(bodies, 1)]


@settings(deadline=None, max_examples=60)
@given(documents())
def test_any_mix_of_structure_is_split_in_order_within_the_limit_and_the_same_each_time(texts):
    chunks = chunks_of(texts)
    assert chunks == chunks_of(texts)
    spans = [chunk.span for chunk in chunks]
    assert spans == sorted(spans)
    assert all(before.page < after.page or before.end <= after.start for before, after in pairwise(spans))
    covered = {(span.page, place) for span in spans for place in range(span.start, span.end)}
    for number, (text, free) in enumerate(zip(texts, left_out_of(texts), strict=True), 1):
        lost = {n for n, one in enumerate(text) if not one.isspace() and (number, n) not in covered}
        assert lost <= free
    for chunk in chunks:
        assert chunk.text == texts[chunk.span.page - 1][chunk.span.start : chunk.span.end]
        assert EMBEDDER.count_tokens(searched_text(chunk)) + 2 <= EMBEDDER.max_tokens
    stream = splitter_of(EMBEDDER).stream(iter(pages_of(texts)), running=running_of(texts))
    assert [chunk_of(node) for node in stream] == chunks


def test_a_running_line_is_in_the_chunk_of_its_first_page_only():
    texts = [f"NORTHGATE PLC\nNumber {n}. {CLAUSE}\nPage {n} of 9" for n in range(1, 10)]
    chunks = chunks_of(texts)
    assert [chunk.span.page for chunk in chunks if "NORTHGATE" in chunk.text] == [1]
    assert [chunk.span.page for chunk in chunks if "Page" in chunk.text] == [1]


def test_each_part_of_a_long_table_is_told_its_header_and_parted_between_rows():
    rows = [f"Revenue of segment {n} $ {n},000 $ {n},500" for n in range(1, 60)]
    text = "\n".join(["(in millions)", "Three Months Ended June 30,", "2023 2022", *rows])
    chunks = chunks_of([text, "\n".join(rows)])
    assert len(chunks) > 4
    for chunk in chunks[1:]:
        assert chunk.context.endswith("(in millions) Three Months Ended June 30, 2023 2022")
        assert set(chunk.text.split("\n")) <= set(rows)
    assert "2023 2022" not in chunks[0].context


def test_a_definition_that_fits_is_kept_whole():
    text = "\n".join(
        f"\u201cTerm {n}\u201d means the thing that is numbered {n}\nand whatever else {CLAUSE}"
        for n in range(6)
    )
    assert all(chunk.text.startswith("\u201cTerm") for chunk in chunks_of([text]))


def test_a_part_of_a_list_is_told_its_lead_in():
    items = "\n".join(f"({chr(97 + n)}) {CLAUSE}" for n in range(6))
    chunks = chunks_of([f"5.1 Duties. The Tenant shall:\n{items}"])
    assert all(chunk.context.endswith("The Tenant shall:") for chunk in chunks[1:])


def test_a_footnote_is_told_what_carries_its_mark():
    kinds = ("land", "plant", "ships")
    rows = "\n".join(f"Leases of {kind} ({n}) 12 14" for n, kind in enumerate(kinds, 1))
    notes = "\n".join(f"({n}) Excludes those that {CLAUSE}" for n in range(1, 4))
    chunks = chunks_of([f"2023 2022\n{rows}\n{notes}"])
    assert chunks[-1].context.endswith("Leases of ships")


CLAUSE = "The Tenant shall pay the rent on the first day of every month without any deduction. " * 6


def test_chunks_begin_where_clauses_begin_and_know_their_headings():
    text = (
        f"ARTICLE V\nTERM AND TERMINATION\n5.1 Term. {CLAUSE}\n5.2 Termination for Cause. {CLAUSE}\n"
        f"ARTICLE VI\nMISCELLANEOUS\n6.1 Notices. {CLAUSE}"
    )
    chunks = chunks_of([text])
    assert [chunk.text[:9] for chunk in chunks] == ["ARTICLE V", "5.2 Termi", "ARTICLE V"]
    assert [chunk.heading_path for chunk in chunks] == [
        ("ARTICLE V", "TERM AND TERMINATION", "5.1 Term"),
        ("ARTICLE V", "TERM AND TERMINATION", "5.2 Termination for Cause"),
        ("ARTICLE VI", "MISCELLANEOUS", "6.1 Notices"),
    ]
    assert chunks[1].context == "Lease 2024 \u203a ARTICLE V \u203a TERM AND TERMINATION"


def test_markdown_headings_nest():
    text = f"# Lease\n\n{CLAUSE}\n\n## Rent\n\n{CLAUSE}\n\n## Term\n\n{CLAUSE}\n\n# Annex\n\n{CLAUSE}"
    assert paths(text) == [("Lease",), ("Lease", "Rent"), ("Lease", "Term"), ("Annex",)]


def test_headings_carry_over_to_the_next_page():
    chunks = chunks_of([f"8.2 Confidentiality. {CLAUSE}", CLAUSE])
    assert chunks[-1].span.page == 2
    assert chunks[-1].heading_path == ("8.2 Confidentiality",)


def test_a_number_in_the_middle_of_a_sentence_begins_no_clause():
    text = (
        "2.1 Payment. The purchase price is set out in full in the table that is annexed to\n"
        "Section 3.3. The Buyer shall pay it on the day that is the later of the Closing Date and\n"
        f"10. Business Days after it. {CLAUSE}"
    )
    assert set(paths(text)) == {("2.1 Payment",)}


def test_a_line_that_heads_every_page_is_no_heading():
    pages = [f"NORTHGATE HOLDINGS LIMITED\n{n}. Clause Name\n{CLAUSE}" for n in range(1, 5)]
    assert all("NORTHGATE" not in one for chunk in chunks_of(pages) for one in chunk.heading_path)


def test_a_contents_list_names_no_headings():
    text = (
        "TABLE OF CONTENTS\nARTICLE 1 DEFINITIONS 3\nItem 2. Properties ........ 14\n1.1 Interpretation 3\n"
    )
    assert paths(text) == [()]


def test_rows_of_a_table_are_never_cut():
    rows = [f"Revenue of segment {n} | ${n},000 | ${n},500 | {n}%" for n in range(1, 60)]
    for chunk in chunks_of(["\n".join(rows)]):
        assert set(chunk.text.split("\n")) <= set(rows)
