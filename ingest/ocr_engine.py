"""The two models that read pictures of text: one finds stretches of it, one says what a stretch reads.

They lie in the `rapidocr` package and are run by onnxruntime: nothing is fetched, nothing is written and no
environment is needed. Loaded once, at first use. Knows nothing of pages.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Shape (height, width, 3): blue, green, red."""
Quad = npt.NDArray[np.float32]
"""Corners of a stretch of text, shape (4, 2): top left, top right, bottom right, bottom left."""

_DETECTOR = "PP-OCRv6_det_small.onnx"
_RECOGNISER = "PP-OCRv6_rec_small.onnx"
_THREADS = 2
LINE_HEIGHT = 48
_BATCH_WIDTH = 9_600
"""Pixels of line that go through the recogniser at once."""
_TALL = 2.0
"""A stretch that much higher than wide runs down or up the page."""
_STROKE = 10
"""Pixels of upright stroke, in a line of `LINE_HEIGHT`, that make a letter: dots and rules have none."""
_REACH = 0.5
"""Line heights within which a letter's strokes lie from where the recogniser noted it."""


class OcrMissing(Exception):
    """The packages or models that read pictures are not installed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """A recognised stretch: its characters, where each is (share of the width), how sure each is."""

    text: str
    at: tuple[float, ...]
    sure: tuple[float, ...]
    covered: float
    """Share of its ink in letters' strokes that lies under the characters: the rest was not understood."""

    @property
    def confidence(self) -> float:
        return self.covered * sum(self.sure) / len(self.sure) if self.sure else 0.0


def find_text(pixels: Pixels, scale: float) -> list[Quad]:
    import cv2

    height, width = pixels.shape[:2]
    size = (max(32, round(width * scale / 32) * 32), max(32, round(height * scale / 32) * 32))
    if size != (width, height):
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)
    models = engine()
    heat = models.detect(
        np.ascontiguousarray((pixels.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])
    )
    boxes, _ = models.boxes(heat, (height, width))
    return [np.asarray(box, np.float32) for box in boxes]


def sides(quad: Quad) -> tuple[float, float]:
    """Width and height."""
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


def is_tall(quad: Quad) -> bool:
    width, height = sides(quad)
    return height > _TALL * width


def cut_out(pixels: Pixels, quad: Quad) -> Pixels:
    import cv2

    width, height = (max(2, round(side)) for side in sides(quad))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(quad, corners)
    crop = cv2.warpPerspective(
        pixels, warp, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC
    )
    # Text that runs up or down a page that is otherwise upright, as in a table's narrow headings.
    crop = np.rot90(crop, 1) if height > _TALL * width else crop
    return np.ascontiguousarray(crop, np.uint8)


def read_lines(crops: Sequence[Pixels]) -> list[Line]:
    """What each crop of one line says."""
    widths = [max(16, math.ceil(LINE_HEIGHT * crop.shape[1] / max(1, crop.shape[0]))) for crop in crops]
    lines: dict[int, Line] = {}
    for batch in _batches(widths):
        widest = max(LINE_HEIGHT, *(widths[i] for i in batch))
        block = np.zeros((len(batch), 3, LINE_HEIGHT, widest), np.float32)
        for row, i in enumerate(batch):
            block[row, :, :, : widths[i]] = _line_input(crops[i], widths[i])
        chances = engine().recognise(block)
        for row, i in enumerate(batch):
            text, at, sure = _decoded(chances[row], engine().characters, widths[i] / widest)
            seen = [a for a, c in zip(at, text, strict=True) if not c.isspace()]
            lines[i] = Line(text, at, sure, _covered(block[row, 1, :, : widths[i]], seen))
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
        return np.zeros((3, LINE_HEIGHT, width), np.float32)
    line = np.asarray(cv2.resize(crop, (width, LINE_HEIGHT)), np.float32)
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
    return float((nearest <= _REACH * LINE_HEIGHT).mean())


class _Engine:
    """Both models, loaded."""

    def __init__(self, folder: Path) -> None:
        # At its import onnxruntime would number this machine, write that down and tell its makers.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
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
def engine() -> _Engine:
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
