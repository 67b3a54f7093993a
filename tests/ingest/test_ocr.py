"""What comes back of pictures of pages: words, figures in their columns, places, and honest doubt."""

import socket
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from ingest import ocr_engine
from ingest.ocr import OcrMissing, agrees, doubt, read_picture
from ingest.ocr_layout import Stretch, Word, in_order
from ingest.readers.boxes import Box
from tests.data import make_scans as scans


def rows(text):
    return [line.split("  ") for line in text.split("\n")]


@pytest.fixture(scope="module")
def contract():
    return scans.contract()


@pytest.fixture(scope="module")
def table():
    return scans.table()


def test_a_contracts_words_come_back_in_order(contract):
    assert read_picture(contract).text.split("\n") == list(scans.CLAUSES)


def test_a_tables_figures_keep_their_columns_and_empty_cells_their_dash(table):
    wanted = [[cell.replace("$ ", "$") for cell in row] for row in scans.TABLE]
    found = rows(read_picture(table).text.replace("$ ", "$"))
    # The first dot of a leader may stay with its label.
    assert [[row[0].rstrip("."), *row[1:]] for row in found] == wanted


def test_columns_of_prose_are_read_one_after_the_other():
    found = read_picture(scans.columns()).text.split("\n")
    assert found == ["REPAIR AND INSURANCE", *scans.LEFT, *scans.RIGHT]


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_page_that_lies_on_its_side_is_turned_and_its_places_point_into_the_picture_as_given(
    contract, turned
):
    given_picture = contract.rotate(turned, expand=True)
    found = read_picture(given_picture)
    assert found.rotation == turned
    assert found.text.split("\n") == list(scans.CLAUSES)
    at = found.text.index("warehouse")
    (place,) = (one for one in found.places if one.start <= at < one.end)
    width, height = given_picture.size
    box = (place.x0 * width - 4, place.y0 * height - 4, place.x1 * width + 4, place.y1 * height + 4)
    cut = given_picture.crop(tuple(map(round, box))).rotate(-turned, expand=True)
    assert "warehouse" in _read_alone(cut)


def _read_alone(cut):
    sheet = Image.new("RGB", (800, 300), "white")
    sheet.paste(cut, (200, 120))
    return read_picture(sheet).text


@pytest.mark.parametrize(
    "how", [{"degrees": 2.0}, {"degrees": -4.0}, {"noise": 25}, {"faded": 0.2}, {"blur": 0.8}]
)
def test_a_poor_scan_still_gives_nearly_all_words(how):
    found = read_picture(scans.spoilt(scans.contract(dpi=200), **how))
    wanted = " ".join(scans.CLAUSES).split()
    have = found.text.split()
    assert sum(word in have for word in wanted) >= 0.97 * len(wanted)
    assert doubt(found) is None


def test_lines_that_a_stamp_crosses_are_not_dropped(contract):
    stamped = contract.copy()
    ImageDraw.Draw(stamped).ellipse((150, 180, 520, 450), outline=(200, 40, 40), width=8)
    found = read_picture(stamped).text
    assert "Harrow Mills Limited" in found
    assert "$1,250,000" in found


def test_every_word_has_a_place_that_holds_just_its_characters(table):
    found = read_picture(table)
    assert [found.text[one.start : one.end] for one in found.places] == found.text.split()
    for one in found.places:
        assert 0 <= one.x0 < one.x1 <= 1
        assert 0 <= one.y0 < one.y1 <= 1


def test_letters_that_it_cannot_read_raise_doubt_and_give_no_words():
    font = ImageFont.truetype(_font_with_cyrillic(), 30)
    page = Image.new("L", (1200, 700), 255)
    for n in range(8):
        ImageDraw.Draw(page).text(
            (60, 60 + 70 * n), "Настоящий договор заключён сторонами", fill=0, font=font
        )
    found = read_picture(page)
    assert doubt(found)
    assert len(found.text) < 40


def _font_with_cyrillic():
    for name in ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf"):
        try:
            ImageFont.truetype(name, 10)
        except OSError:
            continue
        return name
    pytest.skip("this machine has no font with Cyrillic letters")


def test_an_empty_page_has_no_text_and_no_doubt():
    found = read_picture(Image.new("L", (850, 1100), 255))
    assert (found.text, found.places, doubt(found)) == ("", (), None)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK"])
def test_any_kind_of_picture_can_be_read(contract, mode):
    assert "aggregate liability" in read_picture(contract.convert("RGB").convert(mode)).text


def test_a_text_layer_that_says_what_the_picture_says_agrees_and_another_does_not(contract):
    found = read_picture(contract)
    lines, start = [], 0
    for line in found.text.split("\n"):
        on = [one for one in found.places if start <= one.start < start + len(line)]
        xs, ys = [(p.x0, p.x1) for p in on], [(p.y0, p.y1) for p in on]
        box = Box(min(x for x, _ in xs), min(y for y, _ in ys), max(x for _, x in xs), max(y for _, y in ys))
        lines.append((line, box))
        start += len(line) + 1
    assert agrees(contract, lines) > 0.97
    shifted = [(lines[n - 1][0], box) for n, (_, box) in enumerate(lines)]
    assert agrees(contract, shifted) < 0.6


def test_without_its_models_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(ocr_engine.importlib.util, "find_spec", lambda name: None)
    ocr_engine.engine.cache_clear()
    with pytest.raises(OcrMissing, match="install it again"):
        read_picture(Image.new("L", (400, 400), 255))
    ocr_engine.engine.cache_clear()


def test_nothing_is_fetched_written_or_printed_and_no_environment_is_needed(tmp_path, contract):
    contract.save(tmp_path / "page.png")
    program = (
        "import resource, socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('asked for the network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from PIL import Image\n"
        "from ingest.ocr import read_picture\n"
        "assert 'Harrow Mills' in read_picture(Image.open(sys.argv[1])).text\n"
    )
    run = subprocess.run(
        [sys.executable, "-B", "-c", program, str(tmp_path / "page.png")], capture_output=True, env={}
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    assert socket.socket.connect


def test_the_machine_is_not_numbered_for_the_makers_of_the_models_engine(tmp_path, contract):
    contract.save(tmp_path / "page.png")
    program = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime': print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "from PIL import Image\n"
        "from ingest.ocr import read_picture\n"
        "assert 'Harrow Mills' in read_picture(Image.open(sys.argv[1])).text\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    run = subprocess.run(
        [sys.executable, "-B", "-c", program, str(tmp_path / "page.png")],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(home)},
    )
    # What it does unless told not to is done in a thread of its own: it is told before its import.
    assert run.stdout.split() == ["1"]
    assert list(home.rglob("*")) == []


words = st.lists(
    st.tuples(st.text("abc1(", min_size=1, max_size=5), st.floats(0, 900), st.floats(0, 900)), max_size=30
)


@given(words)
@settings(max_examples=60, deadline=None)
def test_no_word_is_lost_or_doubled_wherever_words_stand(found):
    stretches = [Stretch((Word(t, x, y, x + 9 * len(t), y + 12, 1.0),)) for t, x, y in found]
    text, placed = in_order(stretches)
    assert sorted(text.split()) == sorted(t for t, _, _ in found)
    assert all(text[start:end] == word.text for start, end, word in placed)
    assert np.all(np.diff([start for start, _, _ in placed]) > 0)
