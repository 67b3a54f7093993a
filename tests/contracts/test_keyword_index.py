"""What a keyword index owes, whichever engine keeps it: the same chunks and documents for the same words."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.database import Database
from storage.engines import KeywordFolder
from storage.keywords import KeywordIndex
from storage.postgres_keywords import PostgresWords
from storage.records import Chunk, Span
from storage.stores import Engine, KeywordStore
from tests.servers import postgres

Open = Callable[[], KeywordStore]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres() as url:
        opened = Database(f"{url}/postgres")
        yield opened
        opened.close()


def in_folder(folder: Path, _request: pytest.FixtureRequest) -> Engine[KeywordStore]:
    return KeywordFolder()


def in_postgres(folder: Path, request: pytest.FixtureRequest) -> Engine[KeywordStore]:
    return PostgresWords(request.getfixturevalue("database"))


@pytest.fixture(params=[in_folder, in_postgres])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens one and the same index, again and again."""
    engine, folder = request.param(tmp_path, request), tmp_path / "matter_0123"
    yield lambda: engine.open(folder)
    engine.discard(folder)
    engine.close()


@pytest.fixture
def index(opened: Open) -> Iterator[KeywordStore]:
    index = opened()
    index.add(
        [
            chunk("fees", "The fees set out in Section 8.2 are payable within 30 days.", document="lease"),
            chunk("sales", "Revenue was $5,931 million.", document="filing", context="NVIDIA Corporation"),
            chunk("court", "Disputes shall be terminated by arbitration.", document="lease", ordinal=1),
        ]
    )
    yield index
    index.close()


def chunk(name: str, text: str, *, document: str = "doc", context: str = "", ordinal: int = 0) -> Chunk:
    version = f"ver-{document}"
    return Chunk(name, document, version, ordinal, Span(1, 0, len(text)), (), text, context)


def ids(found: list[tuple[str, float]]) -> list[str]:
    return [one for one, _ in found]


# Words


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("What does section 8.2(a) say?", "fees"),
        ("Who reported $5,931 million?", "sales"),
        ("How is a dispute terminating?", "court"),
        ("NVIDIA's results", "sales"),
    ],
)
def test_numbers_inflections_and_context_are_found(index: KeywordStore, query: str, first: str) -> None:
    assert ids(index.search(query, limit=3))[0] == first


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("section 8.2(b)", "Section 8.2(b) binds the tenant."),
        ("section 8.2(b)(iii)", "as set out in Section 8.2(b) hereof"),
        ("17 CFR 240.10b-5", "Nothing here waives a claim under Rule 10b-5."),
        ("Rule 10b-5", "pursuant to 17 CFR 240.10b-5"),
        ("§ 1681b(a)", "within the meaning of section 1681b of the Act"),
        ("15 USC 1681", "as amended, 15 U.S.C. § 1681 et seq."),
        ("the 10K", "the Annual Report on Form 10-K"),
        ("5931", "net revenue of $5,931 million"),
        ("$1,500,000", "a cap of $1.5 million in total"),
        ("a fee of $2 million", "shall pay USD 2,000,000 at closing"),
        ("cafe", "the Café Lease"),
    ],
)
def test_citations_sections_and_figures_are_found_however_they_are_written(
    opened: Open, query: str, text: str
) -> None:
    index = opened()
    index.add([chunk("it", text), chunk("other", "8 2 10 5 1681x 931 CFR1 USCIS 500", ordinal=1)])

    assert ids(index.search(query, limit=2))[0] == "it"
    index.close()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("8.2", "Section 8, paragraph 2"),
        ("8.2", "Section 8.25 and Section 18.2"),
        ("10b-5", "pages 10 to 5"),
        ("5,931", "5 of 931 shares"),
    ],
)
def test_a_number_is_not_found_by_its_parts(opened: Open, query: str, text: str) -> None:
    index = opened()
    index.add([chunk("it", text)])

    assert index.search(query, limit=1) == []
    index.close()


@pytest.mark.parametrize(
    "query", ['"', 'fees" OR "', "NEAR(fees, 2)", "text:fees AND NOT", "(((", "*", "", "…", "fees:*", "' --"]
)
def test_query_syntax_means_nothing(index: KeywordStore, query: str) -> None:
    assert ids(index.search(query, limit=3)) == (["fees"] if "fees" in query else [])


@given(st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_no_query_breaks_the_search(index: KeywordStore, query: str) -> None:
    assert len(index.search(query, limit=3)) <= 3
    assert len(index.documents(query, limit=3)) <= 2
    assert index.stating([query]).keys() <= {"lease", "filing"}


# Ranking


def test_scores_are_positive_and_fall(index: KeywordStore) -> None:
    scores = [score for _, score in index.search("fees revenue disputes days", limit=3)]

    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0


def test_a_rare_word_counts_for_more_than_a_common_one(opened: Open) -> None:
    index = opened()
    texts = [f"agreement number {n}" for n in range(30)]
    index.add([chunk(f"c{n:02}", text, ordinal=n) for n, text in enumerate([*texts, "indemnity number x"])])

    assert ids(index.search("agreement indemnity", limit=1)) == ["c30"]
    index.close()


def test_equal_scores_stand_in_the_order_of_their_ids_wherever_the_list_ends(opened: Open) -> None:
    index = opened()
    index.add([chunk(f"c{n:03}", "the same clause", ordinal=n) for n in reversed(range(100))])

    expected = [f"c{n:03}" for n in range(100)]
    for limit in (1, 7, 64, 200):
        assert ids(index.search("clause", limit=limit)) == expected[:limit]
    index.close()


def test_only_the_named_documents_are_searched(index: KeywordStore) -> None:
    query = "fees revenue disputes"

    assert ids(index.search(query, limit=9, document_ids=frozenset({"filing"}))) == ["sales"]
    assert len(index.search(query, limit=9, document_ids=frozenset({"filing", "lease"}))) == 3
    assert index.search(query, limit=9, document_ids=frozenset()) == []
    assert index.search(query, limit=9, document_ids=frozenset({"unknown"})) == []
    assert index.search(query, limit=0) == []


# Documents


def test_a_document_is_found_by_its_name_and_beginning(index: KeywordStore) -> None:
    assert ids(index.documents("What does NVIDIA report?", limit=2)) == ["filing"]
    assert ids(index.documents("arbitration fees", limit=2)) == ["lease"]
    assert index.documents("NVIDIA", limit=2, document_ids=frozenset({"lease"})) == []


def test_a_word_of_the_name_counts_for_more_than_one_of_the_beginning(opened: Open) -> None:
    index = opened()
    index.add([chunk("a", "about Acme and others", document="about", context="Bermuda")])
    index.add([chunk("b", "the parties agree", document="named", context="Acme")])

    assert ids(index.documents("Acme", limit=2)) == ["named", "about"]
    index.close()


def test_a_word_that_most_documents_share_still_counts(opened: Open) -> None:
    index = opened()
    for number in range(4):
        name = "NVIDIA" if number < 3 else "Apple"
        index.add([chunk(f"c{number}", "report", document=f"d{number}", context=name)])

    assert ids(index.documents("NVIDIA", limit=9)) == ["d0", "d1", "d2"]
    index.close()


def test_beginnings_are_names_and_first_words_by_document(index: KeywordStore) -> None:
    index.add([chunk("cover", "For the period ended June 30, 2023.", document="new", context="Q2 filing")])

    assert index.beginnings()["new"] == "Q2 filing\nFor the period ended June 30, 2023.\n"


# Counting


def test_frequencies_and_holders_count_chunks(index: KeywordStore) -> None:
    assert index.frequencies(["days", "shall", "absent"]) == {"days": 1, "shall": 1, "absent": 0}
    held = index.holders(["days", "revenue"], ["fees", "court", "unknown"])
    assert held == {"days": {"fees"}, "revenue": frozenset()}


def test_many_words_are_told_apart(index: KeywordStore) -> None:
    present = ["fees", "set", "section", "8.2", "payable", "days", "disputes", "terminated", "arbitration"]
    absent = [f"absent{number}" for number in range(40)]

    held = index.holders([*absent, *present], ["fees", "court"])

    assert [word for word, chunks in held.items() if chunks] == present
    assert held["arbitration"] == {"court"}


def test_a_clause_counts_as_held_where_its_number_is(index: KeywordStore) -> None:
    assert index.holders(["8.2(a)"], ["fees"]) == {"8.2(a)": {"fees"}}
    assert index.frequencies(["8.2(a)"]) == {"8.2(a)": 1}


def test_a_phrase_is_counted_only_where_its_words_stand_together(index: KeywordStore) -> None:
    index.add(
        [
            chunk("one", "the third quarter of fiscal year 2023", document="early"),
            chunk("two", "In the third\nquarter of fiscal year 2023, again", document="early", ordinal=1),
            chunk("three", "third quarter of fiscal years 2024 and 2023", document="late"),
            chunk("four", "nothing of it", document="none", context="third quarter of fiscal year 2023"),
        ]
    )

    assert index.stating(["third quarter of fiscal year 2023", "q3 fy2023"]) == {"early": 2}
    assert index.stating(["2023"]) == {"early": 2, "late": 1}
    assert index.stating([]) == {}
    assert index.stating(["…"]) == {}


# Keeping


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.integers(0, 2), st.integers(0, 3), st.sampled_from(["rent", "rents due"])
        ),
        max_size=8,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
def test_documents_are_counted_as_they_are_named_whatever_came_and_went(
    tmp_path: Path, changes: list[tuple[bool, int, int, str]]
) -> None:
    index = KeywordIndex(Path(tempfile.mkdtemp(dir=tmp_path)))
    for is_added, document, ordinal, text in changes:
        one = chunk(f"{document}-{ordinal}", text, document=f"d{document}", ordinal=ordinal)
        more = chunk(f"{document}-9", "a lease", document=f"d{document}", ordinal=9)
        if is_added:
            index.add([one, more] if ordinal == 0 else [one])
        else:
            index.remove([one.id])

        phrases = ("rent", "Leases", "rents due", "deposit")
        assert index.spread(phrases) == {one: len(index.stating([one])) for one in phrases}
    index.close()


def test_a_phrase_is_spread_over_the_documents_that_have_it(index: KeywordStore) -> None:
    spread = index.spread(["payable", "30 days", "disputes", "NVIDIA"])
    assert spread == {"payable": 1, "30 days": 1, "disputes": 1, "NVIDIA": 0}


def test_what_is_removed_is_found_no_more(index: KeywordStore) -> None:
    index.remove(["sales", "unknown"])

    assert index.ids() == {"fees", "court"}
    assert len(index) == 2
    assert index.search("revenue", limit=3) == []
    assert index.documents("NVIDIA", limit=3) == []
    assert "filing" not in index.beginnings()


def test_a_document_that_keeps_a_chunk_keeps_its_beginning(index: KeywordStore) -> None:
    index.remove(["fees"])

    assert ids(index.documents("fees", limit=3)) == ["lease"]
    assert ids(index.search("disputes fees", limit=3)) == ["court"]


def test_adding_again_replaces(index: KeywordStore) -> None:
    index.add([chunk("sales", "Dividends were cut.", document="filing")])

    assert len(index) == 3
    assert index.search("revenue", limit=3) == []
    assert index.documents("dividend", limit=3) != []
    assert index.documents("NVIDIA", limit=3) == []


def test_a_closed_index_opens_with_what_it_held(opened: Open) -> None:
    first = opened()
    first.add([chunk("only", "Indemnity survives.", context="Deed")])
    first.close()

    second = opened()

    assert ids(second.search("indemnity", limit=1)) == ["only"]
    assert second.ids() == {"only"}
    assert len(second) == 1
    assert ids(second.documents("deed", limit=1)) == ["doc"]
    second.close()


def test_the_order_in_which_chunks_came_changes_no_result(opened: Open, tmp_path: Path) -> None:
    words = ["lease", "rent", "notice", "deposit", "tenant", "repair"]
    chunks = [
        chunk(f"c{a}{b}{c}", f"{words[a]} {words[b]} {words[c]}", document=f"d{a}", ordinal=6 * b + c)
        for a in range(6)
        for b in range(6)
        for c in range(6)
    ]
    at_once, in_pieces = opened(), KeywordIndex(tmp_path / "pieces")
    at_once.add(chunks)
    for first in range(180, -1, -36):
        in_pieces.add(chunks[first : first + 36])
        assert in_pieces.search("rent", limit=1)

    for query in ("rent deposit", "lease tenant repair", "notice"):
        expected = in_pieces.search(query, limit=30)
        assert ids(at_once.search(query, limit=30)) == ids(expected)
    at_once.close()
    in_pieces.close()


@given(st.lists(st.sampled_from(["rent", "lease", "8.2", "tenants"]), min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_a_chunk_is_found_by_each_of_its_words(index: KeywordStore, words: list[str]) -> None:
    index.add([chunk("it", " ".join(words))])

    for word in words:
        assert "it" in ids(index.search(word, limit=9))
        assert "it" in index.holders([word], ["it"])[word]


def test_matters_lie_apart_and_an_erased_one_takes_its_words_with_it(
    database: Database, tmp_path: Path
) -> None:
    engine = PostgresWords(database)
    one, other = engine.open(tmp_path / "matter_one"), engine.open(tmp_path / "matter_other")
    one.add([chunk("secret", "codename heliotrope")])

    assert other.search("heliotrope", limit=3) == []
    assert len(other) == 0
    engine.discard(tmp_path / "matter_one")
    with database.read() as connection:
        schemas = connection.exec_driver_sql("SELECT nspname FROM pg_namespace").scalars().all()
    assert "matter_other" in schemas
    assert "matter_one" not in schemas
    with pytest.raises(OSError, match="not as they were made"):
        one.search("heliotrope", limit=3)
