import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from ingest import landlock
from ingest.errors import PasswordNeeded, ReaderDied, UnreadableSource
from ingest.limits import MEBIBYTE, IngestLimits
from ingest.parsing import FileReader
from ingest.readers.base import ReadOptions
from storage.records import Hidden, Place, ReadBy

MARK = f"reading-of-{os.getpid()}"
HOSTILE = (sys.executable, "-X", MARK, "-m", "tests.ingest.hostile_child")
LIMITS = IngestLimits(seconds_per_page=4, reader_restarts=2, memory_bytes=512 * MEBIBYTE)


@pytest.fixture
def reader():
    with FileReader(LIMITS, command=HOSTILE) as opened:
        yield opened


@pytest.fixture
def file(tmp_path):
    def write(*lines):
        path = tmp_path / "f.txt"
        path.write_text("\n".join(lines))
        return path

    return write


def read(reader, path, **options):
    return reader.read(path, "text/plain", name="f.txt", **options)


def still_running():
    """Reading processes and what they started, whoever is their parent now."""
    commands = ((one.pid, one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
    return [pid for pid, command in commands if MARK in command]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("crash", "crashed its reader"),
        ("abort", "crashed its reader"),
        ("exit", "crashed its reader"),
        ("hang", "took longer than a file may take"),
        ("deaf", "took longer than a file may take"),
        ("burn", "took longer than a file may take"),
        ("swell", "needs more memory than a file may use"),
        ("eat", "needs more memory than a file may use"),
        ("raise", "could not be read (LookupError)"),
        ("flood", "has more text than a file may have"),
        ("babble", "confused or ended its reader"),
        ("misplaced", "confused or ended its reader"),
        ("out of turn", "confused or ended its reader"),
    ],
)
def test_a_page_that_does_harm_is_lost_with_its_true_reason_and_the_others_are_read(file, harm, reason):
    limits = IngestLimits(seconds_per_page=4, memory_bytes=512 * MEBIBYTE, max_text_chars=1_000_000)
    path = file("one", harm, "three")
    with FileReader(limits, command=HOSTILE) as reader:
        result = read(reader, path)
        assert [(page.number, page.text) for page in result.pages] == [(1, "one"), (2, ""), (3, "three")]
        assert reason in result.pages[1].problem
        assert (result.pages[0].problem, result.pages[2].problem) == (None, None)
        assert result.title == "Hostile"
    assert still_running() == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own walls are Linux's")
@pytest.mark.parametrize(
    "harm", ["leave", "program", "write", "change", "delete", "move", "chmod", "link", "kill"]
)
def test_what_a_page_tries_outside_its_process_is_refused_and_leaves_no_trace(file, harm):
    path = file("one", harm, "three")
    with FileReader(LIMITS, command=HOSTILE) as reader:
        result = read(reader, path)
        assert [page.text for page in result.pages] == ["one", "", "three"]
        assert "could not be read (Permission" in result.pages[1].problem
    assert still_running() == []
    assert list(path.parent.iterdir()) == [path]
    assert path.read_text().splitlines() == ["one", harm, "three"]
    assert path.stat().st_mode & 0o777 != 0o777


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own walls are Linux's")
@pytest.mark.parametrize("kind", ["connect", "datagram", "local"])
def test_a_page_that_calls_out_reaches_nobody(tmp_path, file, kind):
    family = socket.AF_UNIX if kind == "local" else socket.AF_INET
    style = socket.SOCK_DGRAM if kind == "datagram" else socket.SOCK_STREAM
    with socket.socket(family, style) as listener:
        listener.bind(str(tmp_path / "door") if kind == "local" else ("127.0.0.1", 0))
        address = listener.getsockname()
        if style == socket.SOCK_STREAM:
            listener.listen()
        with FileReader(LIMITS, command=HOSTILE) as reader:
            result = read(reader, file(f"{kind} {address if kind == 'local' else address[1]}", "two"))
        assert "could not be read (PermissionError)" in result.pages[0].problem
        assert result.pages[1].text == "two"
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.recv(10) if kind == "datagram" else listener.accept()


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_a_page_cannot_look_into_the_program_that_reads_it(reader, file):
    result = read(reader, file("peek", "two"))
    assert "could not be read (PermissionError)" in result.pages[0].problem


@pytest.mark.parametrize(
    ("harm", "words"),
    [("crash", "crashed"), ("swell", "memory"), ("raise", "LookupError"), ("babble", "confused")],
)
def test_a_file_that_does_harm_at_once_is_unreadable_and_the_next_one_is_read(reader, file, harm, words):
    with pytest.raises(ReaderDied, match=words):
        read(reader, file(f"at once {harm}"))
    assert read(reader, file("fine")).pages[0].text == "fine"


def test_a_file_that_takes_the_reader_down_again_and_again_is_given_up(reader, file):
    result = read(reader, file(*["crash"] * 6))
    assert [page.number for page in result.pages] == [1, 2, 3, 4, 5, 6]
    assert all(page.problem for page in result.pages)
    assert "was not read" in result.pages[-1].problem


def test_time_is_up_for_a_file_as_a_whole_and_pages_that_come_earn_more(file):
    short = IngestLimits(seconds_per_page=60, seconds_per_file=3, seconds_earned_per_page=0)
    with FileReader(short, command=HOSTILE) as reader:
        pages = read(reader, file("one", "hang", "three")).pages
    assert "took longer" in pages[1].problem
    assert "pages before it took too much" in pages[2].problem


def test_a_page_that_its_reader_leaves_out_is_named(reader, file):
    pages = read(reader, file("one too few", "two")).pages
    assert [page.text for page in pages] == ["one too few", "two", ""]
    assert pages[2].problem.startswith("page 3 was left out by its reader")


def test_a_file_with_too_many_pages_is_refused_and_leaves_nothing_in_the_pipe(file):
    with FileReader(IngestLimits(max_pages=2), command=HOSTILE) as reader:
        with pytest.raises(UnreadableSource, match="more than 2"):
            read(reader, file("a", "b", "c"))
        assert [page.text for page in read(reader, file("d")).pages] == ["d"]


def test_what_goes_beyond_the_most_characters_is_reported_page_by_page(file):
    with FileReader(IngestLimits(max_text_chars=10), command=HOSTILE) as reader:
        pages = read(reader, file("12345", "67890", "1")).pages
    assert [page.text for page in pages] == ["12345", "67890", ""]
    assert "more than 10 characters" in pages[2].problem


def test_all_that_a_page_carries_arrives(reader, file):
    (page,) = read(reader, file("rich")).pages
    assert (page.how, page.quality, page.problem, page.label) == (ReadBy.OCR, 0.5, "look", "iv")
    assert page.places == (Place(0, 4, 0.1, 0.2, 0.3, 0.4),)
    assert page.hidden == (Hidden("white", "white on white"),)


def test_how_a_person_wants_it_read_reaches_the_reader(reader, file):
    options = ReadOptions(ocr="never", with_hidden=True)
    assert read(reader, file("options"), options=options).pages[0].text == "never True"


def test_a_password_is_asked_for_and_the_pages_come_with_a_file_that_needs_none(reader, file, tmp_path):
    path = file("password: hunter2", "crash", "three")
    for wrong in (None, "hunter3"):
        with pytest.raises(PasswordNeeded, match="give its password"):
            read(reader, path, options=ReadOptions(password=wrong))
    right = ReadOptions(password="hunter2")
    with reader.open(path, "text/plain", name="f.txt", workspace=tmp_path / "w", options=right) as reading:
        assert reading.rendition.read_bytes() == b"%PDF-of-it"
        assert [page.number for page in reading if page.problem] == [2]
    assert [one.name for one in (tmp_path / "w").iterdir()] == ["part-00001"]


@pytest.fixture
def started():
    """A function that gives the processes started since the test began: other tests keep readers too."""
    before = set(psutil.Process().children())
    return lambda: set(psutil.Process().children()) - before


def test_a_password_is_on_no_command_line_and_in_no_environment(started, reader, file):
    right = ReadOptions(password="hunter2")
    assert len(read(reader, file("password: hunter2"), options=right).pages) == 1
    (child,) = started()
    assert "hunter2" not in str((child.cmdline(), child.environ()))


def attachments(limits, path, workspace):
    with (
        FileReader(limits, command=HOSTILE) as reader,
        reader.open(path, "text/plain", name="f.txt", workspace=workspace) as reading,
    ):
        assert [page.text for page in reading] == ["one"]
        return reading.attachments


def test_files_inside_a_file_come_under_names_of_ours(file, tmp_path):
    found = attachments(
        LIMITS, file("one", "attach: a.txt", "attach: refused", "attach: c.txt"), tmp_path / "w"
    )
    first, refused, last = found
    assert [one.name for one in found] == ["../../a.txt", "refused", "../../c.txt"]
    assert (first.file.read_bytes(), last.file.read_bytes()) == (b"a.txt", b"c.txt")
    assert first.file.parent == last.file.parent == tmp_path / "w"
    assert (refused.file, refused.problem) == (None, "is too deep")
    assert len(list((tmp_path / "w").iterdir())) == 2


def test_a_file_inside_a_file_that_takes_the_reader_down_is_told_with_those_behind_it(file, tmp_path):
    found = attachments(LIMITS, file("one", "attach: a.txt", "attach: crash", "attach: c"), tmp_path / "w")
    first, lost = found
    assert first.file.read_bytes() == b"a.txt"
    assert (lost.name, lost.file) == ("further attached files", None)
    assert "crashed" in lost.problem


@pytest.mark.parametrize("harm", ["endless", "vast"])
def test_files_inside_a_file_are_bounded_in_number_and_size(file, tmp_path, harm):
    limits = IngestLimits(archive_members=5, max_file_bytes=4_000_000, archive_bytes=20_000_000)
    found = attachments(limits, file("one", f"attach: {harm}"), tmp_path / "w")
    assert len(found) <= 6
    assert found[-1].name == "further attached files"
    assert "too many" in found[-1].problem
    if harm == "vast":
        assert all("more than 4 MB" in one.problem for one in found[:-1])
    assert sum(one.stat().st_size for one in (tmp_path / "w").glob("*")) <= limits.archive_bytes


def test_a_reading_that_is_left_early_gives_the_reader_back(reader, file, tmp_path):
    path = file("one", "two", "three")
    with reader.open(path, "text/plain", name="f.txt", workspace=tmp_path / "w") as reading:
        assert next(iter(reading)).text == "one"
    assert [page.text for page in read(reader, path).pages] == ["one", "two", "three"]


def test_reading_can_begin_at_a_later_page(reader, file, tmp_path):
    with reader.open(
        file("one", "two", "three"), "text/plain", name="f.txt", workspace=tmp_path, first_page=3
    ) as reading:
        assert reading.page_count == 3
        assert [(page.number, page.text) for page in reading] == [(3, "three")]


def test_several_readers_work_at_once_and_outlive_the_threads_that_started_them(started, file):
    path = file("one", "two")
    readers = [FileReader(LIMITS, command=HOSTILE) for _ in range(3)]
    for _ in range(2):
        # The threads of a pool end with it.
        with ThreadPoolExecutor(3) as pool:
            assert [one.pages[1].text for one in pool.map(read, readers, [path] * 3)] == ["two"] * 3
        assert len(started()) == 3
    for one in readers:
        one.close()
    assert started() == set()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the reader's own alarm ends it")
def test_no_reader_outlives_a_program_that_was_killed(file):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ingest.parsing import FileReader\n"
        f"reader = FileReader(command={HOSTILE!r})\n"
        "with reader.open(Path(sys.argv[1]), 'text/plain', name='f', workspace=Path('.')) as reading:\n"
        "    print(reader._process._process.pid, flush=True)\n"
        "    list(reading)\n"
    )
    command = [sys.executable, "-c", code, str(file("deaf"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        child = psutil.Process(int(program.stdout.readline()))
        program.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([child], timeout=20)[1] == []


def test_what_a_reader_prints_does_not_disturb_the_replies(reader, file):
    result = read(reader, file("print", "two"))
    assert [page.text for page in result.pages] == ["print", "two"]


def test_the_reading_process_sees_no_environment_of_ours(monkeypatch, reader, file):
    monkeypatch.setenv("MUNIMENT_SECRET", "secret")
    seen = set(read(reader, file("environment")).pages[0].text.split())
    assert seen <= {"LANG", "LC_CTYPE", "MALLOC_ARENA_MAX", "OMP_NUM_THREADS"}


def test_a_reader_that_talks_nonsense_is_ended(file):
    nonsense = (sys.executable, "-c", "print('nonsense', flush=True)")
    with FileReader(command=nonsense) as opened, pytest.raises(ReaderDied, match="confused"):
        read(opened, file("x"))


def test_a_program_with_many_open_files_still_reads(reader, file):
    doors = [os.open(os.devnull, os.O_RDONLY) for _ in range(1_100)]
    try:
        assert read(reader, file("one")).pages[0].text == "one"
    finally:
        for door in doors:
            os.close(door)


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
