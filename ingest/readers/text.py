"""Plain text and Markdown: one page, which is the decoded file exactly, line ends and byte order mark too."""

from __future__ import annotations

from pathlib import Path

from ingest.encodings import Decoded, decoded, replaced
from ingest.readers.base import DEFAULT, Reading, ReadOptions, storable
from ingest.unseen import unseen
from storage.records import Page, ReadBy

_DOUBTFUL_QUALITY = 0.5


class TextReader:
    """Reads text in any encoding; says so when it had to guess which."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        return text_reading(decoded(path.read_bytes()))


def text_reading(found: Decoded) -> Reading:
    """A text as it was decoded, as a reading of one page."""
    text = storable(found.text)
    page = Page(1, text, ReadBy.TEXT, quality(found), replaced(text), hidden=unseen(text))
    return Reading(1, iter([page]), flags=found.flags)


def quality(found: Decoded) -> float:
    """Share of characters that decoding did not have to replace; at most a half in a doubtful encoding."""
    lost = found.text.count("\N{REPLACEMENT CHARACTER}")
    share = 1 - lost / len(found.text) if found.text else 1.0
    return min(share, _DOUBTFUL_QUALITY) if found.doubtful else share
