"""One file on its way through a reading process: its pages one by one, never held together.

A page that takes the process down is reported and the pages after it are still read. What the process says
is checked before it is believed: page numbers in order, places on the page, text that can be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ingest.errors import PasswordNeeded, ReaderDied, UnreadableSource
from ingest.inbox import AttachedFile, Inbox
from ingest.limits import IngestLimits
from ingest.readers.base import storable
from ingest.reading_process import Allowance, Gone, ReadingProcess
from storage.records import Hidden, Page, Place, ReadBy

_CONFUSED = "confused or ended its reader"


class OpenReading:
    """A file being read: iterate it once for its pages, in order, lost ones with the reason.

    Made by `FileReader.open`; close it, or use it in a `with` statement.
    """

    def __init__(
        self,
        process: ReadingProcess,
        limits: IngestLimits,
        request: Mapping[str, Any],
        name: str,
        workspace: Path,
        first_page: int,
    ) -> None:
        self.page_count = 0
        self.title: str | None = None
        self.flags: tuple[str, ...] = ()
        self.rendition: Path | None = None
        """A PDF with the same pages that needs no password."""
        self.attachments: tuple[AttachedFile, ...] = ()
        """What was inside the file; complete after the last page."""
        self.on_close: Callable[[], None] = _nothing
        self._process = process
        self._limits = limits
        self._request = request
        self._name = name
        self._inbox = Inbox(workspace, limits)
        self._next = first_page
        self._chars = 0
        self._deaths = 0
        self._allowance = Allowance(limits.seconds_per_file)
        self._replies: Iterator[dict[str, Any]] = iter(())
        self._ended = False

    def __enter__(self) -> OpenReading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the reader back; pages that were not taken are dropped."""
        if not self._ended:
            # What is still in the pipe belongs to nobody.
            self._process.end()
            self._ended = True
        on_close, self.on_close = self.on_close, _nothing
        on_close()

    def begin(self) -> None:
        """Open the file and learn how many pages it has; `FileReader.open` calls it.

        Raises:
            UnreadableSource: as for `FileReader.open`.
        """
        try:
            self._ask()
            head = self._head()
        except Gone as gone:
            raise died(self._name, gone) from gone
        try:
            self.page_count = int(head["page_count"])
            self.title = None if head["title"] is None else storable(str(head["title"]))
            self.flags = tuple(storable(str(flag)) for flag in head["flags"])
        except (KeyError, TypeError, ValueError) as error:
            raise died(self._name, Gone(_CONFUSED)) from error
        most = self._limits.max_pages
        if self.page_count > most:
            raise UnreadableSource(
                f"{self._name!r} has {self.page_count:,} pages, more than {most:,}; split it"
            )

    def __iter__(self) -> Iterator[Page]:
        while not self._ended:
            try:
                yield from self._rest()
                self._ended = True
            except Gone as gone:
                yield from self._after(gone)
        self.attachments = tuple(self._inbox.attachments)

    def _rest(self) -> Iterator[Page]:
        """Pages and attachments until the closing reply."""
        for reply in self._replies:
            if "page" in reply:
                yield self._page(reply["page"])
            elif "piece" in reply:
                self._inbox.take(reply["piece"])
            elif "attachment" in reply:
                self._inbox.attach(reply["attachment"], reply.get("problem"))
            elif "failed" in reply:
                # Whatever raised may have left its libraries in any state.
                self._process.end()
                raise Gone(str(reply["failed"]))
            elif "unreadable" in reply:
                raise Gone(str(reply["unreadable"]))
        while self._next <= self.page_count:
            yield self._lost("was left out by its reader; save the file again or print it to PDF")

    def _after(self, gone: Gone) -> Iterator[Page]:
        """Report what took the reader down and ask a new one for the rest."""
        self._deaths += 1
        self._inbox.drop()
        if self._next <= self.page_count:
            yield self._lost(str(gone))
        else:
            self._inbox.attach("", str(gone))
        while True:
            if self._deaths > self._limits.reader_restarts or self._allowance.spent:
                while self._next <= self.page_count:
                    yield self._lost("was not read: pages before it took too much; split the file")
                self._process.end()
                self._ended = True
                return
            try:
                self._ask()
                self._head()
            except (Gone, UnreadableSource):
                self._deaths += 1
                self._process.end()
            else:
                return

    def _ask(self) -> None:
        self._replies = self._process.ask(
            {
                **self._request,
                "first_page": self._next,
                "first_attachment": len(self._inbox.attachments) + 1,
                "rendition": self.rendition is None,
            },
            self._allowance,
        )

    def _head(self) -> dict[str, Any]:
        for reply in self._replies:
            if "piece" in reply:
                self._inbox.take(reply["piece"])
            elif "rendition" in reply:
                self.rendition = self._inbox.rendition()
            else:
                raise_refusal(reply, self._name)
                return reply
        raise Gone(_CONFUSED)

    def _page(self, fields: Sequence[Any]) -> Page:
        try:
            page = _page(fields)
        except (TypeError, ValueError) as error:
            self._process.end()
            raise Gone(_CONFUSED) from error
        if page.number != self._next or page.number > self.page_count:
            self._process.end()
            raise Gone(_CONFUSED)
        self._chars += len(page.text) + sum(len(one.text) for one in page.hidden)
        if self._chars > self._limits.max_text_chars:
            most = self._limits.max_text_chars
            return self._lost(f"was not kept: the file has more than {most:,} characters; split it")
        self._next += 1
        self._allowance.left += self._limits.seconds_earned_per_page
        return page

    def _lost(self, reason: str) -> Page:
        number = self._next
        self._next += 1
        return Page(number, "", ReadBy.NONE, 0.0, f"page {number} {reason}")


def _page(fields: Sequence[Any]) -> Page:
    number, text, how, quality, problem, label, places, hidden = fields
    text = storable(text)
    return Page(
        int(number),
        text,
        ReadBy(how),
        float(quality),
        None if problem is None else storable(problem),
        label=None if label is None else storable(label),
        places=tuple(_place(one, len(text)) for one in places),
        hidden=tuple(Hidden(storable(found), storable(why)) for found, why in hidden),
    )


def _place(fields: Sequence[Any], length: int) -> Place:
    start, end, x0, y0, x1, y1 = fields
    if not 0 <= int(start) <= int(end) <= length or not 0 <= x0 <= x1 <= 1 or not 0 <= y0 <= y1 <= 1:
        raise ValueError
    return Place(int(start), int(end), float(x0), float(y0), float(x1), float(y1))


def raise_refusal(reply: Mapping[str, Any], name: str) -> None:
    """Raise what a closing reply says of the file `name`; other replies are let pass."""
    if "unreadable" in reply:
        kind = PasswordNeeded if reply.get("password") else UnreadableSource
        raise kind(f"{name!r} {reply['unreadable']}")
    if "failed" in reply:
        raise died(name, Gone(str(reply["failed"])))


def died(name: str, gone: Gone) -> ReaderDied:
    """The error for a file that nothing could be read of."""
    return ReaderDied(f"{name!r} {gone}; save it again or print it to PDF")


def _nothing() -> None:
    """Nobody waits for the end of a reading that never opened."""
