"""JSON: one page, which is the decoded file exactly, so that what is quoted is found in it.

It is not parsed: a broken or endless file is still text, and no number is rounded on the way.
"""

from __future__ import annotations

from ingest.readers.text import TextReader


class JsonReader(TextReader):
    """Reads JSON, and JSON lines, as the text that they are."""
