import subprocess
import sys

import pytest

from ingest.errors import ReaderDied, UnreadableSource
from ingest.limits import IngestLimits
from ingest.parsing import FileReader

HOSTILE = (sys.executable, "-m", "tests.ingest.hostile_child")


@pytest.fixture
def reader():
    with FileReader(IngestLimits(seconds_per_page=2, reader_restarts=2), command=HOSTILE) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    def write(*lines):
        path = tmp_path / "f.txt"
        path.write_text("\n".join(lines))
        return path

    return write


@pytest.mark.parametrize("harm", ["crash", "hang", "swell", "raise"])
def test_a_page_that_takes_the_reader_down_is_reported_and_the_others_are_read(reader, file, harm):
    result = reader.read(file("one", harm, "three"), "text/plain", name="f.txt")
    assert [page.text for page in result.pages] == ["one", "", "three"]
    assert [page.number for page in result.pages if page.problem] == [2]
    assert result.title == "Hostile"


@pytest.mark.parametrize(
    ("harm", "words"),
    [("crash", "crashed"), ("hang", "took longer"), ("swell", "memory"), ("raise", "LookupError")],
)
def test_a_file_that_takes_the_reader_down_at_once_is_unreadable_and_the_next_one_is_read(
    reader, file, harm, words
):
    with pytest.raises(ReaderDied, match=words):
        reader.read(file(f"at once {harm}"), "text/plain", name="f.txt")
    assert reader.read(file("fine"), "text/plain", name="f.txt").pages[0].text == "fine"


def test_a_file_that_takes_the_reader_down_again_and_again_is_given_up(reader, file):
    result = reader.read(file(*["crash"] * 6), "text/plain", name="f.txt")
    assert len(result.pages) == 6
    assert all(page.problem for page in result.pages)
    assert "was not read" in result.pages[-1].problem


def test_a_file_with_too_many_pages_is_refused_and_leaves_nothing_in_the_pipe(file):
    with FileReader(IngestLimits(max_pages=2), command=HOSTILE) as reader:
        with pytest.raises(UnreadableSource, match="more than 2"):
            reader.read(file("a", "b", "c"), "text/plain", name="f.txt")
        assert [page.text for page in reader.read(file("d"), "text/plain", name="f.txt").pages] == ["d"]


def test_what_goes_beyond_the_most_characters_is_reported_page_by_page(file):
    with FileReader(IngestLimits(max_text_chars=10), command=HOSTILE) as reader:
        pages = reader.read(file("12345", "67890", "1"), "text/plain", name="f.txt").pages
    assert [page.text for page in pages] == ["12345", "67890", ""]
    assert "more than 10 characters" in pages[2].problem


def test_what_a_reader_prints_does_not_disturb_the_replies(reader, file):
    result = reader.read(file("print", "two"), "text/plain", name="f.txt")
    assert [page.text for page in result.pages] == ["print", "two"]


def test_a_reader_cannot_write_a_file(reader, file):
    path = file("write", "two")
    result = reader.read(path, "text/plain", name="f.txt")
    assert "could not be read" in result.pages[0].problem
    assert not path.with_suffix(".written").exists()


def test_the_reading_process_sees_no_environment_of_ours(monkeypatch, file):
    monkeypatch.setenv("MUNIMENT_SECRET", "secret")
    code = (
        "import os, json\n"
        "print(json.dumps({'page_count': 0, 'title': os.environ.get('MUNIMENT_SECRET'), 'flags': []}))\n"
        "print(json.dumps({'done': True}), flush=True)"
    )
    with FileReader(command=(sys.executable, "-c", code)) as opened:
        assert opened.read(file("x"), "text/plain", name="f.txt").title is None


def test_a_reader_that_talks_nonsense_is_ended(file):
    nonsense = (sys.executable, "-c", "print('nonsense', flush=True)")
    with FileReader(command=nonsense) as opened, pytest.raises(ReaderDied, match="confused"):
        opened.read(file("x"), "text/plain", name="f.txt")


def test_the_reading_process_imports_no_model_and_no_index():
    code = (
        "import sys, ingest.reading_child, ingest.readers.pdf_view\n"
        "from ingest.readers import _CLASSES\n"
        "from importlib import import_module\n"
        "[import_module(module) for module, _ in _CLASSES.values()]\n"
        "print(sorted({'torch', 'chromadb', 'llama_index', 'transformers', 'sqlalchemy'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
