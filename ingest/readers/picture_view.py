"""What a page of a picture file looks like: as it was read, at the width that is asked for."""

from __future__ import annotations

import io
from pathlib import Path

from ingest.readers.base import Unreadable
from ingest.readers.picture import open_picture, shown

_MAX_PIXELS = 12_000_000


def png(path: Path, number: int, *, width_px: int) -> bytes:
    """A page as a PNG of that width; a picture of fewer dots as it is, a very long one smaller."""
    image = open_picture(path)
    count = getattr(image, "n_frames", 1)
    if not 1 <= number <= count:
        raise Unreadable(f"has no page {number}; it has {count}")
    try:
        picture = shown(image, number)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Unreadable(f"has a damaged page {number}") from error
    scale = min(1.0, width_px / picture.width, (_MAX_PIXELS / (picture.width * picture.height)) ** 0.5)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    out = io.BytesIO()
    picture.resize(size, reducing_gap=2.0).save(out, "PNG")
    return out.getvalue()
