"""From a received file to stored pages: they go to SQL in small batches as they are read.

A reading that was killed goes on at the first page that is missing. A password is tried and forgotten.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ingest.errors import PasswordNeeded
from ingest.families import Signature
from ingest.media import PDF
from ingest.parsing import FileReader, OpenReading
from ingest.progress import Tally
from ingest.readers.base import ReadOptions
from ingest.receiving import Receiving
from ingest.report import FileState
from ingest.running_lines import RunningLines
from ingest.telling import Teller
from ingest.work import Event, Work
from storage.incoming import Arrival
from storage.library import Library
from storage.records import Attached, Page, Scope, VersionState

_PAGES_AT_ONCE = 32
_STORED_AT_LEAST_EVERY_S = 1.0
_MOST_NAMED = 5
_SIGNS = frozenset({"zero-width characters", "tag characters"})
"""Hidden signs that stay in a page's text, so that its characters keep their places."""


class Reading:
    """Reads versions, one per call; several threads may, each with a reader of its own."""

    def __init__(
        self,
        library: Library,
        teller: Teller,
        receiving: Receiving,
        scope: Scope,
        tally: Tally,
        *,
        passwords: Sequence[str],
        pause: Callable[[], None],
    ) -> None:
        """`pause` is called between batches; it may wait, and raises `Stopped` to end the reading."""
        self._library = library
        self._teller = teller
        self._receiving = receiving
        self._scope = scope
        self._tally = tally
        self._passwords = passwords
        self._pause = pause

    def read(self, work: Work, reader: FileReader) -> list[Event]:
        """Store a received version's pages and what is inside it: the version, parsed, and what came out.

        Raises:
            UnreadableSource: none of it can be read.
        """
        self._pause()
        arrival = self._library.arrival(self._scope, work.version_id)
        self._tally.working(work.path, FileState.READING)
        workspace = Path(tempfile.mkdtemp(dir=self._library.work_folder(self._scope.matter)))
        try:
            with self._opened(arrival, reader, workspace) as reading:
                return self._stored(work, arrival, reading)
        finally:
            shutil.rmtree(workspace, ignore_errors=True)

    def _opened(self, arrival: Arrival, reader: FileReader, workspace: Path) -> OpenReading:
        options = ReadOptions(with_hidden=arrival.with_hidden, ocr=arrival.ocr)
        asked: PasswordNeeded | None = None
        for password in (None, *self._passwords):
            try:
                return reader.open(
                    arrival.file,
                    arrival.media_type,
                    name=arrival.path,
                    workspace=workspace,
                    options=replace(options, password=password),
                    first_page=arrival.next_page,
                )
            except PasswordNeeded as error:
                asked = error
        assert asked is not None
        if arrival.rendition is None:
            raise asked
        # Killed on its way: the password is forgotten, but its pages were kept without one.
        return reader.open(
            arrival.rendition,
            PDF,
            name=arrival.path,
            workspace=workspace,
            options=options,
            first_page=arrival.next_page,
        )

    def _stored(self, work: Work, arrival: Arrival, reading: OpenReading) -> list[Event]:
        library, scope, version_id = self._library, self._scope, work.version_id
        notes = _Notes()
        if arrival.next_page > 1:
            for page in library.page_stream(scope, version_id):
                if page.number < arrival.next_page:
                    notes.feed(page)
        library.begin_pages(
            scope,
            version_id,
            page_count=reading.page_count,
            title=reading.title,
            flags=reading.flags,
            rendition=reading.rendition,
        )
        batch: list[Page] = []
        stored = time.monotonic()
        for page in reading:
            notes.feed(page)
            batch.append(page)
            if len(batch) >= _PAGES_AT_ONCE or time.monotonic() - stored > _STORED_AT_LEAST_EVERY_S:
                library.add_pages(scope, version_id, batch)
                batch, stored = [], time.monotonic()
                self._tally.working(work.path, FileState.READING, page.number, reading.page_count)
                self._pause()
        library.add_pages(scope, version_id, batch)
        events, attached = self._receiving.inside(work, reading.attachments)
        library.finish_pages(
            scope,
            version_id,
            page_count=reading.page_count,
            flags=[*notes.flags(accepted=arrival.with_hidden), *_refused(attached)],
            attachments=attached,
            hidden_pages=notes.hidden_pages,
            signature=notes.signature.packed(),
        )
        self._teller.record("document.parsed", work.path, work.document_id, pages=reading.page_count)
        self._tally.working(work.path, FileState.READING, reading.page_count, reading.page_count)
        parsed = replace(work, state=VersionState.PARSED, running=notes.lines.found())
        return [parsed, *events]


class _Notes:
    """What is learnt of a document while its pages go by."""

    def __init__(self) -> None:
        self.lines = RunningLines()
        self.signature = Signature()
        self.hidden_pages = 0
        self._hidden: Counter[str] = Counter()

    def feed(self, page: Page) -> None:
        self.lines.feed(page.text)
        self.signature.feed(page.text)
        ways = {one.why for one in page.hidden}
        self._hidden.update(ways)
        self.hidden_pages += bool(ways - _SIGNS)

    def flags(self, *, accepted: bool) -> list[str]:
        """What a person should know of hidden text, in words."""
        told = []
        for why, pages in sorted(self._hidden.items()):
            on = f"{pages} page" if pages == 1 else f"{pages} pages"
            if why in _SIGNS:
                told.append(f"hides {why} on {on}: they stay in the text, and no model sees them")
            else:
                end = "accepted, and read with the rest" if accepted else "left out"
                told.append(f"hides text on {on} ({why}): {end}")
        return told


def _refused(attached: Sequence[Attached]) -> list[str]:
    refused = [one for one in attached if one.problem is not None]
    told = [f"a file inside was not read: {one.problem}" for one in refused[:_MOST_NAMED]]
    if len(refused) > _MOST_NAMED:
        told.append(f"{len(refused) - _MOST_NAMED} further files inside were not read")
    return told
