"""Pictures: PNG, JPEG, TIFF, GIF, BMP and WebP, each picture in the file a page that is read by OCR.

A page is what a viewer shows: turned as the file's orientation says. Places are fractions of that.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ingest.readers.base import DEFAULT, Reading, ReadOptions, Unreadable, storable
from storage.records import Page, ReadBy

_FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "PPM")
"""Those of cameras that hold several pictures (MPO) open as JPEG."""
_MAX_PIXELS = 150_000_000
"""A1 at 300 dpi, A3 at 600 dpi and A4 at 1,200 dpi are below; decoded it takes 600 MB at most."""
_READ_PIXELS = 17_000_000
"""A4 at 400 dpi, A3 at 280: more helps no recogniser."""
_SKEWED_GRID = 1.2
"""Dots lie that much closer one way than the other: a fax, which is stretched to look as it was sent."""
_EAR_BYTES = 1 << 16
_BROKEN_FAX = (b"Bad code word", b"Premature EO", b"Line length mismatch")
_INK = 40
"""Levels of grey that something on the page differs from the paper."""
_INK_SHARE = 0.0005

_DAMAGED = "its picture is damaged or cut short; scan it again or ask for another copy"
_PARTLY_DAMAGED = "a part of its picture is damaged, so that words may be missing; look at it yourself"
_TOO_LARGE = f"its picture has more than {_MAX_PIXELS // 1_000_000} million dots; save it at 300 dpi"
_OCR_OFF = "it is a picture, and reading pictures was switched off; switch it on to search it"
_NO_TEXT = "no text was found in the picture; look at it yourself"


class PictureReader:
    """Reads scans and photographs of pages."""

    def read(self, path: Path, options: ReadOptions = DEFAULT, *, first_page: int = 1) -> Reading:
        """See `Reader.read`."""
        image = open_picture(path)
        count, whole = _count(image)
        flags = [] if image.format == "TIFF" or not getattr(image, "is_animated", False) else [_MOVING]
        pages = _pages(path, options, range(first_page, count + 1), whole=whole)
        return Reading(count, pages, flags=tuple(flags))


_MOVING = "is a moving picture, of which the first one was read"


def open_picture(path: Path) -> Image.Image:
    """A picture file, nothing of it decoded yet.

    Raises:
        Unreadable: it is none of our kinds, or too large.
    """
    try:
        with warnings.catch_warnings():
            # Our own bound is checked for each picture before it is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise Unreadable(f"cannot be read: {_TOO_LARGE}") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise Unreadable("is a damaged picture; scan it again or ask for another copy") from error


def shown(image: Image.Image, number: int) -> Image.Image:
    """The picture of a page as a viewer shows it: on white, in grey or colour, a huge one made smaller.

    Raises:
        Unreadable: it is too large; the text says what to do.
        OSError: it is damaged. So may be other errors: decoders of hostile files raise anything.
    """
    if number > 1:
        image.seek(number - 1)
    if image.width * image.height > _MAX_PIXELS:
        raise Unreadable(_TOO_LARGE)
    dots = image.info.get("dpi", (1, 1))
    image.draft(None, _bounded(image.width, image.height))
    image.load()
    plain = _plain(image)
    turned = ImageOps.exif_transpose(plain) or plain
    across, down = turned.width, turned.height
    if image.format == "TIFF" and min(dots) > 1 and (wide := float(dots[0]) / float(dots[1])) != 1:
        if wide >= _SKEWED_GRID:
            down = round(down * wide)
        elif wide <= 1 / _SKEWED_GRID:
            across = round(across / wide)
    size = _bounded(across, down)
    return turned if size == turned.size else turned.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def _bounded(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, math.sqrt(_READ_PIXELS / (width * height)))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _plain(image: Image.Image) -> Image.Image:
    """Eight bits a channel, no transparency; the orientation that the file names is kept."""
    exif = image.getexif()
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        see_through = image.convert("RGBA")
        plain = Image.alpha_composite(Image.new("RGBA", image.size, "white"), see_through).convert("RGB")
    elif image.mode.startswith("I;16"):
        plain = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        levels = np.asarray(image, np.float32)
        low, high = float(np.nanmin(levels)), float(np.nanmax(levels))
        plain = Image.fromarray((np.nan_to_num(levels - low) * (255 / ((high - low) or 1))).astype(np.uint8))
    elif image.mode == "LAB":
        plain = image.getchannel(0)
    else:
        plain = image.convert("L" if image.mode in ("1", "L") else "RGB")
    plain.getexif().update(exif)
    return plain


def _count(image: Image.Image) -> tuple[int, bool]:
    """How many pages a file has, and whether its list of them is whole; if not, the last is a lost one."""
    if image.format != "TIFF":
        return 1, True
    count = 1
    try:
        while True:
            image.seek(count)
            count += 1
    except EOFError:
        whole = True
    except Exception:  # noqa: BLE001 - a damaged list of pages breaks off with anything
        count, whole = count + 1, False
    image.seek(0)
    return count, whole


def _pages(path: Path, options: ReadOptions, numbers: range, *, whole: bool) -> Iterator[Page]:
    for number in numbers:
        if number == numbers.stop - 1 and not whole:
            yield _lost(number, "the file breaks off here; pages may be missing; scan it again")
        elif options.ocr == "never":
            yield _lost(number, _OCR_OFF)
        else:
            yield _page(path, number)


def _page(path: Path, number: int) -> Page:
    from ingest.ocr import OcrMissing, doubt, read_picture

    damage: list[bool] = []
    try:
        # Opened anew, so that its decoded dots are gone when the recogniser needs the memory.
        with _heard(damage), open_picture(path) as image:
            picture = shown(image, number)
        del image
    except Unreadable as error:
        return _lost(number, str(error))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - decoders of damaged pictures raise anything
        return _lost(number, _DAMAGED)
    try:
        found = read_picture(picture)
    except OcrMissing as error:
        return _lost(number, str(error))
    problem = _PARTLY_DAMAGED if damage else doubt(found)
    if found.text:
        text = storable(found.text)
        return Page(number, text, ReadBy.OCR, found.confidence, problem, places=found.places)
    if problem is None and is_blank(picture):
        return Page(number, "", ReadBy.OCR, 1.0)
    return _lost(number, problem or _NO_TEXT)


@contextmanager
def _heard(damage: list[bool]) -> Iterator[None]:
    """Something goes into `damage` if the decoder complains: for broken faxes it does no more than that."""
    kept = os.dup(2)
    ear, mouth = os.pipe()
    os.set_blocking(ear, False)
    # A full pipe must not hold the decoder up.
    os.set_blocking(mouth, False)
    os.dup2(mouth, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        try:
            complaint = os.read(ear, _EAR_BYTES)
        except BlockingIOError:
            complaint = b""
        for one in (kept, ear, mouth):
            os.close(one)
        if any(sign in complaint for sign in _BROKEN_FAX):
            damage.append(True)


def is_blank(picture: Image.Image) -> bool:
    """True for paper with nothing on it but specks."""
    grey = np.asarray(picture.convert("L").reduce(max(1, picture.width // 800)), np.int16)
    return bool((np.abs(grey - np.median(grey)) > _INK).mean() < _INK_SHARE)


def _lost(number: int, reason: str) -> Page:
    return Page(number, "", ReadBy.NONE, 0.0, reason)
