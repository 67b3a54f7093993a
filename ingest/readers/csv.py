"""Delimited text: one page, which is the decoded file exactly, whatever parts its fields.

No field is parsed: a quote from the page stands in the file character by character, line breaks inside
quoted fields and all. How rows and columns are cut is left to whoever splits the text.
"""

from __future__ import annotations

from ingest.readers.text import TextReader


class CsvReader(TextReader):
    """Reads comma, semicolon, tab and pipe separated files in any encoding."""
