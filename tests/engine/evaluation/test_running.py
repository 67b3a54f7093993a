"""A set's questions go through the search that is given, and its offsets are counted as the set counts."""

import dataclasses
from datetime import UTC, datetime

import pytest

from engine.evaluation.reporting import differences, evaluation, table, worst_lines
from engine.evaluation.running import SETTINGS, Evaluator
from engine.evaluation.sets import acord, legalbench_rag
from engine.retrieval import MEASURED, SearchResult
from storage.records import Actor, Chunk, Document, Matter, Passage, Role, Scope, Span, VersionState
from tests.engine.evaluation import layouts

NOW = datetime(2024, 1, 1, tzinfo=UTC)
SCOPE = Scope(Matter("m", "Review", NOW, "system"), Actor("system", "system", Role.ADMINISTRATOR, "system"))


def document(name):
    return Document(
        id=f"id of {name}",
        matter_id="m",
        path=name,
        version_id="v",
        state=VersionState.LIVE,
        media_type="text/plain",
        sha256="",
        size=0,
        title=None,
        page_count=1,
        pages_read=1,
        problem=None,
        added_at=NOW,
        added_by="system",
    )


class Search:
    """Finds the paragraphs that it is told to find, and remembers how it was asked."""

    def __init__(self, found):
        self.found = found
        self.asked = []

    def search(self, scope, query, *, limit, settings):
        self.asked.append((scope.document_ids, query, limit, settings))
        passages = [
            Passage(
                Chunk(
                    str(rank), f"id of {name}", "v", rank, Span(1, start, end), (), "x" * (end - start), ""
                ),
                name,
                rank,
                1.0,
            )
            for rank, (name, start, end) in enumerate(self.found, start=1)
        ]
        return SearchResult(passages, {"total": 12.0}, confident=True, nearness=1.0, coverage=1.0)


def evaluated(one, found, settings=MEASURED):
    search = Search(found)
    documents = [document(file.name) for file in one.files]
    told = []
    outcomes = Evaluator(search, SCOPE, one, documents).run(settings, tell=told.append)
    assert told == list(range(1, len(one.questions) + 1))
    return search, {outcome.question.id: outcome for outcome in outcomes}


def test_a_text_with_wide_line_ends_is_counted_as_the_set_counts_it(tmp_path):
    [one] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    at = layouts.POLICY.index("one year")
    _, outcomes = evaluated(one, [("policy.txt", at, at + len("one year"))])
    assert outcomes["p1"].values["P@1"] == outcomes["p1"].values["R@1"] == 1.0
    assert outcomes["l1"].values["P@1"] == 0.0


def test_a_passage_over_a_wide_line_end_is_as_long_as_the_set_counts_it(tmp_path):
    [one] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    _, outcomes = evaluated(one, [("policy.txt", 0, len(layouts.POLICY))])
    unified = len(layouts.POLICY.replace("\r\n", "\n"))
    assert outcomes["p1"].values["P@1"] == pytest.approx(len("one year") / unified)


def test_the_search_is_asked_for_the_judged_clauses_only_and_as_the_settings_say(tmp_path):
    [one] = acord(layouts.acord(tmp_path))
    search, outcomes = evaluated(one, [("c2.txt", 0, 5), ("c1.txt", 0, 5)], SETTINGS["dense"])
    [(among, query, limit, settings)] = search.asked
    assert among == {"id of c1.txt", "id of c2.txt", "id of c3.txt"}
    assert (query, limit, settings) == ("New York governing law", 64, SETTINGS["dense"])
    assert 0 < outcomes["New York governing law"].values["NDCG@5"] < 1


def test_a_document_that_was_not_read_counts_against_the_search(tmp_path):
    [one] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    evaluator = Evaluator(Search([]), SCOPE, one, [])
    outcomes = evaluator.run(MEASURED, tell=lambda done: None)
    assert len(outcomes) == len(one.questions)
    assert {value for outcome in outcomes for value in outcome.values.values()} == {0.0}


def test_subsets_are_rows_and_their_mean_is_the_last(tmp_path):
    [one] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    at = layouts.POLICY.index("one year")
    _, outcomes = evaluated(one, [("policy.txt", at, at + len("one year"))])
    report = evaluation(one, "fused", list(outcomes.values()), worst=2)
    assert [(row.subset, row.questions, row.figures["P@1"].mean) for row in report.rows] == [
        ("leases", 3, 0.0),
        ("policies", 1, 1.0),
        ("mean of subsets", 4, 0.5),
    ]
    assert (report.passage_characters, report.median_ms, report.p95_ms) == (8, 12, 12)
    assert {outcome.question.subset for outcome in report.worst} == {"leases"}
    head, _, *rows = table(report.rows)
    assert head.startswith("| subset | n | P@1 |")
    assert len(rows) == 3
    assert any("policy.txt, p. 1" in line for line in worst_lines(report.worst))


def test_a_comparison_is_made_question_by_question(tmp_path):
    [one] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    at = layouts.POLICY.index("one year")
    _, without = evaluated(one, [])
    _, with_it = evaluated(one, [("policy.txt", at, at + len("one year"))])
    rows = differences(one, list(without.values()), list(with_it.values()))
    gained = {row.subset: row.figures["R@8"].mean for row in rows}
    assert gained == {"leases": 0.0, "policies": 1.0, "mean of subsets": 0.5}
    assert "+100.0" in list(table(rows, signed=True))[3]


def test_the_sum_of_all_questions_weighs_each_the_same(tmp_path):
    [whole] = legalbench_rag(layouts.legalbench_rag(tmp_path))
    one = dataclasses.replace(whole, overall="all questions")
    at = layouts.POLICY.index("one year")
    _, outcomes = evaluated(one, [("policy.txt", at, at + len("one year"))])
    last = evaluation(one, "fused", list(outcomes.values()), worst=0).rows[-1]
    assert (last.subset, last.questions, last.figures["P@1"].mean) == ("all questions", 4, 0.25)


def test_every_setting_but_the_products_differs_from_it():
    assert SETTINGS["fused"] == MEASURED
    assert all(one != MEASURED for name, one in SETTINGS.items() if name != "fused")
    assert len({dataclasses.astuple(one) for one in SETTINGS.values()}) == len(SETTINGS)
