"""Picture files: each picture a page, turned as the file says; a reason for each one that gives no text."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from ingest import media
from ingest.parsing import FileReader
from ingest.readers.base import ReadOptions, Unreadable
from ingest.readers.picture import PictureReader, open_picture, shown
from storage.records import ReadBy
from tests.data import make_scans as scans


@pytest.fixture(scope="module")
def contract():
    return scans.contract()


def read(path, **options):
    reading = PictureReader().read(path, ReadOptions(**options))
    pages = list(reading.pages)
    assert [page.number for page in pages] == list(range(1, reading.page_count + 1))
    return pages


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
def test_each_kind_of_picture_is_read(tmp_path, contract, kind):
    contract.save(tmp_path / "scan", kind)
    (page,) = read(tmp_path / "scan")
    assert (page.how, page.problem) == (ReadBy.OCR, None)
    assert "aggregate liability" in page.text
    assert page.quality > 0.9
    assert len(page.places) == len(page.text.split())


def test_it_is_read_in_the_confined_reading_process(tmp_path, contract):
    contract.save(tmp_path / "scan.png", dpi=(150, 150))
    with FileReader() as reader:
        (page,) = reader.read(tmp_path / "scan.png", media.PNG, name="scan.png").pages
    assert page.problem is None
    assert "Harrow Mills Limited" in page.text


@pytest.mark.parametrize("coding", ["group3", "group4", "tiff_lzw", "jpeg"])
def test_every_page_of_a_tiff_is_a_page_whatever_its_coding(tmp_path, contract, coding):
    mode = "1" if coding.startswith("group") else "L"
    blank = Image.new(mode, contract.size, 1 if mode == "1" else 255)
    path = scans.tiff(tmp_path / "a.tif", [contract.convert(mode), blank], compression=coding)
    first, second = read(path)
    assert "aggregate liability" in first.text
    assert (second.text, second.problem) == ("", None)


def test_a_fax_with_twice_as_many_dots_across_is_stretched(tmp_path, contract):
    fax = contract.resize((1728, 1100)).convert("1")
    fax.save(tmp_path / "fax.tif", compression="group3", dpi=(204, 98))
    image = shown(open_picture(tmp_path / "fax.tif"), 1)
    assert image.height / image.width == pytest.approx(1100 * 204 / 98 / 1728, rel=0.01)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG"])
def test_the_orientation_that_the_file_names_is_followed(tmp_path, contract, kind):
    exif = Image.Exif()
    exif[274] = 6  # Shown turned clockwise by 90 degrees.
    contract.rotate(90, expand=True).save(tmp_path / "phone", kind, exif=exif)
    image = shown(open_picture(tmp_path / "phone"), 1)
    assert image.size == contract.size
    assert np.abs(np.asarray(image, float) - np.asarray(contract, float)).mean() < 3


def test_sixteen_bits_transparency_and_print_colours_are_read(tmp_path, contract):
    grey = np.asarray(contract.convert("L"), np.uint16)
    Image.fromarray(grey * 257).save(tmp_path / "deep.png")
    see_through = contract.convert("RGBA")
    see_through.putalpha(Image.fromarray((255 - grey).astype(np.uint8)))
    see_through.save(tmp_path / "glass.png")
    contract.convert("CMYK").save(tmp_path / "print.jpg")
    for name in ("deep.png", "glass.png", "print.jpg"):
        (page,) = read(tmp_path / name)
        assert "aggregate liability" in page.text, name


def test_a_picture_with_no_text_says_so_and_is_not_called_read(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 800, dtype=np.uint8), (600, 1))
    Image.fromarray(ramp).save(tmp_path / "photo.png")
    (page,) = read(tmp_path / "photo.png")
    assert (page.how, page.text) == (ReadBy.NONE, "")
    assert page.problem == "no text was found in the picture; look at it yourself"


def test_reading_pictures_can_be_switched_off(tmp_path, contract):
    contract.save(tmp_path / "scan.png")
    (page,) = read(tmp_path / "scan.png", ocr="never")
    assert (page.how, page.text) == (ReadBy.NONE, "")
    assert "switched off" in page.problem


def test_a_picture_of_too_many_dots_is_refused_before_it_is_decoded(tmp_path):
    out = io.BytesIO()
    Image.new("1", (8, 8)).save(out, "PNG")
    data = bytearray(out.getvalue())
    data[16:24] = struct.pack(">II", 13_000, 12_500)
    import zlib

    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (tmp_path / "bomb.png").write_bytes(data)
    (page,) = read(tmp_path / "bomb.png")
    assert "million dots" in page.problem
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(Unreadable, match="million dots"):
        PictureReader().read(tmp_path / "bomb.png")


def test_a_large_scan_at_600_dpi_passes(tmp_path):
    page = Image.new("1", (7016, 9921), 1)
    page.save(tmp_path / "a3.tif", compression="group4", dpi=(600, 600))
    image = shown(open_picture(tmp_path / "a3.tif"), 1)
    assert image.width * image.height < 18_000_000
    (read_page,) = read(tmp_path / "a3.tif")
    assert read_page.problem is None


@pytest.mark.parametrize(
    ("coding", "told"),
    [("tiff_lzw", "is damaged or cut short"), ("group3", "a part of its picture is damaged")],
)
def test_a_damaged_page_keeps_its_number_and_the_others_are_read(tmp_path, contract, coding, told):
    path = scans.tiff(tmp_path / "a.tif", [contract.convert("1")] * 3, compression=coding)
    data = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(1)
        start, length = image.tag_v2[273][1], image.tag_v2[279][1]
    data[start : start + length] = b"\xf0\x0f" * (length // 2) + b"\xff" * (length % 2)
    path.write_bytes(data)
    with FileReader() as reader:
        first, second, third = reader.read(path, media.TIFF, name="a.tif").pages
    assert first.text == third.text
    assert "aggregate" in first.text
    assert (first.problem, third.problem) == (None, None)
    assert told in second.problem


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_picture_that_is_cut_short_is_named_as_damaged(tmp_path, contract, kind):
    out = io.BytesIO()
    contract.save(out, kind)
    (tmp_path / "cut").write_bytes(out.getvalue()[: len(out.getvalue()) // 2])
    try:
        (page,) = read(tmp_path / "cut")
        text, told = page.text, page.problem
    except Unreadable as error:
        text, told = "", str(error)
    assert text == ""
    assert "damaged" in told or "breaks off" in told


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "no.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing that is one")
    with pytest.raises(Unreadable, match="damaged picture"):
        PictureReader().read(tmp_path / "no.png")


def test_a_moving_picture_says_that_only_its_first_picture_was_read(tmp_path, contract):
    contract.save(tmp_path / "a.gif", save_all=True, append_images=[contract.rotate(180)])
    reading = PictureReader().read(tmp_path / "a.gif")
    assert reading.page_count == 1
    assert reading.flags == ("is a moving picture, of which the first one was read",)
