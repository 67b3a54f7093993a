import io

import pytest
from PIL import Image

from ingest.errors import UnreadableSource
from ingest.pageimages import locate_boxes, placed, render_page
from ingest.parsing import FileReader
from ingest.readers.boxes import Box, merged
from storage.records import Place
from tests.data import make, make_pdf


def page_text(path, number):
    with FileReader() as reader:
        return reader.read(path, "application/pdf", name=path.name).pages[number - 1].text


def test_a_box_lies_where_the_words_were_printed(tmp_path):
    path = make.lease_pdf(tmp_path / "lease.pdf")
    text = page_text(path, 3)
    start = text.index("$120,000")
    (box,) = locate_boxes(path, 3, start, start + len("$120,000"))
    # Printed at 72 of 612 points from the left; the second line's baseline is at 696 of 792 from below.
    assert 72 / 612 < box.x0 < box.x1 < 1
    assert box.y0 < 1 - 696 / 792 + 0.005
    assert box.y1 == pytest.approx(1 - 696 / 792, abs=0.01)
    assert box.y1 - box.y0 < 0.03


def test_a_span_over_two_lines_has_a_box_for_each(tmp_path):
    path = make.lease_pdf(tmp_path / "lease.pdf")
    first, second = locate_boxes(path, 1, 0, len(page_text(path, 1)))
    assert first.y1 <= second.y0
    assert first.x0 == pytest.approx(second.x0, abs=0.01)


def test_a_page_is_drawn_at_the_width_asked(tmp_path):
    png = render_page(make.lease_pdf(tmp_path / "lease.pdf"), 1, width_px=400)
    assert Image.open(io.BytesIO(png)).width == 400


def test_a_page_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UnreadableSource, match="has no page 9; it has 3"):
        render_page(make.lease_pdf(tmp_path / "lease.pdf"), 9, width_px=400)


def test_boxes_of_one_line_become_one_and_columns_stay_apart():
    line = [
        Box(0.1, 0.1, 0.2, 0.12),
        Box(0.21, 0.1, 0.3, 0.12),
        Box(0.6, 0.1, 0.7, 0.12),
        Box(0.1, 0.2, 0.2, 0.22),
    ]
    assert merged(line) == [Box(0.1, 0.1, 0.3, 0.12), Box(0.6, 0.1, 0.7, 0.12), Box(0.1, 0.2, 0.2, 0.22)]


@pytest.mark.parametrize(("media_type", "form"), [("image/png", "PNG"), ("image/jpeg", "JPEG")])
def test_a_picture_file_is_drawn_no_larger_than_it_is(tmp_path, media_type, form):
    path = tmp_path / "scan"
    Image.new("RGB", (800, 1000), "white").save(path, form)
    for asked, drawn in ((400, 400), (2_000, 800)):
        png = render_page(path, 1, width_px=asked, media_type=media_type)
        assert Image.open(io.BytesIO(png)).width == drawn
    assert locate_boxes(path, 1, 0, 5, media_type=media_type) == []


def test_each_page_of_a_fax_is_drawn_and_a_further_one_is_refused(tmp_path):
    path = tmp_path / "fax.tif"
    first, second = Image.new("1", (300, 400), 1), Image.new("1", (500, 400), 0)
    first.save(path, save_all=True, append_images=[second])
    png = render_page(path, 2, width_px=1_000, media_type="image/tiff")
    assert Image.open(io.BytesIO(png)).size == (500, 400)
    with pytest.raises(UnreadableSource, match="has no page 3; it has 2"):
        render_page(path, 3, width_px=100, media_type="image/tiff")


def test_a_picture_larger_than_any_page_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (40_000, 40_000)).save(path)
    with pytest.raises(UnreadableSource, match="million dots"):
        render_page(path, 1, width_px=100, media_type="image/png")


def test_kept_places_give_a_box_for_each_line_of_a_passage():
    places = [
        Place(0, 4, 0.1, 0.1, 0.2, 0.12),
        Place(5, 9, 0.21, 0.1, 0.3, 0.12),
        Place(10, 14, 0.1, 0.2, 0.2, 0.22),
        Place(15, 19, 0.1, 0.3, 0.2, 0.32),
    ]
    assert placed(places, 5, 12) == [Box(0.21, 0.1, 0.3, 0.12), Box(0.1, 0.2, 0.2, 0.22)]
    assert placed(places, 0, 9) == [Box(0.1, 0.1, 0.3, 0.12)]
    assert placed(places, 4, 5) == []


def test_text_behind_accepted_hidden_text_is_found_at_its_place(tmp_path):
    def draw(sheet):
        sheet.drawString(72, 700, make_pdf.SENTENCE)
        make_pdf.white(sheet)
        sheet.setFillColorRGB(0, 0, 0)
        sheet.drawString(72, 600, "The last line")

    path = make_pdf.drawn(tmp_path / "a.pdf", draw)
    start = len(make_pdf.SENTENCE) + 1 + len(make_pdf.SECRET) + 1

    (box,) = locate_boxes(path, 1, start, start + len("The last line"), with_hidden=True)

    assert box.y0 * 792 < 792 - 600 < box.y1 * 792 + 4
