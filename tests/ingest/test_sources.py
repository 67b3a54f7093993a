import errno
import io
import os
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.limits import IngestLimits
from ingest.names import is_junk, name_problem
from ingest.sources import gathered
from storage.errors import WrongUse
from tests.data.make import archive


def paths_and_problems(paths, limits=None):
    with gathered(paths, limits) as sources:
        return [one.path for one in sources if one.file], [one.problem for one in sources if not one.file]


def test_files_of_a_folder_are_named_relative_to_it_with_forward_slashes(folder):
    (folder / "deal" / "old").mkdir(parents=True)
    (folder / "deal" / "old" / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")
    assert paths_and_problems([folder]) == (["b.txt", "deal/old/a.txt"], [])


def test_a_single_file_keeps_its_own_name(folder):
    (folder / "b.txt").write_text("b")
    assert paths_and_problems([folder / "b.txt"]) == (["b.txt"], [])


def test_a_path_that_is_not_there_is_wrong_use(folder):
    with pytest.raises(WrongUse, match=r"nothing\.txt"), gathered([folder / "nothing.txt"]):
        pass


def test_what_systems_leave_behind_is_left_out_without_a_word(folder):
    for name in (".DS_Store", "Thumbs.db", "~$lease.docx", "._lease.docx"):
        (folder / name).write_bytes(b"x")
    (folder / ".hidden.txt").write_text("kept: nobody said that it is junk")
    assert paths_and_problems([folder]) == ([".hidden.txt"], [])


def test_a_symbolic_link_is_refused_and_not_followed(folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    paths, problems = paths_and_problems([folder])
    assert paths == []
    assert "symbolic link" in problems[0]


def test_a_folder_that_cannot_be_opened_is_named(folder, monkeypatch):
    for name in ("deal", "locked", "$RECYCLE.BIN"):
        (folder / name).mkdir()
        (folder / name / "a.txt").write_text("a")
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith(("locked", "$RECYCLE.BIN")):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert paths_and_problems([folder]) == (
        ["deal/a.txt"],
        ["folder 'locked' cannot be read (Permission denied); check its permissions"],
    )


def test_an_archive_may_hold_any_file_of_the_name_that_tells_document_kinds(folder):
    archive(folder / "a.zip", [("mimetype", b"text/plain"), ("lease.txt", b"Rent")])
    archive(folder / "b.odt", [("mimetype", b"application/vnd.oasis.opendocument.text"), ("c.xml", b"x")])
    paths, _ = paths_and_problems([folder])
    assert paths == ["a/mimetype", "a/lease.txt", "b.odt"]


def test_a_file_over_the_limit_is_refused_by_name(folder):
    (folder / "big.txt").write_bytes(b"x" * 2_000)
    paths, problems = paths_and_problems([folder], IngestLimits(max_file_bytes=1_000))
    assert paths == []
    assert problems[0].startswith("'big.txt' is larger than")


def test_members_of_an_archive_are_sources_and_bad_names_are_refused_one_by_one(folder, tmp_path):
    made = archive(
        folder / "deal.zip",
        [
            ("good/a.txt", b"a"),
            ("../escape.txt", b"x"),
            ("/absolute.txt", b"x"),
            ("C:\\drive.txt", b"x"),
            ("win\\..\\..\\up.txt", b"x"),
            ("z.txt", b"z"),
        ],
    )
    paths, problems = paths_and_problems([made])
    assert paths == ["good/a.txt", "z.txt"]
    assert len(problems) == 4
    assert not list(tmp_path.rglob("escape.txt"))


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "Vertr\xe4ge/M\xfcller.txt"),
        ("cp932", "\u5951\u7d04\u66f8.txt"),
        ("cp437", "Vertr\xe4ge.txt"),
    ],
)
def test_names_in_an_archive_are_read_in_the_encoding_that_they_were_written_in(folder, encoding, name):
    # Packed under a name of as many bytes, which is then put in its place without the flag for UTF-8.
    raw = name.encode(encoding)
    made = archive(folder / "a.zip", [("x" * len(raw), b"a")])
    made.write_bytes(made.read_bytes().replace(b"x" * len(raw), raw))
    assert paths_and_problems([made]) == ([name], [])


def test_an_archive_in_a_folder_gives_its_name_to_its_members(folder):
    archive(folder / "deal.zip", [("a.txt", b"a")])
    assert paths_and_problems([folder])[0] == ["deal/a.txt"]


def test_a_symbolic_link_in_an_archive_is_refused(folder):
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(folder / "a.zip", "w") as made:
        made.writestr(link, "/etc/passwd")
    paths, problems = paths_and_problems([folder / "a.zip"])
    assert paths == []
    assert "symbolic link" in problems[0]


def test_a_member_that_unpacks_to_far_more_than_its_size_is_refused(folder):
    made = archive(folder / "bomb.zip", [("bomb.txt", b"0" * 20_000_000), ("a.txt", b"a")])
    paths, problems = paths_and_problems([made])
    assert paths == ["a.txt"]
    assert "times its size" in problems[0]


def test_an_archive_may_not_unpack_to_more_than_its_allowance_in_all(folder):
    made = archive(folder / "many.zip", [(f"{n}.txt", bytes(range(256)) * 4) for n in range(4)])
    paths, problems = paths_and_problems([made], IngestLimits(archive_bytes=2_500))
    assert paths == ["0.txt", "1.txt"]
    assert len(problems) == 2


def test_members_past_the_allowed_number_are_left_out_and_it_is_said(folder):
    made = archive(folder / "many.zip", [(f"{n}.txt", b"x") for n in range(5)])
    paths, problems = paths_and_problems([made], IngestLimits(archive_members=3))
    assert paths == ["0.txt", "1.txt", "2.txt"]
    assert "more than 3 files" in problems[0]


def test_archives_are_opened_three_deep_and_no_deeper(folder):
    data = b"deep"
    name = "deep.txt"
    for depth in range(4):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as made:
            made.writestr(name, data)
            made.writestr(f"at{depth}.txt", b"here")
        data, name = packed.getvalue(), f"in{depth}.zip"
    outer = folder / "outer.zip"
    outer.write_bytes(data)
    paths, problems = paths_and_problems([outer])
    assert paths == ["in2/in1/at1.txt", "in2/at2.txt", "at3.txt"]
    assert "too deep" in problems[0]


def test_a_damaged_archive_costs_only_itself(folder):
    made = archive(folder / "a.zip", [("a.txt", bytes(range(256)) * 20)])
    data = bytearray(made.read_bytes())
    data[100:140] = b"\xff" * 40
    made.write_bytes(data)
    (folder / "b.txt").write_text("b")
    paths, problems = paths_and_problems([folder])
    assert paths == ["b.txt"]
    assert "damaged" in problems[0]


def test_two_sources_of_one_name_do_not_replace_each_other(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for place in (folder, other):
        (place / "a.txt").write_text(str(place))
    assert paths_and_problems([folder, other])[0] == ["a.txt", "a (2).txt"]


@given(st.text(alphabet="ab./\\: \0\n~C", max_size=12))
def test_a_name_without_a_problem_stays_inside_its_folder(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp().resolve()
    if name_problem(name) is None:
        inside = (root / name.replace("\\", "/")).resolve()
        assert inside.is_relative_to(root)
        assert inside != root


def test_junk_is_a_fixed_list():
    assert is_junk("__MACOSX/a/._b.txt")
    assert is_junk("deal/~$lease.docx")
    assert not is_junk("deal/lease.docx")


def test_an_archive_without_files_is_told(tmp_path):
    archive(tmp_path / "empty.zip", [])
    with gathered([tmp_path / "empty.zip"]) as found:
        assert [(one.file, one.problem) for one in found] == [
            (None, "'empty.zip' is an archive without files; make it again")
        ]
