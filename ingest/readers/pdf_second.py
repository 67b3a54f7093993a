"""The second reader: pypdf, for pages and files that PDFium cannot make sense of.

It knows no places and cannot tell hidden text. Where a file breaks it, in whichever of its many ways, it has
nothing to say.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ingest.quality import judge
from ingest.readers.base import storable
from ingest.readers.pdf_streams import is_whole
from storage.records import Page, ReadBy

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

_Answer = TypeVar("_Answer")


class SecondReader:
    """One PDF, opened when it is first asked for."""

    def __init__(self, path: Path, password: str | None = None) -> None:
        self._path = path
        self._password = password
        self._opened: PdfReader | None = None
        self._is_broken = False
        self._attached: dict[str, bytes] | None = None

    def page_count(self) -> int | None:
        """How many pages there are, or None where the file breaks this reader too."""
        return self._asked(lambda reader: len(reader.pages))

    def text(self, number: int) -> str:
        """A page's text, empty where it cannot be had."""
        return storable(self._asked(lambda reader: reader.pages[number - 1].extract_text()) or "")

    def pages(self, count: int, first_page: int) -> Iterator[Page]:
        """The pages of a file that PDFium cannot open; none of them can be shown."""
        for number in range(first_page, count + 1):
            text = self.text(number)
            verdict = judge(text)
            if not text.strip():
                problem = f"page {number} is in a damaged file and shows no text; ask for another copy"
                yield Page(number, "", ReadBy.NONE, 0.0, problem)
                continue
            problems = [] if verdict.fault is None else [f"its text {verdict.fault}"]
            if number == count:
                problems.append("the file is damaged and pages after it may be missing; ask for another copy")
            told = f"page {number}: " + "; ".join(problems) if problems else None
            yield Page(number, text, ReadBy.SECOND_READER, verdict.score, told)

    def damaged_pages(self) -> frozenset[int]:
        """The pages of which something that draws them does not unpack to its end."""
        return self._asked(lambda reader: frozenset(_damaged(reader))) or frozenset()

    def unlocked(self) -> bytes | None:
        """The file written anew without its encryption, or None where the password does not open it."""
        return self._asked(_unlocked)

    def attached(self, name: str) -> bytes | None:
        """The bytes of a file that the PDF carries under that name."""
        if self._attached is None:
            self._attached = self._asked(lambda reader: dict(_files(reader))) or {}
        return self._attached.get(name)

    def _asked(self, question: Callable[[PdfReader], _Answer]) -> _Answer | None:
        # Imported here: it is needed for few files, and its import is slower than all of PDFium.
        from pypdf import PdfReader

        if self._is_broken:
            return None
        try:
            if self._opened is None:
                self._is_broken = True
                opened = PdfReader(self._path, strict=False)
                if opened.is_encrypted and not opened.decrypt(self._password or ""):
                    return None
                self._opened, self._is_broken = opened, False
            return question(self._opened)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - on broken files it raises nearly anything; the caller reports it
            return None


def _unlocked(reader: PdfReader) -> bytes:
    from pypdf import PdfWriter

    out = io.BytesIO()
    PdfWriter(clone_from=reader).write(out)
    return out.getvalue()


def _damaged(reader: PdfReader) -> Iterator[int]:
    for number, page in enumerate(reader.pages, start=1):
        if not all(map(is_whole, _packed(page))):
            yield number


def _packed(page: PageObject) -> Iterator[bytes]:
    """Flate-packed bytes of what a page is drawn by: its contents, and the forms that it names."""
    from pypdf.generic import ArrayObject, DictionaryObject, EncodedStreamObject

    contents = page["/Contents"].get_object() if "/Contents" in page else None
    drawn = [one.get_object() for one in contents] if isinstance(contents, ArrayObject) else [contents]
    resources = page["/Resources"].get_object() if "/Resources" in page else None
    if isinstance(resources, DictionaryObject) and "/XObject" in resources:
        named = resources["/XObject"].get_object()
        forms = [one.get_object() for one in named.values()] if isinstance(named, DictionaryObject) else []
        drawn += [
            one for one in forms if isinstance(one, DictionaryObject) and one.get("/Subtype") == "/Form"
        ]
    for one in drawn:
        if isinstance(one, EncodedStreamObject):
            filters = one["/Filter"].get_object() if "/Filter" in one else ""
            first = filters[0] if isinstance(filters, ArrayObject) and filters else filters
            if first in ("/FlateDecode", "/Fl"):
                yield one._data


def _files(reader: PdfReader) -> Iterator[tuple[str, bytes]]:
    for one in reader.attachment_list:
        yield one.name, one.content
    for page in reader.pages:
        for each in page.annotations or ():
            annotation = each.get_object()
            if annotation.get("/Subtype") == "/FileAttachment":
                named = annotation["/FS"].get_object()
                data = named["/EF"].get_object()["/F"].get_object().get_data()
                yield str(named.get("/UF") or named.get("/F")), data
