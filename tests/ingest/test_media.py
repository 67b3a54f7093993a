import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import media
from ingest.errors import UnreadableSource
from ingest.media import media_type_of
from ingest.readers import reader_for
from tests.data import make
from tests.data.make_mail import msg

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml"


def kind_of(path, data):
    path.write_bytes(data)
    return media_type_of(path, path.name)


def package(path, main, members=()):
    types = f'<Types><Default ContentType="{SHEET}.sheet"/><Override ContentType="{main}"/></Types>'
    return make.archive(path, [("[Content_Types].xml", types.encode()), *((one, b"") for one in members)])


def tar(data, *, old=False):
    """An archive that begins with that file; old ones bear no mark."""
    entry = tarfile.TarInfo("a.pdf")
    entry.size = len(data)
    made = entry.tobuf(tarfile.USTAR_FORMAT)
    if old:
        made = made[:257] + bytes(8) + made[265:]
        made = made[:148] + b"%06o\0 " % (sum(made[:148]) + 256 + sum(made[156:])) + made[156:]
    return made + data


@pytest.mark.parametrize(
    ("main", "kind"),
    [
        (f"{WORD}.document.main+xml", media.DOCX),
        (f"{WORD}.template.main+xml", media.DOCX),
        ("application/vnd.ms-word.document.macroEnabled.main+xml", media.DOCX),
        (f"{SHEET}.sheet.main+xml", media.XLSX),
        ("application/vnd.ms-excel.sheet.macroEnabled.main+xml", media.XLSX),
        (f"{SLIDES}.presentation.main+xml", media.PPTX),
        (f"{SLIDES}.slideshow.main+xml", media.PPTX),
    ],
)
def test_an_office_file_is_what_its_main_part_is_whatever_it_is_called(tmp_path, main, kind):
    path = package(tmp_path / "a.pdf", main)
    assert media_type_of(path, "a.pdf") == kind


@pytest.mark.parametrize(
    ("streams", "name", "kind"),
    [
        (["WordDocument"], "a.xls", media.DOC),
        (["Workbook"], "a.doc", media.XLS),
        (["Book"], "a", media.XLS),
        (["PowerPoint Document"], "a", media.PPT),
        (["__properties_version1.0", "WordDocument"], "a.doc", media.MSG),
        (["EncryptionInfo", "EncryptedPackage"], "a.docx", media.DOCX),
        (["EncryptionInfo", "EncryptedPackage"], "a.xlsx", media.XLSX),
    ],
)
def test_an_old_office_file_is_what_its_streams_are(tmp_path, streams, name, kind):
    path = msg(tmp_path / name, dict.fromkeys(streams, b""))
    assert media_type_of(path, name) == kind


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"{\\rtf1 x}", media.RTF),
        (b"\x89PNG\r\n\x1a\n\0", media.PNG),
        (b"\xff\xd8\xff\xe0", media.JPEG),
        (b"II*\0\x08\0\0\0", media.TIFF),
        (b"MM\0*\0\0\0\x08", media.TIFF),
        (b"GIF89a", media.GIF),
        (b"BM\x46\0\0\0\0\0\0\0\x36", media.BMP),
        (b"RIFF\x04\0\0\0WEBPVP8 ", media.WEBP),
        (b"P5\n# by a scanner\n640 480\n255\n\0\xff", media.PNM),
        (b"P2\n2 1\n255\n0 128\n", media.PNM),
        (b"P2 and P3 are the parties; 2 of 3 agree.", media.TEXT),
        (b"P5 12 34 56 of the exhibit shows the rent.", media.TEXT),
        (b"x\x9f\x3e\x22\1\0" + b"%PDF-1.7\n1 0 obj", media.TNEF),
        (b"II*\0" + b"\0" * 60 + b"%PDF-1.7\n1 0 obj", media.TIFF),
        (b"Received: by gate\r\n\r\n%PDF-1.7\n1 0 obj", media.PDF),
        (b"A file that begins with %PDF- is a PDF.", media.TEXT),
        (b"\xffWPC\x10", media.WPD),
        (b"<!DOCTYPE html><p>x", media.HTML),
        (b"<?xml version='1.0'?><a/>", media.XML),
        (b'{"a": 1}', media.JSON),
        ("<html><p>x</p></html>".encode("utf-16"), media.HTML),
        (b"Just words.", media.TEXT),
        (b"MZ Holding and AC10 agree.", media.TEXT),
    ],
)
def test_other_kinds_are_known_by_their_beginning(tmp_path, start, kind):
    assert kind_of(tmp_path / "scan", start) == kind


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.md", b"# Term", media.MARKDOWN),
        ("a.csv", b"a,b", media.CSV),
        ("a.xls", b"a\tb\n1\t2", media.CSV),
        ("a.txt", b"Subject: x\nFrom: y\nMIME-Version: 1.0\n\nz", media.TEXT),
        ("a.eml", b"Subject: x\n\nz", media.EMAIL),
    ],
)
def test_a_name_decides_between_kinds_that_are_all_text(tmp_path, name, data, kind):
    assert kind_of(tmp_path / name, data) == kind


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "only spaces and line breaks"),
        (b"\xef\xbb\xbf", "only spaces and line breaks"),
        (b"%!PS-Adobe-3.0\n(Words) show", "PostScript"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA", "encrypted"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "damaged Office or Outlook file"),
        (bytes(range(256)), "unknown binary"),
        (b"PK\x03\x04" + b"\0" * 26 + b"word/document.xml", "damaged Word document, cut short"),
        (b"7z\xbc\xaf\x27\x1c\0", "7z archive; unpack it"),
        (b"Rar!\x1a\x07\0", "RAR archive; unpack it"),
        (bytes(5_000), "nothing but zeros"),
        (tar(b"%PDF-1.7\n1 0 obj"), "is a tar archive; unpack it"),
        (tar(b"%PDF-1.7\n1 0 obj", old=True), "is a tar archive; unpack it"),
        (b"MZ\x90\0\3", "is a program; unpack it"),
        (b"\0\0\2\0\6\4", "Lotus 1-2-3 sheet; save it as .xlsx"),
        (b"L\0\0\0\1\x14\2\0\0", "is a shortcut; add the file"),
        (b"\x30\x82\4\xf0\6\x09\x2a\x86H\x86\xf7\r\1\7\2\xa0\0", "in a signature envelope"),
        (b"\x30\x80\6\x09\x2a\x86H\x86\xf7\r\1\7\3\xa0\0", "is encrypted .S/MIME."),
        (b"\0\0\0\x18ftypmp42\0", "is a recording"),
        (b"\0\0\0\x18ftypheic\0\0", "HEIC or AVIF photo; save it as JPEG"),
        (b"Only words", "named like a PDF but holds plain text"),
    ],
)
def test_what_is_not_read_is_named_with_what_to_do(tmp_path, data, words):
    with pytest.raises(UnreadableSource, match=words):
        kind_of(tmp_path / "a.pdf", data)


def test_an_encrypted_open_document_text_says_so(tmp_path):
    mime = b"application/vnd.oasis.opendocument.text"
    path = make.archive(tmp_path / "a.odt", [("mimetype", mime), ("META-INF/manifest.xml", b"<a/>")])
    assert media_type_of(path, "a.odt") == media.ODT
    make.archive(path, [("mimetype", mime), ("META-INF/manifest.xml", b"<m:encryption-data/>")])
    with pytest.raises(UnreadableSource, match="is encrypted; save it without a password"):
        media_type_of(path, "a.odt")


def test_a_pdf_is_a_pdf_whatever_it_is_called(tmp_path):
    path = make.lease_pdf(tmp_path / "lease.txt")
    assert media_type_of(path, path.name) == media.PDF


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a", "a.pdf", "a.txt", "a.eml", "a.xls"]))
def test_any_bytes_have_a_kind_or_a_reason(tmp_path_factory, data, name):
    kind = reason = None
    try:
        kind = kind_of(tmp_path_factory.mktemp("kind") / name, data)
    except UnreadableSource as error:
        reason = str(error)
    assert reason.startswith(f"'{name}' ") if reason else kind in media.CONVERTED or reader_for(kind)
