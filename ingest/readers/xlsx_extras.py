"""What a workbook keeps beside a sheet's cells: comments, tables, drawings, page headers and footers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ingest.readers.ooxml import Package, Relation, local
from ingest.readers.ooxml_drawings import alt_text, chart_lines, paragraphs
from ingest.readers.sheets import position

_THREAD = "[Threaded comment]"
_MARGIN_CODE = re.compile(r'&(?:"[^"]*"|K[0-9A-Fa-f]{6}|\d{1,3}|[LCRPNDTGFAZBIUESXYHO+-])')
Area = tuple[int, int, int, int]
"""First row, first column, last row, last column."""


def comments(
    package: Package, relations: Mapping[str, Relation], of_workbook: Mapping[str, Relation]
) -> dict[int, list[str]]:
    """Lines that tell the comments, by the row that they belong to."""
    found: dict[int, list[str]] = {}
    people = {
        one.get("id", ""): one.get("displayName", "")
        for part in _targets(of_workbook, "person")
        for one in _all(package.xml(part), "person")
    }
    threaded = set()
    for part in _targets(relations, "threadedComment"):
        for one in _all(package.xml(part), "threadedComment"):
            threaded.add(one.get("ref", ""))
            words = " ".join("".join(text.text or "" for text in _all(one, "text")).split())
            _put(found, one.get("ref", ""), people.get(one.get("personId", ""), ""), words)
    for part in _targets(relations, "comments"):
        root = package.xml(part)
        authors = [one.text or "" for one in _all(root, "author")]
        for one in _all(root, "comment"):
            words = " ".join("".join(text.text or "" for text in _all(one, "t")).split())
            if one.get("ref", "") in threaded and words.startswith(_THREAD):
                continue
            number = one.get("authorId", "")
            author = authors[int(number)] if number.isdigit() and int(number) < len(authors) else ""
            _put(found, one.get("ref", ""), author, words)
    return found


def tables(package: Package, relations: Mapping[str, Relation]) -> Iterator[tuple[str, Area]]:
    """The defined tables of a sheet: name and area."""
    for part in _targets(relations, "table"):
        root = package.xml(part)
        if root is None:
            continue
        first, _, last = root.get("ref", "").partition(":")
        start, end = position(first), position(last or first)
        if start and end:
            yield root.get("displayName", ""), (*start, *end)


def drawing_lines(package: Package, part: str, *, with_values: bool) -> Iterator[str]:
    """Charts, text boxes and pictures with a description, in the order of the drawing."""
    root = package.xml(part)
    if root is None:
        return
    relations = package.relations(part)
    for one in root.iter():
        name = local(one)
        if name == "txBody" and (words := " ".join(" ".join(paragraphs(one)).split())):
            yield f"[text box: {words}]"
        elif name == "chart":
            ids = [value for key, value in one.attrib.items() if key.endswith("}id")]
            relation = relations.get(ids[0]) if ids else None
            chart = package.xml(relation.target) if relation else None
            if chart is not None:
                yield from chart_lines(chart, with_values=with_values)
        elif name == "cNvPr" and local(one.getparent()) == "nvPicPr" and (words := alt_text(one)):
            yield f"[picture: {words}]"


def margin_lines(element: Any) -> Iterator[str]:
    """What stands above and below the sheet when it is printed, without page numbers and dates."""
    for child in element:
        name = local(child)
        words = " ".join(_MARGIN_CODE.sub(" ", (child.text or "").replace("&&", "&\0")).split())
        words = words.replace("&\0", "&")
        if words and any(one.isalpha() for one in words) and name.endswith(("Header", "Footer")):
            yield f"[page {name[-6:].lower()}] {words}"


def _put(found: dict[int, list[str]], ref: str, author: str, words: str) -> None:
    if words and (where := position(ref)):
        # A note that Excel made begins with its author's name.
        words = words.removeprefix(f"{author}: ")
        by = f" by {author}" if author else ""
        found.setdefault(where[0], []).append(f"[comment on {ref}{by}] {words}")


def _targets(relations: Mapping[str, Relation], kind: str) -> list[str]:
    return [one.target for one in relations.values() if one.kind == kind and not one.external]


def _all(root: Any, name: str) -> Iterator[Any]:
    return (one for one in root.iter() if local(one) == name) if root is not None else iter(())
