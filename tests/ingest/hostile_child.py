"""A reading process whose readers crash, hang and swell on purpose."""

import os
import signal

from ingest.readers.base import DEFAULT, Reading
from ingest.reading_child import main
from storage.records import Page, ReadBy


class HostileReader:
    """A file's lines are its pages; some words do harm when their page is read."""

    def read(self, path, options=DEFAULT, *, first_page=1):
        lines = path.read_text().splitlines()
        _harm(lines[0] if lines[0].startswith("at once ") else "", path)
        return Reading(len(lines), self._pages(lines, first_page, path), title="Hostile")

    def _pages(self, lines, first_page, path):
        for number, line in enumerate(lines, 1):
            if number >= first_page:
                _harm(line, path)
                yield Page(number, line, ReadBy.TEXT, 1.0)


def _harm(word, path):
    if word.endswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if word.endswith("hang"):
        signal.pause()
    if word.endswith("swell"):
        bytearray(1 << 40)
    if word.endswith("raise"):
        raise LookupError("a bug")
    if word.endswith("write"):
        path.with_suffix(".written").write_text("x")
    if word.endswith("print"):
        print("words of a document")  # noqa: T201 - libraries do it


if __name__ == "__main__":
    main(lambda media_type: HostileReader())
