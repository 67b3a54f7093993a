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
_ADD_THEM = "save those that there are and add them on their own"
_TOO_MANY = f"were not taken out: they are too many or too large together; {_ADD_THEM}"
_MOST_NAME = 1_000
_MOST_WORDS = 4_000
"""Characters of a message or a title: what a reader says at length is no reason to keep it."""
_MOST_FLAGS = 200


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
        self._stuck_at: int | None = None
        """How many attachments there were when the reader was last lost after the last page."""
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
            self.page_count = _whole_number(head["page_count"])
            self.title = _text(head["title"], _MOST_WORDS) if head["title"] is not None else None
            self.flags = tuple(_text(flag, _MOST_WORDS) for flag in head["flags"][:_MOST_FLAGS])
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
            if "done" in reply:
                break
            if "failed" in reply or "unreadable" in reply:
                raise Gone(_text(reply.get("failed") or reply.get("unreadable"), _MOST_WORDS))
            try:
                page = self._taken(reply)
            except (KeyError, TypeError, ValueError) as error:
                raise Gone(_CONFUSED) from error
            if page is not None:
                yield page
            if self._inbox.full:
                self._process.end()
                self._inbox.give_up(_TOO_MANY)
                break
        while self._next <= self.page_count:
            yield self._lost("was left out by its reader; save the file again or print it to PDF")

    def _after(self, gone: Gone) -> Iterator[Page]:
        """Report what took the reader down and ask a new one for the rest."""
        # It may still run: whatever raised there left its libraries in any state.
        self._process.end()
        self._deaths += 1
        self._inbox.drop()
        if self._next <= self.page_count:
            yield self._lost(str(gone))
        elif self._stuck_at == len(self._inbox.attachments):
            # Those behind it are not to be had without it.
            self._inbox.give_up(f"could not be looked for: the file {gone}; {_ADD_THEM}")
            self._ended = True
            return
        else:
            self._stuck_at = len(self._inbox.attachments)
        while self._deaths <= self._limits.reader_restarts and not self._allowance.spent:
            try:
                self._ask()
                self._head()
            except (Gone, UnreadableSource):
                self._process.end()
                self._deaths += 1
            else:
                return
        if self._next > self.page_count:
            self._inbox.give_up(f"could not be looked for: the file {gone}; {_ADD_THEM}")
        while self._next <= self.page_count:
            yield self._lost("was not read: pages before it took too much; split the file")
        self._ended = True

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
                # A file that is turned down leaves its reader sound.
                self._ended = "unreadable" in reply
                raise_refusal(reply, self._name)
                return reply
        raise Gone(_CONFUSED)

    def _taken(self, reply: Mapping[str, Any]) -> Page | None:
        """Keep what came; a page is given on. Raises KeyError, TypeError or ValueError for nonsense."""
        if "page" in reply:
            return self._kept(_page(reply["page"]))
        if "piece" in reply:
            self._inbox.take(reply["piece"])
        else:
            problem = reply["problem"]
            self._inbox.attach(
                _text(reply["attachment"], _MOST_NAME),
                None if problem is None else _text(problem, _MOST_WORDS),
            )
        return None

    def _kept(self, page: Page) -> Page:
        if page.number != self._next or page.number > self.page_count:
            raise ValueError
        self._chars += len(page.text) + sum(len(one.text) for one in page.hidden)
        most = self._limits.max_text_chars
        if self._chars > most:
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
    if not 0 <= quality <= 1 or len(places) > len(text):
        raise ValueError
    return Page(
        _whole_number(number),
        text,
        ReadBy(how),
        float(quality),
        None if problem is None else _text(problem, _MOST_WORDS),
        label=None if label is None else _text(label, _MOST_NAME),
        places=tuple(_place(one, len(text)) for one in places),
        hidden=tuple(Hidden(storable(found), _text(why, _MOST_WORDS)) for found, why in hidden),
    )


def _place(fields: Sequence[Any], length: int) -> Place:
    start, end, x0, y0, x1, y1 = fields
    if not 0 <= start <= end <= length or not 0 <= x0 <= x1 <= 1 or not 0 <= y0 <= y1 <= 1:
        raise ValueError
    return Place(_whole_number(start), _whole_number(end), float(x0), float(y0), float(x1), float(y1))


def _whole_number(found: Any) -> int:
    if not isinstance(found, int) or found < 0:
        raise ValueError
    return found


def _text(found: Any, most: int) -> str:
    return storable(found)[:most]


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
