"""The zip package that Word, Excel and PowerPoint files are: parts, and what each refers to.

Nothing outside the file is ever fetched and no entity is expanded. A part that is not well-formed is read
as far as it goes and named in `damaged`. Files in the strict variant of the format come out in the
namespaces of the usual one. This module knows nothing of what the parts say.
"""

from __future__ import annotations

import io
import posixpath
import re
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import unquote

from lxml import etree

from ingest.readers.base import Unreadable

_MAX_PART = 256 << 20
_MAX_UNPACKED = 1 << 30
_MOST_TIMES, _LARGE_PART = 200, 16 << 20
"""Unpacked over packed, for a part larger than the second: text of a person stays far below."""
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_ENTITIES = "defines XML entities, which Office never writes and which can do harm; save it again"
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What a damaged member raises; a RuntimeError is a member with a password."""
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Relation:
    """What one part refers to."""

    kind: str
    """The last word of its type, as in `image`."""
    target: str
    """The name of a part, or an address when it is external."""
    external: bool


class Package:
    """An opened file.

    Raises:
        Unreadable: it is no zip file, or unpacks to more than a gibibyte.
    """

    def __init__(self, stream: BinaryIO, *, what: str) -> None:
        self._what = what
        # Parts are read for as long as someone holds the package, and no longer.
        weakref.finalize(self, stream.close)
        self.damaged: set[str] = set()
        """Parts that could not be read, or not to their end."""
        try:
            self._archive = zipfile.ZipFile(stream)
            entries = self._archive.infolist()
        except _BROKEN as error:
            raise Unreadable(f"is not {what} that we can open; save it again") from error
        if sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
            raise Unreadable("unpacks to more than a gibibyte; save it again without its pictures")
        # Some programs write backslashes or another case than the references have.
        self._entries = {entry.filename.replace("\\", "/").lstrip("/").lower(): entry for entry in entries}
        self.names = tuple(self._entries)
        """Of all parts, in lower case."""

    def _entry(self, name: str) -> zipfile.ZipInfo | None:
        entry = self._entries.get(name.lower())
        if entry and entry.file_size > max(_LARGE_PART, _MOST_TIMES * entry.compress_size):
            raise Unreadable(
                f"holds a part that unpacks to more than {_MOST_TIMES} times its size; save it again"
            )
        return entry

    def part(self, name: str) -> bytes | None:
        """The bytes of a part; None when it is not there or cannot be unpacked."""
        entry = self._entry(name)
        if entry is None:
            return None
        try:
            with self._archive.open(entry) as member:
                data = member.read(_MAX_PART + 1)
        except _BROKEN:
            self.damaged.add(name)
            return None
        if len(data) > _MAX_PART:
            raise Unreadable("holds a part of more than 256 MiB; split the document")
        return data

    def xml(self, name: str) -> Any:
        """The root element of a part; None when there is none."""
        data = self.part(name)
        if not data:
            return None
        if b"http://purl.oclc.org/ooxml/" in data:
            data = _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", data)
        try:
            root = etree.fromstring(data, _parser())
        except etree.XMLSyntaxError:
            if b"<!DOCTYPE" in data[:_CHUNK]:
                raise Unreadable(_ENTITIES) from None
            self.damaged.add(name)
            try:
                root = etree.fromstring(data, _parser(recover=True))
            except etree.XMLSyntaxError:
                return None
        if root is not None and root.getroottree().docinfo.doctype:
            raise Unreadable(_ENTITIES)
        return root

    def elements(self, name: str, *tags: str) -> Iterator[Any]:
        """The elements of a part that have one of these local names, as they end; each is emptied after use.

        Memory stays flat however long the part is.
        """
        entry = self._entry(name)
        if entry is None:
            return
        try:
            with self._archive.open(entry) as member:
                begin = member.read(_CHUNK)
                if b"<!DOCTYPE" in begin:
                    raise Unreadable(_ENTITIES)
                parsed = etree.iterparse(
                    _Rejoined(begin, member, _MAX_UNPACKED),
                    events=("end",),
                    tag=[f"{{*}}{tag}" for tag in tags],
                    resolve_entities=False,
                    no_network=True,
                    load_dtd=False,
                    huge_tree=False,
                )
                for _, element in parsed:
                    yield element
                    element.clear(keep_tail=True)
                    while element.getprevious() is not None:
                        del element.getparent()[0]
        except (etree.XMLSyntaxError, *_BROKEN):
            self.damaged.add(name)

    def relations(self, name: str) -> dict[str, Relation]:
        """What a part refers to, by id; the empty name is the whole file."""
        folder, file = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{file}.rels"))
        found = {}
        for one in root.iter(_RELATIONS) if root is not None else ():
            external = one.get("TargetMode") == "External"
            target = one.get("Target", "")
            if not external:
                path = unquote(target.replace("\\", "/"))
                target = path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path)
                target = posixpath.normpath(target)
            found[one.get("Id", "")] = Relation(one.get("Type", "").rpartition("/")[2], target, external)
        return found

    def main_part(self, usual: str) -> str:
        """The name of the part that the file begins with.

        Raises:
            Unreadable: it has none.
        """
        for relation in self.relations("").values():
            if relation.kind == "officeDocument" and relation.target.lower() in self._entries:
                return relation.target
        if usual in self._entries:
            return usual
        raise Unreadable(f"is not {self._what} that we can open; save it again")

    def title(self) -> str | None:
        """What the file's properties call it."""
        for relation in self.relations("").values():
            if relation.kind == "core-properties" and (root := self.xml(relation.target)) is not None:
                return (root.findtext(_DC_TITLE) or "").strip() or None
        return None

    def size(self, name: str) -> int:
        """Bytes of a part, unpacked; 0 when it is not there."""
        entry = self._entries.get(name.lower())
        return entry.file_size if entry else 0


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were already taken; it ends with an error after `limit` bytes."""

    def __init__(self, begin: bytes, rest: Any, limit: int) -> None:
        self._begin, self._rest, self._left = begin, rest, limit

    def read(self, size: int = -1) -> bytes:
        if self._begin:
            data, self._begin = self._begin, b""
            return data
        data = self._rest.read(_CHUNK if size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise OSError("longer than its own directory says")
        return bytes(data)


def _parser(*, recover: bool = False) -> Any:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=recover
    )


def local(element: Any) -> str:
    """An element's name without its namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def is_on(value: str | None) -> bool:
    """An attribute that means yes: present without a value counts."""
    return value is None or value.lower() not in ("0", "false", "off", "none")


def file_flags(package: Package) -> tuple[str, ...]:
    """What holds of any Office file."""
    macros = any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in package.names)
    return ("carries macros, which are never run",) if macros else ()
