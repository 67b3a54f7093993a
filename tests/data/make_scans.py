"""Pictures of pages for the tests: drawn with the fonts that reportlab and the machine bring, then spoilt."""

import io
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageFilter
from reportlab.lib.pagesizes import letter
from reportlab.pdfgen import canvas

CLAUSES = (
    "SUPPLY AGREEMENT",
    "This Agreement is made on 14 February 2023 between Harrow Mills Limited and Oakden Inc.",
    "4.2 The Supplier shall deliver the Goods within forty-five (45) days after each Order.",
    "4.3 Title passes on payment; risk passes on delivery to the Buyer's warehouse.",
    "9.1 The aggregate liability of either party shall not exceed $1,250,000 in any year.",
    "9.2 Nothing in this Agreement limits liability for fraud or wilful misconduct.",
    "12.4 Notices must be in writing and are deemed received on the second business day.",
)
TABLE = (
    ("(in thousands)", "2023", "2022"),
    ("Net sales", "$ 184,302", "$ 171,996"),
    ("Cost of sales", "(97,415)", "(92,108)"),
    ("Impairment", "\N{EM DASH}", "(3,761)"),
    ("Interest income", "308", "\N{EM DASH}"),
    ("Net income", "$ 41,077", "$ 36,250"),
)
LEFT = (
    "The tenant shall keep the premises",
    "in good and substantial repair and",
    "shall not without the consent of the",
    "landlord make any alteration to the",
    "structure or the exterior of any part",
    "of the building that it occupies now.",
)
RIGHT = (
    "The landlord shall insure the whole",
    "building against fire and flood and",
    "shall on request show to the tenant",
    "evidence of the terms of the policy",
    "and a receipt for the last premium",
    "that was paid to the insurer for it.",
)


def drawn(draw, *, size=letter, dpi=150) -> Image.Image:
    """A page as `draw(canvas)` draws it, scanned at a resolution."""
    out = io.BytesIO()
    sheet = canvas.Canvas(out, pagesize=size)
    draw(sheet)
    sheet.showPage()
    sheet.save()
    return pdfium.PdfDocument(out.getvalue())[0].render(scale=dpi / 72).to_pil().convert("RGB")


def contract(*, font="Times-Roman", points=11, **how) -> Image.Image:
    """A page of `CLAUSES`."""

    def draw(sheet):
        sheet.setFont(font, points)
        for n, line in enumerate(CLAUSES):
            sheet.drawString(60, 700 - 2.2 * points * n, line)

    return drawn(draw, **how)


def table(*, font="Helvetica", points=10, **how) -> Image.Image:
    """A page with `TABLE`, figures flush right, dot leaders after the labels."""

    def draw(sheet):
        sheet.setFont(font, points)
        for n, (label, *figures) in enumerate(TABLE):
            y = 700 - 1.8 * points * n
            sheet.drawString(60, y, label + (" " + ". " * 20 if n else ""))
            for x, figure in zip((420, 540), figures, strict=True):
                sheet.drawRightString(x, y, figure)

    return drawn(draw, **how)


def columns(**how) -> Image.Image:
    """A page with a heading over two columns of prose, `LEFT` and `RIGHT`."""

    def draw(sheet):
        sheet.setFont("Times-Bold", 14)
        sheet.drawString(220, 740, "REPAIR AND INSURANCE")
        sheet.setFont("Times-Roman", 12)
        for x, lines in ((60, LEFT), (330, RIGHT)):
            for n, line in enumerate(lines):
                sheet.drawString(x, 700 - 16 * n, line)

    return drawn(draw, **how)


def spoilt(page: Image.Image, *, degrees=0.0, noise=0, blur=0.0, faded=1.0, seed=5) -> Image.Image:
    """A bad scan: askew, grainy (standard deviation in levels), out of focus, with little contrast."""
    if degrees:
        page = page.rotate(degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC)
    if blur:
        page = page.filter(ImageFilter.GaussianBlur(blur))
    levels = 255 - (255 - np.asarray(page, np.float32)) * faded
    if noise:
        levels = levels + np.random.default_rng(seed).normal(0, noise, levels.shape)
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def tiff(path: Path, frames, **how) -> Path:
    """A TIFF of several pages."""
    first, *more = frames
    first.save(path, "TIFF", save_all=True, append_images=more, **how)
    return path
