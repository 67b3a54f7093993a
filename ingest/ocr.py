"""Read the text of a picture of a page, and tell how sure that reading is.

The models lie in the `rapidocr` package and are run by onnxruntime: nothing is fetched, nothing written, no
environment needed. They read Latin letters and Chinese; other scripts come out with a low
confidence, not as words. Used inside the reading process, which bounds the memory; loaded once, at first use.
"""

from __future__ import annotations

import difflib
import importlib.util
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ingest.ocr_layout import Stretch, Word, in_order
from ingest.readers.boxes import Box
from storage.records import Place

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
Quad = npt.NDArray[np.float32]
"""Corners of a stretch of text, shape (4, 2): top left, top right, bottom right, bottom left."""

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNISER = "PP-OCRv6_rec_small.onnx"
_THREADS = 2
_DETECTED_PIXELS = 4_200_000
"""A4 at 200 dpi: finding text in more takes more memory than a reading process has."""
_KEPT_PIXELS = 17_000_000
_SMALL_TEXT = 20
"""Pixels of height below which text is enlarged before it is looked for again."""
_LINE_HEIGHT = 48
_BATCH_WIDTH = 9_600
"""Pixels of line that go through the recogniser at once."""
_SURE = 0.5
"""A stretch less sure than this is a picture's pattern or an unknown script, and gives no text."""
_RELIABLE = 0.75
"""A page less sure than this has words missing or wrong in most of its lines."""
_UPRIGHT = 0.88
"""Lines surer than this are not upside down."""
_SAMPLE = 8
_TALL = 2.0
"""A stretch that much higher than wide runs down or up the page."""
_STACK_GAP = 0.3
"""Blank rows between stacked figures, in widths of the stretch."""
_FAINT = 48
"""Levels of grey by which ink differs from paper."""
_STROKE = 10
"""Pixels of upright stroke, in a line of `_LINE_HEIGHT`, that make a letter: dots and rules have none."""
_REACH = 0.5
"""Line heights within which a letter's strokes lie from where the recogniser noted it."""


class OcrMissing(Exception):
    """The packages or models that read pictures are not installed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class OcrText:
    """What a picture says."""

    text: str
    """Lines in reading order; cells of a table's row stand on one line, two spaces apart."""
    places: tuple[Place, ...]
    """One a word, in fractions of the picture as it was given."""
    confidence: float
    """How sure the reading is, from 0 to 1, found but unread text counted; 1 where there is no text."""
    rotation: int
    """Degrees clockwise (0, 90, 180 or 270) by which the picture was turned to be read."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A recognised stretch: its characters, where each is (share of the width), how sure each is."""

    text: str
    at: tuple[float, ...]
    sure: tuple[float, ...]
    covered: float
    """Share of its ink in letters' strokes that lies under the characters: the rest was not understood."""

    @property
    def confidence(self) -> float:
        return self.covered * sum(self.sure) / len(self.sure) if self.sure else 0.0


def read_picture(image: Image) -> OcrText:
    """Read a page's picture, upright or not, level or nearly so.

    Raises:
        OcrMissing: what reads pictures is not installed.
    """
    pixels = _pixels(image)
    turned, quads = _upright(pixels, _detected(pixels))
    upright = np.ascontiguousarray(np.rot90(pixels, -turned // 90))
    quads = [part for quad in quads for part in _parted(upright, quad)]
    lines = _recognised([_crop(upright, quad) for quad in quads])
    if quads and _mean(lines) < _UPRIGHT and _reads_better_reversed(upright, quads, lines):
        turned = (turned + 180) % 360
        upright = np.ascontiguousarray(np.rot90(upright, 2))
        height, width = upright.shape[:2]
        quads = [np.array([width, height], np.float32) - quad[[2, 3, 0, 1]] for quad in quads]
        lines = _recognised([_crop(upright, quad) for quad in quads])
    return _composed(upright.shape[:2], turned, quads, lines)


def doubt(found: OcrText) -> str | None:
    """Why a person should look at the page instead of relying on its text; None where they need not."""
    if found.confidence >= _RELIABLE:
        return None
    return (
        "much of it could not be read: it is unclear, handwritten or in letters other than Latin or Chinese; "
        "look at it yourself or ask for a better scan"
    )


def agrees(image: Image, lines: Sequence[tuple[str, Box]]) -> float:
    """How well what stands at those places of a picture matches the texts, from 0 (nothing does) to 1.

    Raises:
        OcrMissing: what reads pictures is not installed.
    """
    pixels = _pixels(image)
    height, width = pixels.shape[:2]
    texts, crops = [], []
    for text, box in lines:
        if not _letters(text):
            continue
        pad = (box.y1 - box.y0) * height * 0.2
        x0, x1 = max(0, round(box.x0 * width - pad)), min(width, round(box.x1 * width + pad))
        y0, y1 = max(0, round(box.y0 * height - pad)), min(height, round(box.y1 * height + pad))
        texts.append(_letters(text))
        crops.append(pixels[y0:y1, x0:x1])
    if not texts:
        return 1.0
    found = _recognised(crops)
    alike = [
        difflib.SequenceMatcher(None, text, _letters(line.text), autojunk=False).ratio()
        for text, line in zip(texts, found, strict=True)
    ]
    return sum(a * len(t) for a, t in zip(alike, texts, strict=True)) / sum(map(len, texts))


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _pixels(image: Image) -> Pixels:
    """Blue, green, red, as the models want them; a huge picture is made smaller."""
    if image.width * image.height > _KEPT_PIXELS:
        scale = math.sqrt(_KEPT_PIXELS / (image.width * image.height))
        image = image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        from PIL import Image as Pictures

        image = image.convert("RGBA")
        image = Pictures.alpha_composite(Pictures.new("RGBA", image.size, "white"), image)
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


def _detected(pixels: Pixels) -> list[Quad]:
    """Stretches of text. Small letters are enlarged, as far as memory allows, and looked for again."""
    room = math.sqrt(_DETECTED_PIXELS / (pixels.shape[0] * pixels.shape[1]))
    quads = _found(pixels, min(1.0, room))
    if quads and room > 1.2 and (height := float(np.median([_height(q) for q in quads]))) < _SMALL_TEXT:
        quads = _found(pixels, min(room, 2.0, 1.5 * _SMALL_TEXT / height)) or quads
    return quads


def _found(pixels: Pixels, scale: float) -> list[Quad]:
    import cv2

    height, width = pixels.shape[:2]
    size = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
    if size != (width, height):
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
    engine = _engine()
    heat = engine.detect(
        np.ascontiguousarray((pixels.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])
    )
    boxes, _ = engine.boxes(heat, (height, width))
    return [np.asarray(box, np.float32) for box in boxes]


def _height(quad: Quad) -> float:
    return min(_sides(quad))


def _sides(quad: Quad) -> tuple[float, float]:
    """Width and height."""
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


def _is_tall(quad: Quad) -> bool:
    width, height = _sides(quad)
    return height > _TALL * width


def _upright(pixels: Pixels, quads: list[Quad]) -> tuple[int, list[Quad]]:
    """By how many degrees the picture must be turned for its lines to run across, and its quads then.

    Upside down is not told apart here.
    """
    tall = sum(max(_sides(quad)) for quad in quads if _is_tall(quad))
    wide = sum(_sides(quad)[0] for quad in quads if not _is_tall(quad))
    if tall <= wide:
        return 0, quads
    width = pixels.shape[1]
    # Turned clockwise by 270: a point (x, y) goes to (y, width - x).
    turned = [
        np.stack([quad[:, 1], width - quad[:, 0]], axis=1)[[1, 2, 3, 0]].astype(np.float32) for quad in quads
    ]
    return 270, turned


def _parted(pixels: Pixels, quad: Quad) -> list[Quad]:
    """A column of single figures, found as one high stretch, as its rows; other stretches as they are."""
    if not _is_tall(quad):
        return [quad]
    (x0, y0), (x1, y1) = quad.min(axis=0).astype(int), quad.max(axis=0).astype(int)
    grey = pixels[max(0, y0) : y1, max(0, x0) : x1, 1].astype(np.int16)
    ink = (np.abs(grey - np.median(grey)) > _FAINT).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ink, [False]]).astype(np.int8)))
    # Letters of a line that runs up the page stand closer.
    least = _STACK_GAP * (x1 - x0)
    runs: list[list[int]] = []
    for top, bottom in edges.reshape(-1, 2):
        if runs and top - runs[-1][1] < least:
            runs[-1][1] = int(bottom)
        else:
            runs.append([int(top), int(bottom)])
    if len(runs) < 2:
        return [quad]
    pad = least / 2
    tops = [(y0 + top - pad, y0 + bottom + pad) for top, bottom in runs]
    return [np.array([[x0, a], [x1, a], [x1, b], [x0, b]], np.float32) for a, b in tops]


def _reads_better_reversed(pixels: Pixels, quads: Sequence[Quad], lines: Sequence[_Line]) -> bool:
    longest = sorted(range(len(quads)), key=lambda i: -_sides(quads[i])[0])[:_SAMPLE]
    crops = [np.ascontiguousarray(np.rot90(_crop(pixels, quads[i]), 2)) for i in longest]
    return _mean(_recognised(crops)) > _mean([lines[i] for i in longest])


def _mean(lines: Sequence[_Line]) -> float:
    sure = [one for line in lines for one in line.sure]
    return sum(sure) / len(sure) if sure else 0.0


def _crop(pixels: Pixels, quad: Quad) -> Pixels:
    import cv2

    width, height = (max(2, round(side)) for side in _sides(quad))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(quad, corners)
    crop = cv2.warpPerspective(
        pixels, warp, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC
    )
    # Text that runs up or down a page that is otherwise upright, as in a table's narrow headings.
    crop = np.rot90(crop, 1) if height > _TALL * width and height > 3 * _LINE_HEIGHT else crop
    return np.ascontiguousarray(crop, np.uint8)


def _recognised(crops: Sequence[Pixels]) -> list[_Line]:
    """What each crop of one line says."""
    widths = [max(16, math.ceil(_LINE_HEIGHT * crop.shape[1] / max(1, crop.shape[0]))) for crop in crops]
    lines: dict[int, _Line] = {}
    for batch in _batches(widths):
        widest = max(_LINE_HEIGHT, *(widths[i] for i in batch))
        block = np.zeros((len(batch), 3, _LINE_HEIGHT, widest), np.float32)
        for row, i in enumerate(batch):
            block[row, :, :, : widths[i]] = _line_input(crops[i], widths[i])
        chances = _engine().recognise(block)
        for row, i in enumerate(batch):
            text, at, sure = _decoded(chances[row], _engine().characters, widths[i] / widest)
            seen = [a for a, c in zip(at, text, strict=True) if not c.isspace()]
            lines[i] = _Line(text, at, sure, _covered(block[row, 1, :, : widths[i]], seen))
    return [lines[i] for i in range(len(crops))]


def _batches(widths: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for i in sorted(range(len(widths)), key=lambda i: widths[i]):
        if batch and widths[i] * (len(batch) + 1) > _BATCH_WIDTH:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _line_input(crop: Pixels, width: int) -> npt.NDArray[np.float32]:
    import cv2

    if 0 in crop.shape:
        return np.zeros((3, _LINE_HEIGHT, width), np.float32)
    line = np.asarray(cv2.resize(crop, (width, _LINE_HEIGHT)), np.float32)
    return line.transpose(2, 0, 1) / 127.5 - 1


def _decoded(
    chances: npt.NDArray[np.float32], characters: Sequence[str], used: float
) -> tuple[str, tuple[float, ...], tuple[float, ...]]:
    """Repeats collapse and blanks (0) go. `used` is the share of the width that is not padding."""
    best = chances.argmax(axis=1)
    new = np.ones(len(best), bool)
    new[1:] = best[1:] != best[:-1]
    columns = np.flatnonzero(new & (best != 0))
    width = len(best) * used
    return (
        "".join(characters[best[c]] for c in columns),
        tuple(min(1.0, (float(c) + 0.5) / width) for c in columns),
        tuple(float(chances[c, best[c]]) for c in columns),
    )


def _covered(grey: npt.NDArray[np.float32], at: Sequence[float]) -> float:
    paper = float(np.median(grey))
    ink = np.abs(grey - paper) > 0.4 * float(np.abs(grey - paper).max())
    run = np.zeros(ink.shape[1], np.int32)
    longest = np.zeros_like(run)
    for row in ink:
        run = (run + 1) * row
        np.maximum(longest, run, out=longest)
    strokes = np.flatnonzero(longest >= _STROKE)
    if not len(strokes):
        return 1.0
    if not at:
        return 0.0
    nearest = np.abs(strokes[:, None] - np.array(at)[None] * ink.shape[1]).min(axis=1)
    return float((nearest <= _REACH * _LINE_HEIGHT).mean())


def _composed(shape: tuple[int, ...], turned: int, quads: Sequence[Quad], lines: Sequence[_Line]) -> OcrText:
    height, width = shape
    tilt = _tilt(quads)
    stretches: list[Stretch] = []
    origin: dict[int, Box] = {}
    total = weighed = 0.0
    for quad, line in zip(quads, lines, strict=True):
        across, confidence = _sides(quad)[0], line.confidence
        total += across
        weighed += across * confidence
        if confidence < _SURE or not line.text.strip():
            continue
        words = []
        for text, start, end, sure in _words(line):
            corners = _slice(quad, start, end)
            level = _levelled(corners, tilt)
            word = Word(text, *level, sure)
            origin[id(word)] = _given(corners, turned, width, height)
            words.append(word)
        stretches.append(Stretch(tuple(words)))
    text, placed = in_order(stretches)
    places = tuple(Place(start, end, *origin[id(word)]) for start, end, word in placed)
    return OcrText(text, places, weighed / total if total else 1.0, turned)


def _words(line: _Line) -> Iterator[tuple[str, float, float, float]]:
    """Each word with the shares of the line's width where it begins and ends, and how sure it is."""
    pitch = (line.at[-1] - line.at[0]) / max(1, len(line.at) - 1)
    start = 0
    for end in range(len(line.text) + 1):
        if end < len(line.text) and not line.text[end].isspace():
            continue
        if end > start:
            sure = sum(line.sure[start:end]) / (end - start)
            left = max(0.0, line.at[start] - pitch * 0.6)
            right = min(1.0, line.at[end - 1] + pitch * 0.6)
            yield line.text[start:end], left, right, sure
        start = end + 1


def _slice(quad: Quad, start: float, end: float) -> Quad:
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    return np.stack(
        [quad[0] + top * start, quad[0] + top * end, quad[3] + bottom * end, quad[3] + bottom * start]
    )


def _tilt(quads: Sequence[Quad]) -> float:
    """Radians by which the lines fall to the right; the wider half decides."""
    wide = sorted((quad for quad in quads if not _is_tall(quad)), key=lambda q: -_sides(q)[0])
    slopes = [
        math.atan2(float(q[1][1] - q[0][1]), float(q[1][0] - q[0][0])) for q in wide[: len(wide) // 2 + 1]
    ]
    return float(np.median(slopes)) if slopes else 0.0


def _levelled(corners: Quad, tilt: float) -> Box:
    cos, sin = math.cos(-tilt), math.sin(-tilt)
    level = corners @ np.array([[cos, sin], [-sin, cos]], np.float32)
    (x0, y0), (x1, y1) = level.min(axis=0), level.max(axis=0)
    return Box(float(x0), float(y0), float(x1), float(y1))


def _given(corners: Quad, turned: int, width: int, height: int) -> Box:
    """Corners in the upright picture as a box in the picture as given, in fractions."""
    x, y = corners[:, 0] / width, corners[:, 1] / height
    x, y = {0: (x, y), 90: (y, 1 - x), 180: (1 - x, 1 - y), 270: (1 - y, x)}[turned]
    low, high = (np.clip(f, 0, 1) for f in (np.array([x.min(), y.min()]), np.array([x.max(), y.max()])))
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


class _Engine:
    """Both models, loaded."""

    def __init__(self, folder: Path) -> None:
        from onnxruntime import InferenceSession, SessionOptions
        from rapidocr.ch_ppocr_det.utils import DBPostProcess

        options = SessionOptions()
        options.intra_op_num_threads = _THREADS
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        # Waiting threads would spin on the cores that other work needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._detector, self._recogniser = (
            InferenceSession(str(folder / name), options, providers=["CPUExecutionProvider"])
            for name in (_DETECTOR, _RECOGNISER)
        )
        listed = self._recogniser.get_modelmeta().custom_metadata_map["character"].splitlines()
        self.characters: tuple[str, ...] = ("", *listed, " ")
        self.boxes: Any = DBPostProcess(
            thresh=0.3, box_thresh=0.5, max_candidates=4_000, unclip_ratio=1.6, use_dilation=True
        )

    def detect(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(self._detector.run(None, {self._detector.get_inputs()[0].name: block})[0])

    def recognise(self, block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.asarray(self._recogniser.run(None, {self._recogniser.get_inputs()[0].name: block})[0])


@cache
def _engine() -> _Engine:
    found = importlib.util.find_spec("rapidocr")
    folder = Path(found.origin).parent / "models" if found and found.origin else None
    if folder is None or not all((folder / name).is_file() for name in (_DETECTOR, _RECOGNISER)):
        raise OcrMissing(
            "pictures cannot be read: the package rapidocr is missing or incomplete; install it again"
        )
    try:
        return _Engine(folder)
    except ImportError as error:
        raise OcrMissing(
            f"pictures cannot be read: {error.name or 'a package'} is missing; install Muniment again"
        ) from error
