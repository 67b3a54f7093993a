"""What is particular to words in a folder; what every keyword index owes is in tests/contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.keywords import KeywordIndex
from storage.records import Chunk, Span


def chunk(name: str, text: str, *, ordinal: int = 0) -> Chunk:
    return Chunk(name, "doc", "ver", ordinal, Span(1, 0, len(text)), (), text, "")


def files(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if not name.endswith(".lock")}


def test_opening_and_searching_change_no_file(tmp_path: Path) -> None:
    index = KeywordIndex(tmp_path / "keywords")
    index.add([chunk(f"c{number}", f"clause {number}", ordinal=number) for number in range(50)])
    index.close()
    before = files(tmp_path)

    again = KeywordIndex(tmp_path / "keywords")
    assert len(again.search("clause", limit=99)) == 50
    assert again.documents("clause", limit=1)
    again.close()

    assert before
    assert files(tmp_path) == before


def test_what_was_being_added_when_it_failed_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = KeywordIndex(tmp_path / "keywords")
    index.add([chunk("kept", "rent")])

    with pytest.raises(AttributeError):
        index.add([chunk("half", "deposit", ordinal=1), None])  # type: ignore[list-item]

    assert index.ids() == {"kept"}
    assert len(index) == 1
    assert index.frequencies(["rent", "deposit"])["rent"] == 1
    index.add([chunk("next", "notice", ordinal=1)])
    assert index.search("deposit", limit=3) == []
    assert [one for one, _ in index.search("notice", limit=3)] == ["next"]
    index.close()


@pytest.mark.parametrize("some", [1, 3, 64, 65, 90])
def test_few_documents_and_many_are_searched_alike(tmp_path: Path, some: int) -> None:
    index = KeywordIndex(tmp_path / "keywords")
    texts = [f"{'rent ' * (number % 5)}clause {number % 7} deposit" for number in range(100)]
    index.add(
        [
            Chunk(f"c{number:02}", f"d{number:02}", f"v{number:02}", 0, Span(1, 0, len(text)), (), text, "")
            for number, text in enumerate(texts)
        ]
    )
    wanted = frozenset(f"d{number * 37 % 100:02}" for number in range(some))

    found = index.search("rent clause 3", limit=100, document_ids=wanted)

    whole = index.search("rent clause 3", limit=100)
    assert found == [(one, score) for one, score in whole if one.replace("c", "d") in wanted]
    assert len(found) == some
    index.close()


@pytest.mark.parametrize("ending", [".idx", ".term", ".fast", ".pos"])
def test_a_broken_file_is_an_error_that_can_be_caught(tmp_path: Path, ending: str) -> None:
    index = KeywordIndex(tmp_path / "keywords")
    index.add([chunk(f"c{number}", f"rent clause {number}", ordinal=number) for number in range(50)])
    index.close()
    path = next((tmp_path / "keywords" / "words").glob(f"*{ending}"))
    path.write_bytes(b"\xff" * (path.stat().st_size // 2))

    with pytest.raises((OSError, ValueError)):
        broken = KeywordIndex(tmp_path / "keywords")
        try:
            broken.search("rent clause", limit=9)
            broken.stating(["rent clause"])
        finally:
            broken.close()
