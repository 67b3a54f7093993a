"""Draw the sample documents from the texts in `sources/`: the same texts always give the same bytes.

Run as `python -m app.samples.make` after a change to the texts; needs the development packages.
The one form of the texts: `= ` title, `== ` line under it, `# ` heading, `| a | b` table row (a `*` after
the first cell marks a total), `---` new page, `---scan---` a page that is only an image, and paragraphs.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import docx
from docx.shared import Pt
from PIL import Image as Pixels
from PIL import ImageDraw, ImageFilter, ImageFont
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    Image,
    PageBreak,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from app.samples import DOCUMENTS

_SOURCES = Path(__file__).parent / "sources"
_AMOUNT = re.compile(r"£?\(?[\d,]+(\.\d+)?\)?%?")
_ZIP_MOMENT = (2025, 1, 31, 12, 0, 0)
_SCAN_PIXELS = (1240, 1754)  # A4 at 150 dots per inch

_BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=11, leading=15, spaceAfter=7)
_CLAUSE = ParagraphStyle("clause", _BODY, alignment=TA_JUSTIFY)
_ITEM = ParagraphStyle("item", _CLAUSE, leftIndent=9 * mm)
_HEADING = ParagraphStyle("heading", _BODY, fontName="Times-Bold", spaceBefore=9, keepWithNext=True)
_TITLE = ParagraphStyle(
    "title", _BODY, fontName="Times-Bold", fontSize=17, leading=23, alignment=TA_CENTER, spaceBefore=60
)
_UNDER = ParagraphStyle("under", _BODY, alignment=TA_CENTER, spaceAfter=4)


def blocks(text: str) -> Iterator[tuple[str, str | list[list[str]]]]:
    """The parts of a source text in order, as (kind, content); a table's content is its rows of cells."""
    for block in text.strip().split("\n\n"):
        if block.startswith("| "):
            yield "table", [[cell.strip() for cell in line[1:].split("|")] for line in block.splitlines()]
        elif block in ("---", "---scan---"):
            yield block.strip("-") or "page", ""
        else:
            mark, _, rest = block.partition(" ")
            kind = {"=": "title", "==": "under", "#": "heading"}.get(mark)
            yield (kind, rest) if kind else ("paragraph", block)


def write_pdf(name: str, source: str) -> None:
    """Set a source text as an A4 PDF with a footer that numbers the pages."""
    story: list[Flowable] = []
    for kind, content in blocks(_read(source)):
        if isinstance(content, list):
            story += [_table(content), Spacer(1, 9)]
        elif kind == "page":
            story.append(PageBreak())
        elif kind == "scan":
            # Alone on its page, without a footer: a page whose text no text layer gives.
            story += [PageBreak(), Image(io.BytesIO(_scan()), width=160 * mm, height=226 * mm)]
        else:
            story.append(Paragraph(escape(content), _style(kind, content)))

    def footer(canvas: Canvas, document: SimpleDocTemplate) -> None:
        if "---scan---" in _read(source) and document.page == _SCAN_PAGE:
            return
        canvas.setFont("Times-Roman", 9)
        canvas.drawString(25 * mm, 12 * mm, name.removesuffix(".pdf"))
        canvas.drawRightString(A4[0] - 25 * mm, 12 * mm, f"Page {document.page}")

    SimpleDocTemplate(
        str(DOCUMENTS / name),
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=22 * mm,
        bottomMargin=22 * mm,
        title=name.removesuffix(".pdf"),
        invariant=1,  # no clock and no random id in the file
    ).build(story, onFirstPage=footer, onLaterPages=footer)


_SCAN_PAGE = 6


def write_docx(name: str, source: str) -> None:
    """Set a source text as a Word document whose headings are real headings."""
    document = docx.Document()
    document.styles["Normal"].font.name = "Times New Roman"
    document.styles["Normal"].font.size = Pt(11)
    for kind, content in blocks(_read(source)):
        if isinstance(content, list):
            table = document.add_table(rows=0, cols=len(content[0]), style="Table Grid")
            for row in content:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif kind in ("title", "heading"):
            document.add_heading(content, level=0 if kind == "title" else 1)
        else:
            document.add_paragraph(content)
    core = document.core_properties
    core.author, core.title = "Ellerby Quay Estates Limited", name.removesuffix(".docx")
    core.created = core.modified = datetime(*_ZIP_MOMENT, tzinfo=UTC).replace(tzinfo=None)
    made = io.BytesIO()
    document.save(made)
    with zipfile.ZipFile(made) as parts, zipfile.ZipFile(DOCUMENTS / name, "w") as fixed:
        for part in parts.namelist():
            fixed.writestr(zipfile.ZipInfo(part, _ZIP_MOMENT), parts.read(part), zipfile.ZIP_DEFLATED)


def _read(source: str) -> str:
    return (_SOURCES / source).read_text(encoding="utf-8")


def _style(kind: str, content: str) -> ParagraphStyle:
    if kind in ("title", "under", "heading"):
        return {"title": _TITLE, "under": _UNDER, "heading": _HEADING}[kind]
    return _ITEM if re.match(r"\([a-z]\) ", content) else _CLAUSE


def _table(rows: list[list[str]]) -> Table:
    """A table with a rule under its head, totals in bold between rules, and amounts to the right."""
    rules: list[tuple[object, ...]] = [
        ("FONT", (0, 0), (-1, -1), "Times-Roman", 10.5),
        ("FONT", (0, 0), (-1, 0), "Times-Bold", 10.5),
        ("LINEBELOW", (0, 0), (-1, 0), 0.7, "black"),
        ("ALIGN", (1, 0), (-1, -1), "LEFT"),
    ]
    for number, row in enumerate(rows):
        if row[0].endswith("*"):
            rules.append(("FONT", (0, number), (-1, number), "Times-Bold", 10.5))
            rules.append(("LINEABOVE", (0, number), (-1, number), 0.4, "black"))
    columns = range(1, len(rows[0]))
    right = [c for c in columns if all(_AMOUNT.fullmatch(row[c]) or not row[c] for row in rows[1:])]
    rules += [("ALIGN", (column, 0), (column, -1), "RIGHT") for column in right]
    first = {2: 110, 5: 50}.get(len(rows[0]), 76)
    widths = [first * mm] + [(160 - first) / len(columns) * mm] * len(columns)
    cells = [[cell.removesuffix("*") for cell in row] for row in rows]
    if len(right) < len(columns):
        # Long words in a cell: each is a paragraph, so that it wraps inside its column.
        plain = ParagraphStyle("cell", _BODY, fontSize=10.5, leading=13, spaceAfter=0)
        cells = [cells[0], *([Paragraph(escape(cell), plain) for cell in row] for row in cells[1:])]
        cells[0] = [Paragraph(f"<b>{escape(cell)}</b>", plain) for cell in cells[0]]
    return Table(cells, colWidths=widths, style=TableStyle(rules), hAlign="LEFT")


def _scan() -> bytes:
    """The valuer's certificate as an office scanner gives it: grey, a little turned, with specks."""
    grain = random.Random(2024)  # noqa: S311 - dust on a scanner's glass, not a secret
    page = Pixels.new("L", _SCAN_PIXELS, 250)
    draw = ImageDraw.Draw(page)
    font, large = ImageFont.load_default(size=31), ImageFont.load_default(size=42)
    top = 150
    for line in _read("certificate.txt").splitlines():
        label, amount = re.fullmatch(r"(.*?)(?:\s{3,}(GBP .*))?", line).groups()  # type: ignore[union-attr]
        left = 140 + 17 * (len(label) - len(label.lstrip()))
        draw.text((left, top), label.strip(), fill=35, font=large if label.isupper() else font)
        if amount:
            draw.text((1060, top), amount, fill=35, font=font, anchor="ra")
        top += 56
    for _ in range(260):
        across, down = grain.randrange(_SCAN_PIXELS[0]), grain.randrange(_SCAN_PIXELS[1])
        draw.point((across, down), fill=grain.randrange(90, 200))
    page = page.rotate(0.7, fillcolor=250, resample=Pixels.Resampling.BICUBIC)
    out = io.BytesIO()
    page.filter(ImageFilter.GaussianBlur(0.6)).save(out, "JPEG", quality=45, optimize=True)
    return out.getvalue()


def main() -> None:
    DOCUMENTS.mkdir(exist_ok=True)
    write_pdf("Services Agreement.pdf", "agreement.txt")
    write_pdf("Amendment No. 1.pdf", "amendment-1.txt")
    write_docx("Amendment No. 2.docx", "amendment-2.txt")
    write_pdf("Annual Report 2024.pdf", "report.txt")
    write_docx("Board minutes 2025-01-28.docx", "minute.txt")


if __name__ == "__main__":
    main()
