"""XML: one page, which is the decoded file exactly, tags too, so that what is quoted is found in it.

It is not parsed: no entity is resolved, inside the file or out of it, so none can read another file or
swell. An entity's name stays as it is written.
"""

from __future__ import annotations

import re
from pathlib import Path

from ingest.encodings import decoded
from ingest.readers.base import DEFAULT, Reading, ReadOptions
from ingest.readers.text import text_reading

_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")


class XmlReader:
    """Reads XML as the text that it is."""

    def read(
        self,
        path: Path,
        options: ReadOptions = DEFAULT,  # noqa: ARG002
        *,
        first_page: int = 1,  # noqa: ARG002 - one page
    ) -> Reading:
        """See `Reader.read`."""
        data = path.read_bytes()
        declared = _DECLARATION.match(data)
        return text_reading(decoded(data, declared[1].decode("ascii") if declared else None))
