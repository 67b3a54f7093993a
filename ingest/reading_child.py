"""The process that touches hostile files: it may crash, hang or swell, and its parent then ends it.

It takes one JSON request a line on standard input and answers with JSON lines on standard output. Before it
looks at a file it confines itself (`ingest.sandbox`): no network, no writing, no other processes, limited
memory; and it ends with its parent. It imports no index and no language model.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from ingest.media import PDF
from ingest.readers import reader_for
from ingest.readers.base import Attachment, NeedsPassword, Reader, ReadOptions, Unreadable
from ingest.sandbox import confine
from storage.records import Page

_PIECE_BYTES = 3 << 16
_SWOLLEN = 0.75
_PDF_VIEW, _PICTURE_VIEW = "ingest.readers.pdf_view", "ingest.readers.picture_view"

Reply = dict[str, Any]


def main(find_reader: Callable[[str], Reader] = reader_for) -> None:
    """Serve requests until standard input ends.

    Arguments: bytes of memory, seconds without a reply, seconds of processor time.
    """
    memory_bytes, alarm_s, cpu_s = map(int, sys.argv[1:4])
    confine(memory_bytes=memory_bytes, cpu_seconds=cpu_s)
    # Libraries that print must not disturb the replies.
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        signal.alarm(alarm_s)
        for reply in answer(json.loads(line), find_reader):
            if reply.keys() & {"done", "unreadable"}:
                reply["tired"] = _tired(memory_bytes, cpu_s)
            # A parent that is slow to take a page is no fault of the file.
            signal.alarm(0)
            _send(replies, reply)
            signal.alarm(alarm_s)
        signal.alarm(0)


def answer(request: Reply, find_reader: Callable[[str], Reader]) -> Iterator[Reply]:
    """The replies to one request; the last one has `done`, `unreadable` or `failed`."""
    try:
        yield from _work(request, find_reader)
    except NeedsPassword as error:
        yield {"unreadable": str(error), "password": True}
    except Unreadable as error:
        yield {"unreadable": str(error)}
    except MemoryError:
        yield {"failed": "needs more memory than a file may use"}
    except Exception as error:  # noqa: BLE001 - readers of hostile files raise anything; the parent reports it
        yield {"failed": f"could not be read ({type(error).__name__})"}
    else:
        yield {"done": True}


def _work(request: Reply, find_reader: Callable[[str], Reader]) -> Iterator[Reply]:
    path = Path(request["path"])
    if request["do"] == "read":
        yield from _read(path, request, find_reader(request["media_type"]))
        return
    # Imported here: most reading processes never draw a page.
    if request["do"] == "boxes":
        from ingest.readers import pdf_view

        options = ReadOptions(**request["options"])
        boxes = pdf_view.boxes(path, request["page"], request["start"], request["end"], options=options)
        yield {"boxes": [list(box) for box in boxes]}
        return
    view = import_module(_PDF_VIEW if request["media_type"] == PDF else _PICTURE_VIEW)
    png: bytes = view.png(path, request["page"], width_px=request["width_px"])
    yield {"png": base64.b64encode(png).decode()}


def _read(path: Path, request: Reply, reader: Reader) -> Iterator[Reply]:
    options = ReadOptions(**request["options"])
    reading = reader.read(path, options, first_page=request["first_page"])
    if reading.rendition is not None and request["rendition"]:
        yield from _pieces(reading.rendition)
        yield {"rendition": True}
    yield {"page_count": reading.page_count, "title": reading.title, "flags": list(reading.flags)}
    for page in reading.pages:
        yield {"page": _fields(page)}
    for number, attachment in enumerate(reading.attachments, 1):
        if number >= request["first_attachment"]:
            yield from _attached(attachment)


def _fields(page: Page) -> list[Any]:
    places = [astuple(place) for place in page.places]
    hidden = [astuple(one) for one in page.hidden]
    return [page.number, page.text, page.how, page.quality, page.problem, page.label, places, hidden]


def _attached(attachment: Attachment) -> Iterator[Reply]:
    if attachment.data is not None:
        yield from _pieces(attachment.data)
    yield {"attachment": attachment.name, "problem": attachment.problem}


def _pieces(data: bytes) -> Iterator[Reply]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield {"piece": base64.b64encode(data[start : start + _PIECE_BYTES]).decode()}


def _tired(memory_bytes: int, cpu_s: int) -> bool:
    """Much of what this process may take is gone: the next file shall begin with all of it."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):  # Only Linux tells how much memory there is now.
        return False
    used = resource.getrusage(resource.RUSAGE_SELF)
    swollen = pages * resource.getpagesize() > memory_bytes * _SWOLLEN
    return swollen or used.ru_utime + used.ru_stime > cpu_s / 2


def _send(replies: BinaryIO, reply: Reply) -> None:
    replies.write(json.dumps(reply, ensure_ascii=False).encode(errors="surrogatepass") + b"\n")
    replies.flush()


if __name__ == "__main__":
    main()
