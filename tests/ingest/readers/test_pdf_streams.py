"""Streams that break off, pages that the file does not count, pictures that cannot be drawn."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf.generic import EncodedStreamObject, NameObject, NumberObject, StreamObject

from ingest.readers.pdf import PdfReader
from ingest.readers.pdf_streams import has_damage, is_whole
from storage.records import ReadBy
from tests.data import make, make_pdf

CLAUSES = [f"The tenant keeps clause {number} of this lease at all times." for number in range(25)]


def pages(path):
    return list(PdfReader().read(path).pages)


def packed(path, change):
    """The first page's drawing, packed by Flate and changed."""

    def put(writer):
        page = writer.pages[0]
        stream = EncodedStreamObject()
        stream[NameObject("/Filter")] = NameObject("/FlateDecode")
        stream._data = change(zlib.compress(page.get_contents().get_data()))
        page[NameObject("/Contents")] = writer._add_object(stream)

    return make_pdf.rewritten(path, put)


def spoiled(data):
    half = len(data) // 2
    return data[:half] + b"\xff" * 8 + data[half + 8 :]


@pytest.mark.parametrize("change", [lambda data: data[: len(data) // 2], spoiled])
def test_a_page_whose_drawing_breaks_off_says_that_part_of_it_is_missing(tmp_path, change):
    path = packed(make.pdf(tmp_path / "a.pdf", [CLAUSES, ["The second page is whole."]]), change)
    first, second = pages(path)
    assert CLAUSES[-1] not in first.text
    assert "page 1 is damaged and part of it is missing" in first.problem
    assert (second.text, second.problem) == ("The second page is whole.", None)


@pytest.mark.parametrize("change", [lambda data: data, lambda data: data[:-4], lambda data: data + b"\r\n\0"])
def test_a_wrong_check_sum_or_a_few_bytes_too_many_are_no_damage(tmp_path, change):
    (page,) = pages(packed(make.pdf(tmp_path / "a.pdf", [CLAUSES]), change))
    assert (CLAUSES[-1] in page.text, page.problem) == (True, None)


@given(st.binary(min_size=1), st.integers(min_value=1))
def test_packed_bytes_are_whole_until_something_of_them_is_gone(data, cut):
    whole = zlib.compress(data)
    assert is_whole(whole)
    # The last four bytes are the check sum.
    assert not is_whole(whole[: max(1, len(whole) - 4 - cut)])


def test_bytes_that_are_no_file_have_no_damage():
    assert not has_damage(b"stream\nendstream")
    assert is_whole(b"")


def test_pages_that_the_file_does_not_count_are_read_too(tmp_path):
    path = make_pdf.rewritten(
        make.pdf(tmp_path / "a.pdf", [["One is counted."], ["Two is not counted."]]),
        lambda writer: writer._root_object["/Pages"].update({NameObject("/Count"): NumberObject(1)}),
    )
    reading = PdfReader().read(path)
    found = list(reading.pages)
    assert [page.text.strip() for page in found] == ["One is counted.", "Two is not counted."]
    assert reading.page_count == 2
    assert any("more pages than it says" in flag for flag in reading.flags)


def undrawable(path):
    """Every picture is packed in a way that nobody knows."""

    def change(writer):
        for one in writer._objects:
            if isinstance(one, StreamObject) and one.get("/Subtype") == "/Image":
                one[NameObject("/Filter")] = NameObject("/NobodysDecode")

    return make_pdf.rewritten(path, change)


def test_a_scan_that_cannot_be_drawn_is_not_taken_for_a_blank_sheet(tmp_path):
    path = make_pdf.drawn(tmp_path / "a.pdf", lambda sheet: make_pdf.picture(sheet, make_pdf.scan_of(20)))
    (page,) = pages(undrawable(path))
    assert (page.how, page.text) == (ReadBy.NONE, "")
    assert "damaged or packed in an unknown way" in page.problem


def test_a_large_picture_beside_text_that_cannot_be_drawn_is_told(tmp_path):
    def both(sheet):
        make_pdf.sentence(sheet)
        make_pdf.picture(sheet, make_pdf.scan_of(20), (72, 72, 400, 400))

    (page,) = pages(undrawable(make_pdf.drawn(tmp_path / "a.pdf", both)))
    assert page.text == make_pdf.SENTENCE
    assert "damaged or packed in an unknown way" in page.problem
