"""Each layout is read as its README says, and a limit drops nothing in silence."""

import json
from collections import Counter
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from engine.evaluation import sets
from engine.evaluation.metrics import Stretch
from engine.evaluation.questions import Cited, Found, Grades, Marked, Pages, Spans
from engine.evaluation.sets import SETS, acord, kgrag, legalbench_rag, limited, named, own_pages, pages
from storage.errors import NotFound
from tests.engine.evaluation import layouts


def found(document, page=1, start=0, end=10):
    return Found(document, page, start, end, "x" * (end - start))


def test_documents_go_without_their_subset_and_copies_stand_once(tmp_path):
    [one] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    assert sorted(file.name for file in one.files) == ["lease copy.txt", "notice.txt", "policy.txt"]
    asked = {question.id: question for question in one.questions}
    assert asked["l1"].gold.documents == asked["l2"].gold.documents == {"lease copy.txt"}
    assert {question.subset for question in one.questions} == {"leases", "policies"}
    assert one.overall == "mean of subsets"


def test_a_clause_is_a_document_and_only_the_judged_ones_are_searched(tmp_path):
    [one] = acord(layouts.acord(tmp_path))
    [question] = one.questions
    assert len(one.files) == 4
    assert question.among == {"c1.txt", "c2.txt", "c3.txt"}
    assert question.gold == Grades({"c1.txt": 4, "c2.txt": 1, "c3.txt": 0})


def test_page_numbers_count_from_one_whatever_the_set_counts_from(tmp_path):
    uda, erc2 = pages(layouts.pages(tmp_path))
    of_uda = {(one.id, one.subset): one for one in uda.questions}
    assert of_uda["u1", "uda, all reports"].gold == Pages((frozenset({("acme.pdf", 49)}),))
    assert of_uda["u2", "uda, its report"].gold == Pages((frozenset({("acme.pdf", 3), ("acme.pdf", 5)}),))
    assert of_uda["u1", "uda, its report"].among == {"acme.pdf"}
    assert {name for name, _ in of_uda} == {"u1", "u2"}
    [question] = erc2.questions
    assert question.gold.pools == (
        frozenset({("f00.pdf", 1), ("f00.pdf", 5)}),
        frozenset({("f00.pdf", 10)}),
    )


def test_questions_whose_answer_cites_nothing_are_not_asked(tmp_path):
    [one] = kgrag(layouts.kgrag(tmp_path))
    assert [(question.id, question.gold) for question in one.questions] == [
        ("k1", Cited(frozenset({"Q1.pdf", "Q2.pdf"})))
    ]


def test_a_limit_keeps_documents_that_are_asked_about_and_drops_the_questions_of_others(tmp_path):
    [whole] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    one = limited(whole, documents=1, questions=None)
    assert {file.subset for file in one.files} == {"leases", "policies"}
    kept = {file.name for file in one.files}
    assert all(question.gold.documents <= kept for question in one.questions)
    assert {question.id for question in whole.questions if question.gold.documents <= kept} == {
        question.id for question in one.questions
    }


def test_a_limit_of_clauses_leaves_the_judged_ones_that_are_there(tmp_path):
    [whole] = acord(layouts.acord(tmp_path))
    one = limited(whole, documents=2, questions=None)
    [question] = one.questions
    assert {file.name for file in one.files} == {"c1.txt", "c2.txt"}
    assert question.gold.grades == {"c1.txt": 4, "c2.txt": 1}


def test_a_limit_of_questions_counts_each_subset(tmp_path):
    [whole] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    one = limited(whole, documents=None, questions=1)
    assert sorted(question.subset for question in one.questions) == ["leases", "policies"]
    assert one.files == whole.files


def test_a_missing_folder_is_named(tmp_path):
    for load in SETS.values():
        with pytest.raises(NotFound, match="there is no folder"):
            load(tmp_path)


def test_spans_are_scored_over_the_first_passages():
    gold = Spans((Stretch("a", 0, 20),))
    values = gold.scored([found("b"), found("a", end=10), found("a", start=15, end=35)])
    assert values["P@1"] == values["R@1"] == values["document@1"] == 0
    assert values["P@8"] == 15 / 40
    assert values["R@8"] == values["R@64"] == 15 / 20
    assert values["document@5"] == 1


def test_a_clause_stands_where_its_first_passage_does():
    values = Grades({"a": 3, "b": 0}).scored([found("a"), found("a", start=10, end=20), found("b")])
    assert values["NDCG@5"] == values["NDCG@10"] == 1
    assert values["3-star P@5"] == values["4-star P@5"] == 1 / 5


def test_a_page_of_every_pool_is_needed():
    gold = Pages((frozenset({("a", 1), ("a", 2)}), frozenset({("a", 9)})))
    first = gold.scored([found("a", 2), found("b", 9), found("a", 9)])
    assert (first["page@1"], first["page@5"], first["page@10"]) == (0, 1, 1)
    assert gold.scored([found("a", 1), found("a", 2)])["page@10"] == 0


def test_a_marked_place_is_found_by_its_words_in_its_own_document():
    gold = Marked("a", "the  tenant\nshall insure")
    other = Found("b", 1, 0, 9, "the tenant shall insure")
    right = Found("a", 1, 0, 9, "Here the tenant\n shall insure.")
    values = gold.scored([other, found("a"), right])
    assert (values["hit@1"], values["hit@3"], values["document@1"], values["document@5"]) == (0, 1, 0, 1)
    assert gold.scored([other])["hit@10"] == 0
    assert gold.within(frozenset({"b"})) is None


def test_a_document_that_is_only_named_is_found_by_any_passage_of_it():
    assert Marked("a").scored([found("a")])["hit@1"] == 1


def test_every_cited_document_is_needed():
    gold = Cited(frozenset({"a", "b"}))
    values = gold.scored([*[found("a")] * 6, found("b")])
    assert (values["all cited@5"], values["all cited@10"], values["document@1"]) == (0, 1, 1)


OWN_PAGES = Path(sets.__file__).with_name("pages.jsonl")
NAMED = Path(sets.__file__).with_name("named.jsonl")
DATA = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.mark.skipif(not (DATA / "legalbench_rag").is_dir(), reason="the public sets are not beside us")
def test_every_span_of_the_public_set_lies_in_its_document():
    [one] = legalbench_rag(DATA)
    lengths = {file.name: len(file.content.read_text(encoding="utf-8")) for file in one.files}
    outside = [
        (question.id, stretch)
        for question in one.questions
        for stretch in question.gold.stretches
        if not 0 <= stretch.start < stretch.end <= lengths[stretch.document]
    ]
    assert one.questions
    assert outside == []


@pytest.mark.skipif(not (DATA / "legalbench_rag").is_dir(), reason="the public sets are not beside us")
def test_every_marker_of_the_hundred_questions_stands_in_its_document():
    asked = [json.loads(line) for line in NAMED.read_text(encoding="utf-8").splitlines()]
    assert Counter(one["kind"] for one in asked) == {"document": 25, "section": 25, "term": 25, "figure": 25}
    assert len({one["question"] for one in asked}) == len({one["id"] for one in asked}) == 100
    assert all(len(one.get("marker", "")) <= 60 for one in asked)
    assert [one["id"] for one in asked if one.get("marker", "") not in text_of(one)] == []


@pytest.mark.skipif(not (DATA / "legalbench_rag").is_dir(), reason="the public sets are not beside us")
def test_the_hundred_questions_are_asked_of_the_sets_that_hold_their_documents():
    loaded = named(DATA)
    assert sum(len(one.questions) for one in loaded) == 100
    for one in loaded:
        there = {file.name for file in one.files}
        assert all(question.gold.documents <= there for question in one.questions)
        assert one.index in ("legalbench-rag", "kgrag", "uda-reports")


@pytest.mark.skipif(not (DATA / "uda_reports").is_dir(), reason="the public sets are not beside us")
def test_every_marker_of_our_page_questions_stands_on_the_first_page_given():
    asked = [json.loads(line) for line in OWN_PAGES.read_text(encoding="utf-8").splitlines()]
    assert len({one["question"] for one in asked}) == len({one["id"] for one in asked}) == len(asked)
    assert all(0 < len(one["marker"]) <= 60 for one in asked)
    firsts = [{**one, "page": one["pages"][0]} for one in asked]
    assert [one["id"] for one in firsts if one["marker"] not in text_of(one)] == []


@pytest.mark.skipif(not (DATA / "uda_reports").is_dir(), reason="the public sets are not beside us")
def test_no_document_of_our_page_questions_is_in_both_halves():
    asked = [json.loads(line) for line in OWN_PAGES.read_text(encoding="utf-8").splitlines()]
    halves = {one: {each["document"] for each in asked if each["half"] == one} for one in ("first", "second")}
    assert all(halves.values())
    assert not halves["first"] & halves["second"]
    loaded = own_pages(DATA)
    assert sum(len(one.questions) for one in loaded) == len(asked)
    for one in loaded:
        there = {file.name for file in one.files}
        assert all(question.gold.documents <= there for question in one.questions)


def text_of(asked):
    path = DATA / asked["document"]
    if path.suffix != ".pdf":
        return " ".join(path.read_text(encoding="utf-8").split())
    if "page" not in asked:
        return ""
    pdf = pdfium.PdfDocument(path)
    return " ".join(pdf[asked["page"] - 1].get_textpage().get_text_range().split())
