"""A document's dates stay those that it was saved with."""

import struct
import zipfile

import olefile
import pypdfium2 as pdfium
import pytest

from ingest import media
from ingest.converting import convert_to_pdf, office_program
from ingest.limits import IngestLimits
from ingest.saved_fields import copy_with_saved_dates
from tests.data import make, make_mail

RTF = (
    rb'{\rtf1\ansi Signed {\field{\*\fldinst {\insrsid12  DATE  \\@ "d MMMM yyyy"}}{\fldrslt 1 May 2020}}'
    rb" at {\field{\*\fldinst TIME}{\fldrslt 10:15}}; made {\field{\*\fldinst CREATEDATE}{\fldrslt 2019}}.}"
)


def kept(path, media_type):
    target = path.with_name("copy")
    copy_with_saved_dates(path, target, media_type)
    return target


def test_date_fields_of_an_rtf_become_unknown_ones_of_the_same_length(tmp_path):
    path = tmp_path / "a.rtf"
    path.write_bytes(RTF)
    copied = kept(path, media.RTF).read_bytes()
    assert copied == RTF.replace(b"  DATE ", b"  XXXX ").replace(b" TIME}", b" XXXX}")
    assert path.read_bytes() == RTF


def test_date_fields_of_an_open_document_become_its_text(tmp_path):
    mime = b"application/vnd.oasis.opendocument.text"
    body = (
        b'<text:p>On <text:date text:date-value="2020-05-01">1 May 2020</text:date>, <text:time/>x</text:p>'
    )
    path = make.archive(tmp_path / "a.odt", [("mimetype", mime), ("content.xml", body), ("x.bin", b"\0")])
    with zipfile.ZipFile(kept(path, media.ODT)) as copied:
        assert copied.namelist() == ["mimetype", "content.xml", "x.bin"]
        assert copied.read("content.xml") == (
            b"<text:p>On <text:span>1 May 2020</text:span>, <text:span/>x</text:p>"
        )


def test_date_fields_of_a_word_file_become_quotations(tmp_path):
    fields = bytes((0x13, 31, 0x14, 0xFF, 0x15, 0x80, 0x13, 26, 0x13, 32))
    places = struct.pack("<6I", 3, 9, 12, 20, 30, 40)
    head = bytearray(0x200)
    head[11] = 0x02
    head[0x011A : 0x011A + 8] = struct.pack("<II", 100, len(places) + len(fields))
    table = b"t" * 100 + places + fields
    path = make_mail.msg(tmp_path / "a.doc", {"WordDocument": bytes(head), "1Table": table})
    with olefile.OleFileIO(str(kept(path, media.DOC))) as copied, copied.openstream("1Table") as stream:
        found = stream.read()
    assert found[: len(table)] == b"t" * 100 + places + bytes(
        (0x13, 35, 0x14, 0xFF, 0x15, 0x80, 0x13, 26, 0x13, 35)
    )


@pytest.mark.parametrize("media_type", [media.DOC, media.ODT, media.RTF, media.PPT])
def test_what_is_damaged_is_copied_as_it_is(tmp_path, media_type):
    for data in (b"", b"PK\3\4 broken", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)):
        path = tmp_path / "a"
        path.write_bytes(data)
        assert kept(path, media_type).read_bytes() == data


@pytest.mark.skipif(office_program() is None, reason="LibreOffice is not installed")
def test_a_date_prints_as_it_was_saved(tmp_path):
    path = tmp_path / "a.rtf"
    path.write_bytes(RTF)
    made = convert_to_pdf(path, media.RTF, workspace=tmp_path, limits=IngestLimits())
    text = pdfium.PdfDocument(made)[0].get_textpage().get_text_range()
    assert "Signed 1 May 2020 at 10:15" in text
