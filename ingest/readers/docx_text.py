"""The words of a Word part in reading order, with marks where they are not simply in force.

Tracked changes read `[deleted: thirty (30)] [inserted: sixty (60)] days`, so that no term that is struck
out or only proposed can be quoted as agreed. A note's or comment's mark stands in the text and its words on
a line right after the paragraph or table row. Numbers of clauses are put where Word draws them.

A text carries signs that no Word file can hold: HARD and SOFT page breaks, `HIDDEN` with the index of a
text that does not show, `PICTURE` with that of a picture.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ingest.readers.base import STRUCK, raised
from ingest.readers.docx_changes import GONE, TRACKED, Change, changed
from ingest.readers.docx_drawings import Drawings
from ingest.readers.docx_numbering import Numbering, formatted
from ingest.readers.docx_parts import Parts
from ingest.readers.docx_styles import VAL, W, value
from ingest.readers.docx_symbols import form_field, symbol
from ingest.readers.ooxml import is_on, local
from storage.records import Hidden

HARD, SOFT, _SIGN, _PICTURE_SIGN = "\f", "\v", "\0", "\1"
HIDDEN = re.compile(f"{_SIGN}(\\d+){_SIGN}")
PICTURE = re.compile(f"{_PICTURE_SIGN}(\\d+){_PICTURE_SIGN}")
_BREAKS = re.compile(f"[{HARD}{SOFT}]")
_W14 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_PLAIN = {
    f"{W}tab": "\t",
    f"{W}ptab": "\t",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
    f"{W}lastRenderedPageBreak": SOFT,
}
_LETTERS = (f"{W}t", f"{W}delText")
_ROW_MARKS = ("ins", "del", "hidden")
_SKIPPED = frozenset(
    f"{W}{name}"
    for name in (
        *("pPr", "rPr", "sectPr", "tblPr", "tblGrid", "sdtPr", "sdtEndPr"),
        *("instrText", "delInstrText", "rt"),
    )
)
Piece = tuple[str, tuple[Change, ...], str | None]
"""Text, the changes it is part of, and how it hides."""


class WordText:
    """Reads parts of one file; notes, comments and clause numbers are counted through all of them."""

    def __init__(self, parts: Parts, *, with_hidden: bool) -> None:
        self._parts, self._with_hidden = parts, with_hidden
        self._numbering = Numbering(parts.numbering, parts.styles)
        self.drawings = Drawings(parts.package, self._box)
        self.hidden: list[Hidden] = []
        """In the order of their signs."""
        self._counts: Counter[str] = Counter()
        self._lines: list[str] = []
        self._boxes: list[str] = []
        self._told: set[str] = set()
        self._open: list[Any] = []

    def blocks(self, parent: Any) -> Iterator[str]:
        """The paragraphs and tables of an element, each with what belongs to it."""
        for child in parent:
            tag = child.tag
            if tag == f"{W}p":
                text = self._paragraph(child)
                yield "\n".join([text, *self._taken(self._lines)])
                yield from self._taken(self._boxes)
            elif tag == f"{W}tbl":
                yield from self._table(child)
            elif tag == f"{W}altChunk":
                yield self.drawings.part_of_document(child)
            elif local(child) == "AlternateContent":
                # All forms say the same; older programs show the last, newer ones may know none before it.
                said = (list(self.blocks(form)) for form in child)
                yield from next((one for one in said if any(block.strip() for block in one)), ())
            elif isinstance(tag, str) and tag not in _SKIPPED:
                # Content controls, custom XML and tracked moves wrap paragraphs.
                yield from self.blocks(child)

    def untold_comments(self) -> Iterator[str]:
        """Comments that no place in the text refers to."""
        for identity in self._parts.comments:
            if identity not in self._told:
                yield from self._comment(identity)[1]

    @staticmethod
    def _taken(lines: list[str]) -> list[str]:
        taken, lines[:] = list(lines), []
        return taken

    def _box(self, parent: Any) -> str:
        """The words of what stands apart from the text, without page breaks."""
        kept = self._lines, self._boxes
        self._lines, self._boxes = [], []
        words = [_BREAKS.sub("", block) for block in self.blocks(parent)]
        self._lines, self._boxes = kept
        return "\n".join(word for word in words if word.strip())

    def _flat(self, parent: Any) -> str:
        """The words of a note or comment, on one line."""
        return " ".join(self._box(parent).split())

    def _once(self, note: Any) -> str:
        """A note's words; none inside itself, for a note may carry its own mark."""
        if note is None or note in self._open:
            return ""
        self._open.append(note)
        words = self._flat(note)
        self._open.pop()
        return words

    # Paragraphs

    def _paragraph(self, paragraph: Any) -> str:
        properties = paragraph.find(f"{W}pPr")
        style = value(properties.find(f"{W}pStyle")) if properties is not None else None
        pieces: list[Piece] = []
        self._inline(paragraph, pieces, (), (paragraph, style or ""))
        text = self._rendered(pieces)
        lead = text[: len(text) - len(text.lstrip(HARD + SOFT))]
        text = text[len(lead) :]
        if HIDDEN.sub("", text).strip() or not HIDDEN.search(text):
            # A paragraph that shows nothing is not counted; an empty one is.
            text = self._numbering.number(properties, style or "") + text
        if self._begins_page(properties, style or ""):
            lead = HARD + lead
        return lead + text + (HARD if self._ends_section(properties) else "")

    def _begins_page(self, properties: Any, style: str) -> bool:
        direct = properties.find(f"{W}pageBreakBefore") if properties is not None else None
        if direct is not None:
            return is_on(direct.get(VAL))
        return self._parts.styles.has(style, "pageBreakBefore")

    @staticmethod
    def _ends_section(properties: Any) -> bool:
        section = properties.find(f"{W}sectPr") if properties is not None else None
        if section is None:
            return False
        # How a section begins stands in its own properties, at its end.
        later = section.xpath("following::*[local-name()='sectPr'][1]")
        kind = value(later[0].find(f"{W}type")) if later else None
        return kind not in ("continuous", "nextColumn")

    def _inline(
        self, node: Any, pieces: list[Piece], changes: tuple[Change, ...], where: tuple[Any, str]
    ) -> None:
        for child in node:
            tag = child.tag
            if not isinstance(tag, str) or tag in _SKIPPED:
                continue
            if tag == f"{W}r":
                self._run(child, pieces, changes, where)
            elif tag in TRACKED:
                change = (TRACKED[tag], child.get(f"{W}author", ""))
                self._inline(child, pieces, (*changes, change), where)
            elif tag == f"{W}sdt" and (box := child.find(f"{W}sdtPr/{_W14}checkbox")) is not None:
                checked = box.find(f"{_W14}checked")
                on = checked is not None and is_on(checked.get(f"{_W14}val"))
                pieces.append(("[x]" if on else "[ ]", changes, None))
            elif local(child) == "t":
                # Formulas keep their letters in elements of their own.
                pieces.append((child.text or "", changes, None))
            elif local(child) in ("AlternateContent", "drawing", "pict", "object"):
                self._drawn(child, pieces, changes)
            else:
                self._inline(child, pieces, changes, where)

    def _run(
        self, run: Any, pieces: list[Piece], changes: tuple[Change, ...], where: tuple[Any, str]
    ) -> None:
        properties, styles = run.find(f"{W}rPr"), self._parts.styles
        why = styles.why_hidden(properties, *where)
        is_gone, custom_mark = any(done in GONE for done, _ in changes), False
        if not is_gone and styles.is_struck(properties, where[1]):
            changes = (*changes, (STRUCK, ""))
        for child in run:
            tag = child.tag
            if not isinstance(tag, str) or tag in _SKIPPED or (custom_mark and tag in _LETTERS):
                continue
            if tag in _LETTERS:
                words = child.text or ""
                if words[:1].isdigit() and pieces and styles.is_raised(properties, where[1]):
                    words = raised(pieces[-1][0], words)
                deleted = tag == f"{W}delText" and not is_gone
                pieces.append((words, (*changes, ("deleted", "")) if deleted else changes, why))
            elif tag in _PLAIN:
                pieces.append(_break(_PLAIN[tag], changes))
            elif tag == f"{W}br":
                pieces.append(_break(HARD if child.get(f"{W}type") == "page" else "\n", changes))
            elif tag == f"{W}sym":
                pieces.append((symbol(child.get(f"{W}font", ""), child.get(f"{W}char", "")), changes, why))
            elif tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
                custom_mark = is_on(child.get(f"{W}customMarkFollows", "0"))
                mark = "".join(one.text or "" for one in run.iter(f"{W}t")).strip() if custom_mark else ""
                pieces.append((self._note(local(child), child.get(f"{W}id", ""), mark), changes, None))
            elif tag == f"{W}commentReference":
                mark, lines = self._comment(child.get(f"{W}id", ""))
                self._lines.extend(lines)
                pieces.append((mark, changes, None))
            elif tag == f"{W}fldChar":
                pieces.append((form_field(child), changes, None))
            elif local(child) in ("AlternateContent", "drawing", "pict", "object"):
                self._drawn(child, pieces, changes)
            else:
                self._inline(child, pieces, changes, where)

    def _drawn(self, node: Any, pieces: list[Piece], changes: tuple[Change, ...]) -> None:
        before = len(self.drawings.pictures)
        inline, boxes = self.drawings.words(node)
        pieces.append((inline, changes, None))
        self._boxes.extend(changed(box, self._named(changes)) for box in boxes)
        met = range(before, len(self.drawings.pictures))
        # A mark of its own: what it goes by is read later, page by page.
        pieces.extend((f"{_PICTURE_SIGN}{n}{_PICTURE_SIGN}", (), None) for n in met)

    def _note(self, kind: str, identity: str, mark: str) -> str:
        at_end = kind == "endnoteReference"
        note = (self._parts.endnotes if at_end else self._parts.footnotes).get(identity)
        if note in self._open:
            return ""
        if not mark:
            self._counts[kind] += 1
            # As Word numbers them unless told otherwise, so that the two kinds are not taken for one another.
            mark = formatted(self._counts[kind], "lowerRoman" if at_end else "decimal")
        label = f"[note {mark}]"
        self._lines.append(f"{label} {self._once(note) or '(its text is missing from the file)'}")
        return f" {label}"

    def _comment(self, identity: str) -> tuple[str, list[str]]:
        comment = self._parts.comments.get(identity)
        if comment is None:
            return "", []
        self._told.add(identity)
        self._counts["comment"] += 1
        number = self._counts["comment"]
        author = comment.get(f"{W}author", "")
        by = f" by {author}" if author else ""
        return f" [comment {number}]", [f"[comment {number}{by}] {self._once(comment)}"]

    def _rendered(self, pieces: Sequence[Piece]) -> str:
        out = []
        for (changes, why), group in groupby((one for one in pieces if one[0]), key=lambda one: one[1:]):
            text = "".join(one[0] for one in group)
            if why and text.strip():
                out.append(f"{_SIGN}{len(self.hidden)}{_SIGN}")
                self.hidden.append(Hidden(text, why))
            if not why or self._with_hidden:
                out.append(changed(text, self._named(changes)))
        return "".join(out)

    def _named(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Who made a change is told where more than one did."""
        return changes if len(self._parts.authors) > 1 else tuple((done, "") for done, _ in changes)

    # Tables

    def _table(self, table: Any) -> Iterator[str]:
        rows = [row for row in table.iter(f"{W}tr") if next(row.iterancestors(f"{W}tbl")) is table]
        cells = [
            [cell for cell in row.iter(f"{W}tc") if next(cell.iterancestors(f"{W}tr")) is row] for row in rows
        ]
        marked = any(row.find(f"{W}trPr/{W}{name}") is not None for row in rows for name in _ROW_MARKS)
        if not marked and all(len(row) == 1 for row in cells):
            # A frame around text rather than a table.
            for (cell,) in cells:
                yield from self.blocks(cell)
            return
        lines: list[str] = []
        for row, own in zip(rows, cells, strict=True):
            text = self._row(row, own, is_first=row is rows[0])
            if HIDDEN.sub("", _BREAKS.sub("", text)).strip(" |"):
                lines.append(text)
            elif signs := "".join(one[0] for one in re.finditer(f"{HIDDEN.pattern}|{_BREAKS.pattern}", text)):
                lines.append(signs)
            lines.extend(self._taken(self._lines))
            lines.extend(self._taken(self._boxes))
        yield "\n".join(lines)

    def _row(self, row: Any, cells: Sequence[Any], *, is_first: bool) -> str:
        texts, before, after = [], "", ""
        for cell in cells:
            merged = cell.find(f"{W}tcPr/{W}vMerge")
            text = self._cell(cell)
            if merged is not None and value(merged) != "restart" and not is_first:
                text = self._covered(text)
            if found := _BREAKS.search(text):
                # A row that begins a page, or one that a page ends in.
                if text[: found.start()].strip():
                    after = after or found[0]
                else:
                    before = before or found[0]
            texts.append(" ".join(_BREAKS.sub(" ", text).split()))
        line = " | ".join(texts).replace("|  |", "| |").strip()
        properties = row.find(f"{W}trPr")
        for child in properties if properties is not None else ():
            if child.tag in (f"{W}ins", f"{W}del"):
                change = (f"row {TRACKED[child.tag]}", child.get(f"{W}author", ""))
                line = changed(line, self._named((change,)))
            elif child.tag == f"{W}hidden" and is_on(child.get(VAL)):
                self.hidden.append(Hidden(HIDDEN.sub("", line), "in a hidden row of a table"))
                line = f"{_SIGN}{len(self.hidden) - 1}{_SIGN}" + (line if self._with_hidden else "")
        return before + line + after

    def _covered(self, text: str) -> str:
        """What a cell holds that is drawn as part of the one above."""
        if not HIDDEN.sub("", _BREAKS.sub("", text)).strip():
            return text
        self.hidden.append(Hidden(HIDDEN.sub("", text), "in a cell that the one above covers"))
        return f"{_SIGN}{len(self.hidden) - 1}{_SIGN}" + (text if self._with_hidden else "")

    def _cell(self, cell: Any) -> str:
        parts = []
        for child in self._cell_blocks(cell):
            if child.tag == f"{W}tbl":
                inner = "\n".join(self._table(child))
                parts.append("[" + " ; ".join(_BREAKS.sub("", inner).split("\n")) + "]")
            else:
                parts.append(self._paragraph(child))
        text = " ".join(part for part in parts if part)
        for tag, done in ((f"{W}cellIns", "inserted"), (f"{W}cellDel", "deleted")):
            if (change := cell.find(f"{W}tcPr/{tag}")) is not None:
                text = changed(text, self._named(((f"cell {done}", change.get(f"{W}author", "")),)))
        return text

    def _cell_blocks(self, node: Any) -> Iterator[Any]:
        for child in node:
            if child.tag in (f"{W}p", f"{W}tbl"):
                yield child
            elif isinstance(child.tag, str) and child.tag not in _SKIPPED:
                yield from self._cell_blocks(child)


def _break(text: str, changes: tuple[Change, ...]) -> Piece:
    # A page break is never part of a bracket, and one that was deleted breaks nothing.
    if text in (HARD, SOFT):
        return ("" if any(done in GONE for done, _ in changes) else text, (), None)
    return (text, changes, None)
