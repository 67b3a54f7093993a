import io

import pytest
from PIL import Image

from ingest.errors import UnreadableSource
from ingest.pageimages import locate_boxes, render_page
from ingest.parsing import FileReader
from ingest.readers.boxes import Box, merged
from tests.data import make


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
