"""What drawings of Office files say: charts, diagrams (SmartArt) and embedded files, as lines of text."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator
from typing import Any

from ingest.readers.base import Attachment
from ingest.readers.ooxml import Package, local

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MAX_POINTS = 2_000
_MAX_EMBEDDED = 64 << 20
_OLD_OBJECT = "MBD"
_DAMAGED_OBJECT = "is a damaged embedded object; save it as a file of its own"
_OTHER_OBJECT = "is an embedded object of a kind that is not read; save it as a file of its own"
_OLE_NATIVE = "\x01Ole10Native"
_MADE_UP = "description automatically generated"


def paragraphs(body: Any) -> Iterator[str]:
    """The paragraphs of a DrawingML text body, line breaks as newlines."""
    for paragraph in body.iter(f"{_A}p"):
        text = "".join(
            "\n" if local(one) == "br" else one.text or "" for one in paragraph.iter(f"{_A}t", f"{_A}br")
        )
        if text.strip():
            yield text


def chart_lines(root: Any, *, with_values: bool) -> Iterator[str]:
    """A chart's titles and, series by series, its categories and values as the file last showed them."""
    title = ""
    for one in root.iter():
        if local(one) == "title" and (words := " ".join(" ".join(paragraphs(one)).split())):
            # The chart's own title comes first; those of its axes follow.
            yield f"[axis: {words}]" if title or local(one.getparent()) != "chart" else f"[chart: {words}]"
            title = title or words
    if not title:
        yield "[chart without a title]"
    for series in (one for one in root.iter() if local(one) == "ser"):
        names = [" ".join(_points(child)) for child in series if local(child) == "tx"]
        name = names[0] if names and names[0] else "series"
        if not with_values:
            yield f"[series: {name}]"
            continue
        categories, values = _axis(series, "cat", "xVal"), _axis(series, "val", "yVal")
        pairs = [
            f"{categories[n]}: {value}" if n < len(categories) else value for n, value in enumerate(values)
        ]
        yield f"{name} | {' | '.join(pairs)}" if pairs else name


def _axis(series: Any, *names: str) -> list[str]:
    return next((_points(child) for child in series if local(child) in names), [])


def _points(holder: Any) -> list[str]:
    found: list[str] = []
    for point in (one for one in holder.iter() if local(one) == "pt"):
        if len(found) >= _MAX_POINTS:
            found.append(f"(further values of the chart are left out after {_MAX_POINTS})")
            break
        found.append(" ".join("".join(point.itertext()).split()))
    if not found:
        found = [one.text.strip() for one in holder.iter() if local(one) == "v" and one.text]
    return found


def diagram_lines(root: Any) -> Iterator[str]:
    """The texts of a SmartArt diagram, in the order of its data."""
    for point in (one for one in root.iter() if local(one) == "pt" and one.get("type") != "pres"):
        yield from (" ".join(text.split()) for text in paragraphs(point))


def alt_text(properties: Any) -> str:
    """What a drawing's author wrote for people who cannot see it; empty when a program made it up."""
    text = " ".join((properties.get("descr") or properties.get("title") or "").split())
    return "" if _MADE_UP in text.lower() else text


def embedded(package: Package) -> Iterator[Attachment]:
    """The files inside the file, each as a document of its own."""
    for name in package.names:
        folder, file = posixpath.split(name)
        if not folder.endswith("/embeddings"):
            continue
        if package.size(name) > _MAX_EMBEDDED:
            yield Attachment(file, None, "is larger than 64 MiB; save it as a file of its own")
            continue
        data = package.part(name)
        if data is None:
            yield Attachment(
                file, None, "is damaged; open it in the document and save it as a file of its own"
            )
        else:
            yield _unwrapped(file, data)


def embedded_in_old(data: bytes) -> Iterator[Attachment]:
    """The files inside an old workbook, each as a document of its own."""
    import olefile

    if not olefile.isOleFile(io.BytesIO(data)):
        return
    with olefile.OleFileIO(io.BytesIO(data)) as container:
        folders = [one for one in container.listdir(streams=False, storages=True) if len(one) == 1]
        for (folder,) in folders:
            if not folder.upper().startswith(_OLD_OBJECT):
                continue
            try:
                found = _file_of(container, f"{folder}/", folder)
            except Exception:  # noqa: BLE001 - as below
                found = Attachment(folder, None, _DAMAGED_OBJECT)
            yield found or Attachment(folder, None, _OTHER_OBJECT)


def _unwrapped(name: str, data: bytes) -> Attachment:
    """An OLE object's file, where it holds one as a file; else the object as it is."""
    import olefile

    if not olefile.isOleFile(io.BytesIO(data)):
        return Attachment(name, data)
    stem = posixpath.splitext(name)[0]
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            if found := _file_of(container, "", stem):
                return found
            for stream, suffix in (
                ("WordDocument", ".doc"),
                ("Workbook", ".xls"),
                ("Book", ".xls"),
                ("PowerPoint Document", ".ppt"),
            ):
                if container.exists(stream):
                    return Attachment(stem + suffix, data)
    except Exception:  # noqa: BLE001 - olefile raises anything on a damaged container
        return Attachment(name, None, _DAMAGED_OBJECT)
    return Attachment(name, None, _OTHER_OBJECT)


def _file_of(container: Any, folder: str, name: str) -> Attachment | None:
    """The file that an OLE object holds as a file."""
    for stream in ("Package", "CONTENTS"):
        if container.exists(folder + stream):
            return Attachment(name, container.openstream(folder + stream).read())
    if container.exists(folder + _OLE_NATIVE):
        return _native(container.openstream(folder + _OLE_NATIVE).read(), name)
    return None


def _native(data: bytes, stem: str) -> Attachment:
    """The packager's form: size, kind, label, source path, kind, temporary path, then the file."""
    at = 6
    label, at = _c_string(data, at)
    _, at = _c_string(data, at)
    at += 4
    length = int.from_bytes(data[at : at + 4], "little")
    at += 4 + length
    size = int.from_bytes(data[at : at + 4], "little")
    found = data[at + 4 : at + 4 + size]
    name = label.replace("\\", "/").rpartition("/")[2] or stem
    if not found or len(found) != size:
        return Attachment(name, None, "is a damaged embedded object; save it as a file of its own")
    return Attachment(name, found)


def _c_string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("cp1252", errors="replace"), end + 1
