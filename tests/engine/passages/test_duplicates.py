"""One place for one text; another figure, date, party or negation is another text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.passages.duplicates import Duplicates, said
from storage.embedding import HashingEmbedder
from storage.records import Chunk, Page, Passage, ReadBy, Scope, Span

CLAUSE = "The Tenant shall pay the rent of $4,100 to Acme on 1 March, and may not set anything off."
AGAIN = "The Tenant shall pay\nthe rent of $4,100 to Acme on 1 March and may not set anything off"


@given(st.text(st.sampled_from("aThe 1,.\n-(5)$%"), max_size=40))
def test_line_breaks_make_no_difference(text):
    assert said(text) == said("\r\n".join(text.split()))


@given(st.text(st.sampled_from('ab1 .,$%-(\u2019"'), max_size=20), st.sampled_from("b2-(%$<\u00a7\u00b2"))
def test_no_letter_digit_or_sign_can_be_added_unseen(text, more):
    assert said(text) != said(f"{text} {more}")


class OnlyPaths:
    """A library of one document."""

    def paths(self, _scope, document_ids):
        return {one: f"{one}.txt" for one in document_ids}


GAPS = st.sampled_from([" ", ". ", "\n\u2022 ", "\u2019 ", "\u00ad ", " __ ", ": "])
WORDS = st.sampled_from(["", "a", "a b", "_a 5", "a (5)", "a $5,1 b", "a b \u00a7", "\u00b2 a b c"])
TEXTS = st.lists(
    st.builds(
        lambda words, gaps: "".join(
            gap + word for word, gap in zip([*words.split(), ""], gaps, strict=False)
        ).lstrip(),
        WORDS,
        st.lists(GAPS, min_size=5, max_size=5),
    ),
    min_size=1,
    max_size=12,
)


@given(st.text(st.sampled_from("ab1 .,:_-(\u2019)$%"), max_size=30))
def test_marks_behind_a_figure_and_lines_to_write_on_say_nothing(text):
    assert not any(one.endswith((".", ",", ":")) or not one.strip("_") for one in said(text))
    assert said(f"{text} 5") == said(f"{text} 5.,:") == said(f"__ {text} 5 ___")


@given(TEXTS, st.integers(1, 12))
def test_what_repeats_a_shown_passage_is_what_says_the_same_and_nothing_else(texts, most):
    chunks = [
        Chunk(f"c-{n}", "doc", "version", n, Span(1, n, n + 1), (), text, "") for n, text in enumerate(texts)
    ]
    ranking = [Passage(one, "doc.txt", rank, 1.0) for rank, one in enumerate(chunks, start=1)]
    given_back = Duplicates(OnlyPaths()).collapsed(
        None, ranking[:most], chunks, more=lambda longer: ranking[:longer]
    )
    first = {said(one.text): one for one in reversed(chunks)}
    kept = [one for one in chunks if not said(one.text) or first[said(one.text)] is one]
    assert [one.chunk for one in given_back] == kept[: len(given_back)]
    for one in given_back:
        again = [each for each in chunks if each is not one.chunk and said(each.text) == said(one.chunk.text)]
        assert [twin.span for twin in one.also_in] == [each.span for each in again if said(each.text)]


def test_the_same_words_are_the_same_in_another_form():
    assert said(CLAUSE) == said(AGAIN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("$4,100", "$4,200"),
        ("$4,100", "4,100"),
        ("$4,100", "$(4,100)"),
        ("1 March", "2 March"),
        ("March", "May"),
        ("Acme", "Bolt"),
        ("may not", "may"),
        ("shall", "may"),
        ("$4,100", "$4.100"),
        ("$4,100", "$4,100%"),
        ("$4,100", "< $4,100"),
        ("$4,100", "- $4,100"),
        ("Tenant", "tenant"),
        ("1 March", "1(a) March"),
        ("1 March", "1' March"),
        ("the rent", "a rent"),
    ],
)
def test_a_difference_that_may_matter_makes_another_text(old, new):
    assert said(CLAUSE) != said(CLAUSE.replace(old, new))


class Desk:
    """A matter of one-page documents, and what a search gives of it."""

    def __init__(self, library, actor, folder):
        self.library, self.folder = library, folder
        self.scope = Scope(library.create_matter("Drafts", actor), actor)
        self.duplicates = Duplicates(library)
        self.ranking = []

    def ingest(self, path, *lines, signature):
        data, text = self.folder / "incoming", "\n".join(lines)
        data.write_text(path + text)
        came = self.library.receive(self.scope, path=path, data=data, media_type="text/plain")
        self.library.begin_pages(self.scope, came.version_id, page_count=1, title=None)
        self.library.add_pages(self.scope, came.version_id, [Page(1, text, ReadBy.TEXT, 1.0)])
        self.library.finish_pages(self.scope, came.version_id, signature=signature)
        at = [text.index(line) for line in lines]
        made = [
            Chunk(
                f"{path}-{n}",
                came.document_id,
                came.version_id,
                n,
                Span(1, start, start + len(line)),
                (),
                line,
                "",
            )
            for n, (start, line) in enumerate(zip(at, lines, strict=True))
        ]
        self.library.save_chunks(self.scope, came.version_id, made, HashingEmbedder().embed(list(lines)))
        self.library.mark_indexed(self.scope, came.version_id)
        self.library.make_live(self.scope, came.version_id)
        self.ranking += [
            Passage(one, path, rank, 1.0) for rank, one in enumerate(made, start=len(self.ranking) + 1)
        ]

    def collapsed(self, limit):
        return self.duplicates.collapsed(
            self.scope,
            self.ranking[:limit],
            [one.chunk for one in self.ranking],
            more=lambda most: self.ranking[:most],
        )


@pytest.fixture
def desk(library, actor, tmp_path):
    return Desk(library, actor, tmp_path)


DRAFT, OTHER = bytes(512), bytes(range(256)) * 2


def test_a_draft_that_says_the_same_takes_no_place_and_is_named(desk):
    desk.ingest("draft 1.txt", CLAUSE, signature=DRAFT)
    desk.ingest("draft 2.txt", AGAIN, "The deposit is two months' rent.", signature=DRAFT)
    first, second = desk.collapsed(2)
    assert [one.document for one in first.also_in] == ["draft 2.txt"]
    assert first.also_in[0].span == Span(1, 0, len(AGAIN))
    assert (first.rank, second.rank) == (1, 2)
    assert second.chunk.text.startswith("The deposit")


def test_a_draft_that_changed_a_figure_keeps_its_place(desk):
    desk.ingest("draft 1.txt", CLAUSE, signature=DRAFT)
    desk.ingest("draft 2.txt", CLAUSE.replace("4,100", "4,200"), signature=DRAFT)
    assert [one.also_in for one in desk.collapsed(2)] == [(), ()]


def test_documents_that_are_no_drafts_of_one_another_keep_their_places(desk):
    desk.ingest("a.txt", CLAUSE, signature=DRAFT)
    desk.ingest("b.txt", CLAUSE, signature=OTHER)
    assert [one.document for one in desk.collapsed(2)] == ["a.txt", "b.txt"]


def test_a_fragment_that_a_better_passage_holds_keeps_its_place(desk):
    desk.ingest("a.txt", CLAUSE, "may", "may", signature=DRAFT)
    assert [len(one.also_in) for one in desk.collapsed(3)] == [0, 1]


def test_lines_of_nothing_but_signs_are_no_text(desk):
    desk.ingest("a.txt", "______", "....", signature=DRAFT)
    assert [one.also_in for one in desk.collapsed(2)] == [(), ()]


def test_reports_of_different_periods_are_no_drafts(desk):
    desk.ingest("q1.txt", "For the quarter ended March 31, 2023", CLAUSE, signature=DRAFT)
    desk.ingest("q2.txt", "For the quarter ended June 30, 2023", CLAUSE, signature=DRAFT)
    assert [one.document for one in desk.collapsed(4)] == ["q1.txt", "q1.txt", "q2.txt", "q2.txt"]


def test_a_draft_is_named_wherever_it_ranks(desk):
    desk.ingest("draft 1.txt", CLAUSE, "The deposit is two months' rent.", signature=DRAFT)
    desk.ingest("draft 2.txt", AGAIN, signature=DRAFT)
    first, second = desk.collapsed(2)
    assert [one.document for one in first.also_in] == ["draft 2.txt"]
    assert second.chunk.text.startswith("The deposit")


def test_what_stands_outside_the_scope_is_not_named(desk, actor):
    desk.ingest("draft 1.txt", CLAUSE, signature=DRAFT)
    desk.ingest("draft 2.txt", AGAIN, signature=DRAFT)
    only = frozenset([desk.ranking[0].chunk.document_id])
    found = [one for one in desk.ranking if one.chunk.document_id in only]
    narrow = Scope(desk.scope.matter, actor, document_ids=only)
    [one] = desk.duplicates.collapsed(narrow, found, [each.chunk for each in found], more=lambda most: found)
    assert one.also_in == ()


def test_signatures_are_given_for_what_is_in_scope_only(desk, actor):
    desk.ingest("draft 1.txt", CLAUSE, signature=DRAFT)
    desk.ingest("draft 2.txt", AGAIN, signature=OTHER)
    first, second = (one.chunk for one in desk.ranking)
    narrow = Scope(desk.scope.matter, actor, document_ids=frozenset([first.document_id]))
    assert desk.library.signatures(narrow, [first.version_id, second.version_id]) == {first.version_id: DRAFT}


def test_a_draft_that_was_deleted_since_it_was_read_is_named_no_more(desk):
    desk.ingest("draft 1.txt", CLAUSE, signature=DRAFT)
    desk.ingest("draft 2.txt", AGAIN, signature=DRAFT)
    (named,) = desk.collapsed(1)
    assert [one.document for one in named.also_in] == ["draft 2.txt"]
    desk.library.delete_document(desk.scope, "draft 2.txt")
    (alone,) = desk.collapsed(1)
    assert alone.also_in == ()
