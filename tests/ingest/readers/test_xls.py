import io
import struct

import pytest

from ingest.readers.base import ReadOptions, Unreadable
from ingest.readers.xls import XlsReader
from tests.data import make_mail


def record(kind, data=b""):
    return struct.pack("<HH", kind, len(data)) + data


def string(text, width="B"):
    return struct.pack(f"<{width}B", len(text), 0) + text.encode("latin-1")


def workbook(path, sheets):
    """The stream of an old workbook without its container: name, hidden, and rows of texts and numbers."""
    bodies = []
    for _, _, rows in sheets:
        body = io.BytesIO()
        body.write(record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0)))
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                if isinstance(value, str):
                    body.write(record(0x0204, struct.pack("<HHH", r, c, 0) + string(value, "H")))
                else:
                    body.write(record(0x0203, struct.pack("<HHHd", r, c, 0, value)))
        body.write(record(0x000A))
        bodies.append(body.getvalue())
    font = record(0x0031, struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + string("Arial"))
    head = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    head += record(0x0042, struct.pack("<H", 1200)) + font * 5
    head += record(0x041E, struct.pack("<H", 164) + string("0.00", "H"))
    head += record(0x00E0, struct.pack("<HHHBBBBIIH", 0, 164, 0, 0, 0, 0, 0, 0, 0, 0)) * 16
    sizes = [8 + len(record(0)) + len(name) for name, _, _ in sheets]
    at = len(head) + sum(sizes) + len(record(0x000A))
    for (name, hidden, _), body in zip(sheets, bodies, strict=True):
        head += record(0x0085, struct.pack("<IBB", at, hidden, 0) + string(name))
        at += len(body)
    path.write_bytes(head + record(0x000A) + b"".join(bodies))
    return path


def read(path, **options):
    reading = XlsReader().read(path, ReadOptions(**options))
    return reading, list(reading.pages)


def test_an_old_workbook_shows_its_sheets_like_a_new_one(tmp_path):
    path = workbook(tmp_path / "a.xls", [("Rents", 0, [["Tenant", "Rent"], ["Acme", 12.5]]), ("End", 0, [])])
    reading, pages = read(path)
    assert reading.page_count == 2
    assert pages[0].text == "Sheet: Rents\n\nA1: Tenant | B1: Rent\nA2: Acme | B2: 12.50"
    assert [page.label for page in pages] == ["Rents", "End"]


def test_a_hidden_sheet_of_an_old_workbook_is_kept_apart(tmp_path):
    path = workbook(tmp_path / "a.xls", [("Seen", 0, [["a"]]), ("Secret", 2, [["b"]])])
    reading, pages = read(path)
    assert reading.flags == ('has hidden sheets: "Secret"',)
    assert (pages[1].text, pages[1].hidden[0].why) == ("", "on a hidden sheet")
    assert "A1: b" in read(path, with_hidden=True)[1][1].text


def test_an_old_workbook_that_is_none_is_refused_in_words(tmp_path):
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    with pytest.raises(Unreadable, match="Excel workbook"):
        read(path)


def test_a_file_inside_an_old_workbook_comes_out_and_what_cannot_be_taken_out_is_told(tmp_path):
    label = b"note.txt\0"
    held = b"\0" * 6 + label + label + b"\0" * 4 + struct.pack("<I", len(label)) + label
    native = held + struct.pack("<I", 5) + b"Words"
    file = make_mail.msg(
        tmp_path / "a.xls",
        {
            "Workbook": workbook(tmp_path / "stream", [("One", 0, [["text"]])]).read_bytes(),
            "MBD0001": {"\x01Ole10Native": native},
            "MBD0002": {"Contents of a drawing": b"x"},
        },
    )
    reading, pages = read(file)
    assert "text" in pages[0].text
    assert [(one.name, one.data, one.problem is None) for one in reading.attachments] == [
        ("note.txt", b"Words", True),
        ("MBD0002", None, False),
    ]


def test_what_has_a_line_through_it_is_marked(tmp_path):
    path = workbook(tmp_path / "a.xls", [("Rent", 0, [["Rent", 48200.0]])])
    plain = record(0x0031, struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + string("Arial"))
    crossed = record(0x0031, struct.pack("<HHHHHBBBB", 200, 8, 0x7FFF, 400, 0, 0, 0, 0, 0) + string("Arial"))
    path.write_bytes(path.read_bytes().replace(plain, crossed))
    _, (page,) = read(path)
    assert page.text.endswith("A1: [struck through: Rent] | B1: [struck through: 48200.00]")
