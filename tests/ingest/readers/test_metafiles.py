"""Windows drawings: their words, in lines, and whether a picture is part of them."""

import gzip
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.readers.base import ReadOptions
from ingest.readers.docx import DocxReader
from ingest.readers.metafiles import Metafile, read_metafile
from tests.data import make_office

BITMAP = struct.pack("<IiiHHIIiiII", 40, 800, 600, 1, 24, 0, 0, 0, 0, 0, 0)


def emf(*records):
    head = struct.pack("<II", 1, 88) + bytes(32) + b" EMF" + bytes(44)
    return head + b"".join(records) + struct.pack("<III", 14, 20, 0) + bytes(8)


def record(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 8) + body


def wide(text, x, y, box=(0, 0, -1, -1)):
    words = text.encode("utf-16-le")
    head = struct.pack("<4iIff", *box, 1, 1.0, 1.0) + struct.pack("<iiIII", x, y, len(text), 76, 0)
    return record(84, head + bytes(20) + words)


def wmf(*records):
    body = b"".join(struct.pack("<IH", 3 + len(one) // 2, kind) + one for kind, one in records)
    return struct.pack("<HHHIHIH", 1, 9, 0x300, 0, 0, 0, 0) + body + struct.pack("<IH", 3, 0)


def long_text(text, x, y, options=0):
    words = text.encode("cp1252")
    box = bytes(8) if options else b""
    return 0x0A32, struct.pack("<hhHH", y, x, len(words), options) + box + words + bytes(len(words) % 2)


def test_the_words_of_a_drawing_come_in_lines():
    drawn = emf(wide("Rent", 10, 50), wide("48,200 \u20ac", 90, 50), wide("Deposit", 10, 80))
    assert read_metafile(drawn) == Metafile("Rent 48,200 \u20ac\nDeposit", False)
    assert read_metafile(gzip.compress(drawn)) == read_metafile(drawn)


def test_letters_side_by_side_are_one_word():
    boxes = [(10, 0, 15, 10), (16, 0, 21, 10), (26, 0, 31, 10)]
    drawn = emf(*(wide(one, box[0], 50, box) for one, box in zip("48a", boxes, strict=True)))
    assert read_metafile(drawn).text == "48 a"


@pytest.mark.parametrize("placeable", [b"", b"\xd7\xcd\xc6\x9a" + bytes(18)])
def test_the_words_of_an_old_drawing_come_in_lines(placeable):
    short = 0x0521, struct.pack("<H", 4) + b"Rent" + struct.pack("<hh", 50, 10)
    drawn = wmf(short, long_text("48,200 \u20ac", 90, 50), long_text("Deposit", 10, 80, 4))
    assert read_metafile(placeable + drawn) == Metafile("Rent 48,200 \u20ac\nDeposit", False)


def test_a_bitmap_large_enough_for_words_is_told():
    place = bytes(40) + struct.pack("<IIII", 80, 40, 120, 0) + bytes(16) + BITMAP
    assert read_metafile(emf(record(81, place))).holds_picture
    assert read_metafile(wmf((0x0F43, bytes(22) + BITMAP))).holds_picture
    icon = BITMAP.replace(struct.pack("<ii", 800, 600), struct.pack("<ii", 256, 256))
    assert not read_metafile(emf(record(81, place.replace(BITMAP, icon)))).holds_picture


def test_what_is_no_drawing_is_none():
    assert read_metafile(b"") is None
    assert read_metafile(b"\x1f\x8b broken") is None
    assert read_metafile(b"GIF89a") is None


WHOLE = (emf(wide("Rent", 10, 50), record(81, bytes(40) + BITMAP)), wmf(long_text("Rent", 1, 1, 4)))


@given(st.sampled_from(WHOLE), st.integers(0, 250), st.binary(max_size=8), st.integers(0, 400))
def test_no_damage_makes_it_stumble(whole, at, other, cut):
    read_metafile((whole[:at] + other + whole[at + len(other) :])[:cut])


def test_a_drawing_in_a_word_file_is_read_and_a_broken_one_told(tmp_path):
    def page_of(data):
        body = make_office.paragraph(
            '<w:r><w:drawing><a:blip r:embed="rId1"/></w:drawing></w:r>' + make_office.run("See above.")
        )
        path = make_office.docx(
            tmp_path / "a.docx",
            body,
            parts={
                "word/media/i.emf": data,
                "word/_rels/document.xml.rels": make_office.relations(("image", "media/i.emf")),
            },
        )
        (page,) = DocxReader().read(path, ReadOptions()).pages
        return page

    table = emf(wide("Rent of the first year", 10, 50), wide("48,200", 90, 50))
    assert "[text in a picture]\nRent of the first year 48,200" in page_of(table).text
    assert page_of(emf(wide("lease.pdf", 10, 50))).text == "See above."
    assert "damaged drawing" in page_of(b"broken").problem
