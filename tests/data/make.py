"""Small documents for the tests, made when they are needed: no binary file lies in the repository."""

import io
import zipfile
from pathlib import Path

from docx import Document
from docx.enum.text import WD_BREAK
from PIL import Image
from reportlab.lib.pagesizes import letter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

LEASE = (
    ("LEASE AGREEMENT", "1. Premises. The Landlord lets the Premises at 4 Northgate to the Tenant."),
    ("2. Term", "2.1 The term is five (5) years and begins on 1 March 2024."),
    ("3. Rent", "3.1 The annual rent is $120,000, payable monthly in advance."),
)
"""Pages of lines: what `lease_pdf` prints."""


def pdf(path: Path, pages, *, title=None, encrypt=None) -> Path:
    """A PDF of one or more lines a page; `None` is a blank page and `"scan"` a page that is a picture."""
    sheet = canvas.Canvas(str(path), pagesize=letter, encrypt=encrypt)
    if title:
        sheet.setTitle(title)
    for lines in pages:
        if lines == "scan":
            picture = io.BytesIO()
            Image.new("L", (200, 260), 200).save(picture, "PNG")
            picture.seek(0)
            sheet.drawImage(ImageReader(picture), 0, 0, *letter)
        for n, line in enumerate(lines if lines and lines != "scan" else ()):
            sheet.drawString(72, 720 - 24 * n, line)
        sheet.showPage()
    sheet.save()
    return path


def lease_pdf(path: Path) -> Path:
    """Three pages of a lease."""
    return pdf(path, LEASE, title="Lease of 4 Northgate")


def docx(path: Path) -> Path:
    """A Word file with headings, a table, a page break, a header and tracked changes."""
    document = Document()
    document.sections[0].header.paragraphs[0].text = "Draft of 3 May"
    document.add_heading("Term", level=1)
    document.add_paragraph("The term is five years.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (c for row in table.rows for c in row.cells), ("Year", "Rent", "1", "$10"), strict=True
    ):
        cell.text = text
    document.add_paragraph("After the table.").add_run().add_break(WD_BREAK.PAGE)
    document.add_paragraph("On the second page.")
    document.core_properties.title = "Heads of terms"
    document.save(str(path))
    return path


def archive(path: Path, members) -> Path:
    """A zip file of names and bytes, the names as given, however bad."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            made.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path
