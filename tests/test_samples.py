"""The sample matter is what people see first: complete, consistent, and able to answer its own questions."""

import io
import re
import tomllib
import zipfile
from itertools import pairwise
from pathlib import Path

import docx
import pypdfium2
import pytest

from app import samples
from app.samples import make
from app.samples.make import blocks

FOLDER = Path(samples.__file__).parent
DOCUMENTS = samples.DOCUMENTS
QUESTIONS = tomllib.loads((FOLDER / "questions.toml").read_text(encoding="utf-8"))["questions"]


def pages_of(file: Path) -> list[str]:
    if file.suffix == ".pdf":
        with pypdfium2.PdfDocument(file) as pdf:
            return [page.get_textpage().get_text_range() for page in pdf]
    if file.suffix == ".docx":
        return ["\n".join(paragraph.text for paragraph in docx.Document(str(file)).paragraphs)]
    return [file.read_text(encoding="utf-8")]


def text_of(file: Path) -> str:
    return " ".join(" ".join(pages_of(file)).split())


def test_the_matter_has_every_kind_of_document_and_stays_small():
    files = sorted(DOCUMENTS.iterdir())
    assert {file.suffix for file in files} == {".pdf", ".docx", ".txt"}
    assert len(files) == 6
    assert sum(file.stat().st_size for file in files) < 400_000


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: asked["document"])
def test_the_answer_to_a_shown_question_stands_in_its_document(asked):
    assert asked["question"].endswith("?")
    assert asked["answer"] in text_of(DOCUMENTS / asked["document"])


def test_three_questions_are_shown():
    assert len(QUESTIONS) == 3


def test_the_report_has_one_page_that_is_only_an_image():
    pages = pages_of(DOCUMENTS / "Annual Report 2024.pdf")
    assert [number for number, text in enumerate(pages, start=1) if not text.strip()] == [6]


def test_the_columns_of_the_report_add_up():
    source = (FOLDER / "sources" / "report.txt").read_text(encoding="utf-8")
    tables = [content for kind, content in blocks(source) if kind == "table"]
    income, _, cash, rents, costs, property_ = tables[1:7]
    for table in (rents, costs, property_):
        *parts, total = table[1:]
        for column in range(1, len(total)):
            assert sum(amount(row[column]) for row in parts) == amount(total[column]), total[0]
    assert {row[0].rstrip("*"): sum(map(amount, row[1:4])) for row in property_[1:]} == {
        row[0].rstrip("*"): amount(row[4]) for row in property_[1:]
    }
    for column in (2, 3):
        check_steps(income[1:], column)
    operations = [row for row in cash[1:] if not row[0].startswith("Cash")]
    starred = [amount(row[1]) for row in operations if row[0].startswith("Net") and row[0].endswith("*")]
    assert sum(starred) == amount(next(row for row in cash if row[0] == "Increase in cash*")[1])


def test_assets_less_liabilities_are_the_equity():
    source = (FOLDER / "sources" / "report.txt").read_text(encoding="utf-8")
    balance = [content for kind, content in blocks(source) if kind == "table"][2]
    rows = {row[0].rstrip("*"): row for row in balance}
    for column in (2, 3):
        value = {name: amount(row[column]) for name, row in rows.items() if name[0] != "("}
        assert value["Investment property"] + value["Plant and equipment"] == value["Non-current assets"]
        assert value["Trade receivables"] + value["Cash"] == value["Current assets"]
        assert value["Non-current assets"] + value["Current assets"] == value["Total assets"]
        assert value["Trade and other payables"] + value["Current tax"] == value["Current liabilities"]
        owed = value["Current liabilities"] + value["Bank loan"] + value["Deferred income"]
        assert owed == value["Total liabilities"]
        assert value["Total assets"] - value["Total liabilities"] == value["Net assets"] == value["Equity"]
        assert value["Share capital"] + value["Retained earnings"] == value["Equity"]


def check_steps(rows: list[list[str]], column: int) -> None:
    """Each total of an income statement is everything above it that is not itself a total."""
    running = 0
    for row in rows:
        if row[0].endswith("*"):
            assert amount(row[column]) == running, row[0]
        else:
            running += amount(row[column])


def amount(cell: str) -> int:
    digits = int(re.sub(r"[^\d]", "", cell))
    return -digits if cell.startswith("(") else digits


def test_clauses_are_numbered_without_a_gap():
    for name in ("agreement", "amendment-1", "amendment-2"):
        source = (FOLDER / "sources" / f"{name}.txt").read_text(encoding="utf-8")
        numbers = [tuple(map(int, found)) for found in re.findall(r"^(\d+)\.(\d+) ", source, re.MULTILINE)]
        for before, after in pairwise(numbers):
            assert after in {(before[0], before[1] + 1), (before[0] + 1, 1)}, (name, before, after)


def test_the_script_gives_the_files_that_are_committed(tmp_path, monkeypatch):
    monkeypatch.setattr(make, "DOCUMENTS", tmp_path)
    make.main()
    for made in tmp_path.iterdir():
        assert contents(made) == contents(DOCUMENTS / made.name), made.name


def contents(file: Path) -> object:
    """What a file says; compressed bytes may differ between builds of zlib and libjpeg."""
    if file.suffix == ".docx":
        with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as parts:
            return {name: parts.read(name) for name in parts.namelist()}
    return pages_of(file)
