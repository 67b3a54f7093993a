"""`muniment eval` works in a folder of its own, and says what it left out."""

import pytest

from tests.engine.evaluation import layouts


def test_a_set_is_ingested_searched_and_scored_apart_from_the_users_matters(muniment, tmp_path):
    data = layouts.legalbench_rag(tmp_path / "data")
    ran = muniment("eval", "legalbench-rag", "--data", data, "--compare", "no-trimming", "keyword", "--json")
    assert ran.code == 0, ran.err
    [one] = ran.json["sets"]
    assert (one["set"], one["documents"], one["questions"], one["not_read"]) == ("legalbench-rag", 3, 4, [])
    assert [each["setting"] for each in one["settings"]] == ["no-trimming", "keyword"]
    average = one["settings"][0]["subsets"][-1]
    assert average["subset"] == "mean of subsets"
    assert average["figures"]["document@5"]["mean"] == 1.0
    assert average["figures"]["R@64"]["mean"] == 1.0
    assert [(each["from"], each["to"]) for each in one["compared"]] == [("no-trimming", "keyword")]
    assert muniment("matter", "list", "--json").json["matters"] == []


def test_what_is_kept_is_not_taken_in_again(muniment, tmp_path):
    data = layouts.acord(tmp_path / "data")
    words = ("eval", "acord", "--data", data, "--keep", tmp_path / "kept")
    first = muniment(*words)
    assert first.code == 0, first.err
    assert "| clauses | 1 |" in first.out
    taken = {path: path.stat().st_ino for path in (tmp_path / "kept").glob("matters/*/originals/*")}
    assert len(taken) == 4
    assert muniment(*words).code == 0
    assert {path: path.stat().st_ino for path in (tmp_path / "kept").glob("matters/*/originals/*")} == taken


def test_a_limit_has_an_index_of_its_own_and_is_said(muniment, tmp_path):
    data = layouts.acord(tmp_path / "data")
    words = ("eval", "acord", "--data", data, "--keep", tmp_path / "kept")
    muniment(*words)
    limited = muniment(*words, "--limit", "2", "--json")
    [one] = limited.json["sets"]
    assert one["left_out"] == {"documents": 2, "questions": 0}
    assert len(list((tmp_path / "kept" / "matters").iterdir())) == 2


def test_the_users_own_folder_is_refused(muniment, services, tmp_path):
    data = layouts.acord(tmp_path / "data")
    ran = muniment("eval", "acord", "--data", data, "--keep", services.settings.home)
    assert ran.code == 3
    assert "keeps out of your own data folder" in ran.err


def test_a_document_that_cannot_be_read_is_named(muniment, tmp_path):
    data = layouts.kgrag(tmp_path / "data")
    # What the layout calls PDFs are not: they cannot be read, and their question is asked all the same.
    ran = muniment("eval", "kgrag", "--data", data, "--json")
    [one] = ran.json["sets"]
    assert one["not_read"] == ["Q1.pdf", "Q2.pdf"]
    assert one["settings"][0]["subsets"][0]["figures"]["all cited@10"]["mean"] == 0.0


@pytest.mark.parametrize(
    ("words", "code"),
    [(("nothing",), 2), (("acord", "--compare", "fused", "best"), 2)],
    ids=["no such set", "no such setting"],
)
def test_a_misspelt_name_is_refused_with_the_right_ones(muniment, tmp_path, words, code):
    ran = muniment("eval", *words, "--data", tmp_path)
    assert ran.code == code
    assert "there are" in ran.err
