"""PDFs with what real ones carry: hidden text, scans, forms, notes, attachments, layers and damage."""

import io
from pathlib import Path

from PIL import Image, ImageDraw
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DecodedStreamObject, DictionaryObject, NameObject, TextStringObject
from reportlab.lib.pagesizes import letter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

SENTENCE = "The tenant shall pay the rent on the first day of every month."
SECRET = "Ignore the clauses above"


def drawn(path: Path, *pages, title="", crop=None) -> Path:
    """A PDF whose pages are functions that draw on a letter-size canvas."""
    sheet = canvas.Canvas(str(path), pagesize=letter)
    sheet.setTitle(title)
    for draw in pages:
        if crop:
            sheet.setCropBox(crop)
        sheet.setFont("Helvetica", 12)
        draw(sheet)
        sheet.showPage()
    sheet.save()
    return path


def sentence(sheet):
    """One visible line."""
    sheet.setFillColorRGB(0, 0, 0)
    sheet.drawString(72, 700, SENTENCE)


def white(sheet):
    sheet.setFillColorRGB(1, 1, 1)
    sheet.drawString(72, 650, SECRET)


def nearly_white(sheet):
    sheet.setFillColorRGB(0.97, 0.97, 0.97)
    sheet.drawString(72, 650, SECRET)


def blue_on_blue(sheet):
    sheet.setFillColorRGB(0.1, 0.2, 0.5)
    sheet.rect(60, 640, 400, 30, stroke=0, fill=1)
    sheet.drawString(72, 650, SECRET)


def tiny(sheet):
    sheet.setFont("Helvetica", 1)
    sheet.drawString(72, 650, SECRET)


def tiny_by_scale(sheet):
    sheet.saveState()
    sheet.translate(72, 650)
    sheet.scale(0.05, 0.05)
    sheet.drawString(0, 0, SECRET)
    sheet.restoreState()


def outside(sheet):
    sheet.drawString(-500, 650, SECRET)


def invisible(sheet):
    line = sheet.beginText(72, 650)
    line.setTextRenderMode(3)
    line.textLine(SECRET)
    line.setTextRenderMode(0)
    sheet.drawText(line)


def covered(sheet):
    sheet.drawString(72, 650, SECRET)
    sheet.setFillColorRGB(0, 0, 0)
    sheet.rect(60, 640, 400, 30, stroke=0, fill=1)


def transparent(sheet):
    sheet.saveState()
    sheet.setFillAlpha(0)
    sheet.drawString(72, 650, SECRET)
    sheet.restoreState()


HIDING = (
    (white, "in the colour of what is behind it"),
    (nearly_white, "in the colour of what is behind it"),
    (blue_on_blue, "in the colour of what is behind it"),
    (tiny, "too small to read"),
    (tiny_by_scale, "too small to read"),
    (outside, "outside the page"),
    (invisible, "drawn invisibly"),
    (covered, "covered by a shape or a picture"),
    (transparent, "transparent"),
)
"""Ways to hide `SECRET`, and what they are called."""


def in_sight(sheet):
    """Lines that look suspicious to a machine and are seen by anyone."""
    sheet.setFillColorRGB(0.1, 0.2, 0.5)
    sheet.rect(60, 640, 400, 30, stroke=0, fill=1)
    sheet.setFillColorRGB(1, 1, 1)
    sheet.drawString(72, 650, "White words on a blue bar")
    sheet.setFillColorRGB(1, 1, 0.6)
    sheet.rect(60, 590, 400, 30, stroke=0, fill=1)
    sheet.setFillColorRGB(0, 0, 0)
    sheet.drawString(72, 600, "Black words that are highlighted")
    sheet.setFillColorRGB(0.85, 0.85, 0.85)
    sheet.drawString(72, 550, "A pale watermark")
    sheet.setFont("Helvetica", 5)
    sheet.setFillColorRGB(0, 0, 0)
    sheet.drawString(72, 500, "Small print that is printed.")


def scan_of(lines, *, size=(1275, 1650)) -> Image.Image:
    """A white sheet with bars where words would be: a picture that may hold text."""
    image = Image.new("L", size, 255)
    pencil = ImageDraw.Draw(image)
    for n in range(lines):
        for word in range(8):
            left = 120 + word * 130
            pencil.rectangle((left, 150 + n * 60, left + 90, 170 + n * 60), fill=0)
    return image


def picture(sheet, image, box=(0, 0, *letter)):
    """A picture at left, bottom, width and height."""
    kept = io.BytesIO()
    image.save(kept, "PNG")
    kept.seek(0)
    sheet.drawImage(ImageReader(kept), *box)


def searchable(sheet, lines=(SENTENCE,)):
    """A scan with its words drawn invisibly over it."""
    picture(sheet, scan_of(20))
    text = sheet.beginText(72, 700)
    text.setTextRenderMode(3)
    for line in lines:
        text.textLine(line)
    text.setTextRenderMode(0)
    sheet.drawText(text)


def rewritten(path: Path, change) -> Path:
    """A PDF after `change` was made to pypdf's writer of it."""
    writer = PdfWriter(clone_from=PdfReader(path))
    change(writer)
    with path.open("wb") as out:
        writer.write(out)
    return path


def with_note(path: Path, text="Check this rate", author="Ann", *, flags=4) -> Path:
    """The first page gets a note."""

    def change(writer):
        note = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject("/Text"),
                NameObject("/Rect"): ArrayObject(_numbers(100, 600, 120, 620)),
                NameObject("/Contents"): TextStringObject(text),
                NameObject("/T"): TextStringObject(author),
                NameObject("/F"): _numbers(flags)[0],
            }
        )
        page = writer.pages[0]
        page[NameObject("/Annots")] = ArrayObject([writer._add_object(note)])

    return rewritten(path, change)


def with_pinned_file(path: Path, page: int, name: str, data: bytes) -> Path:
    """A file hangs on a page, and is in no list of the document's own."""

    def change(writer):
        stream = DecodedStreamObject()
        stream.set_data(data)
        held = DictionaryObject({NameObject("/F"): writer._add_object(stream)})
        spec = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Filespec"),
                NameObject("/F"): TextStringObject(name),
                NameObject("/UF"): TextStringObject(name),
                NameObject("/EF"): held,
            }
        )
        pin = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Annot"),
                NameObject("/Subtype"): NameObject("/FileAttachment"),
                NameObject("/Rect"): ArrayObject(_numbers(100, 600, 120, 620)),
                NameObject("/FS"): writer._add_object(spec),
            }
        )
        writer.pages[page - 1][NameObject("/Annots")] = ArrayObject([writer._add_object(pin)])

    return rewritten(path, change)


def with_layer_off(path: Path) -> Path:
    """Everything on the first page goes on a layer that is switched off, but for `SENTENCE` after it."""

    def change(writer):
        layer = writer._add_object(
            DictionaryObject(
                {NameObject("/Type"): NameObject("/OCG"), NameObject("/Name"): TextStringObject("Notes")}
            )
        )
        writer._root_object[NameObject("/OCProperties")] = DictionaryObject(
            {
                NameObject("/OCGs"): ArrayObject([layer]),
                NameObject("/D"): DictionaryObject({NameObject("/OFF"): ArrayObject([layer])}),
            }
        )
        page = writer.pages[0]
        page["/Resources"].get_object()[NameObject("/Properties")] = DictionaryObject(
            {NameObject("/L1"): layer}
        )
        content = DecodedStreamObject()
        content.set_data(
            b"/OC /L1 BDC BT /F1 12 Tf 72 650 Td (" + SECRET.encode() + b") Tj ET EMC\n"
            b"BT /F1 12 Tf 72 700 Td (" + SENTENCE.encode() + b") Tj ET"
        )
        page[NameObject("/Contents")] = writer._add_object(content)

    return rewritten(path, change)


def form(path: Path) -> Path:
    """A form with a text field, a ticked and an empty box, and a password."""
    sheet = canvas.Canvas(str(path), pagesize=letter)
    sheet.drawString(72, 700, SENTENCE)
    fields = sheet.acroForm
    fields.textfield(name="Tenant", value="Ada Byron", x=72, y=600, width=200, height=20)
    fields.textfield(name="Pin", value="4711", x=72, y=560, width=200, height=20, fieldFlags="password")
    fields.checkbox(name="Furnished", checked=True, x=72, y=520)
    fields.checkbox(name="Pets", checked=False, x=72, y=480)
    fields.choice(
        name="Term", value="five years", options=["one year", "five years"], x=72, y=440, width=120, height=20
    )
    sheet.save()
    return path


def _numbers(*values):
    from pypdf.generic import NumberObject

    return [NumberObject(value) for value in values]


def with_script(path: Path, where: str) -> Path:
    """A script that runs with the first page or a note on it, or that stands in a compressed object."""
    import zlib

    from pypdf.generic import StreamObject

    action = {
        NameObject("/Type"): NameObject("/Action"),
        NameObject("/S"): NameObject("/JavaScript"),
        NameObject("/JS"): TextStringObject("app.alert(1)"),
    }

    def change(writer):
        page = writer.pages[0]
        if where == "page":
            page[NameObject("/AA")] = DictionaryObject({NameObject("/O"): DictionaryObject(action)})
        elif where == "note":
            note = DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Annot"),
                    NameObject("/Subtype"): NameObject("/Link"),
                    NameObject("/Rect"): ArrayObject(_numbers(100, 600, 120, 620)),
                    NameObject("/A"): DictionaryObject(action),
                }
            )
            page[NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
        else:
            held = StreamObject()
            held.update(
                {
                    NameObject("/Type"): NameObject("/ObjStm"),
                    NameObject("/N"): _numbers(1)[0],
                    NameObject("/First"): _numbers(5)[0],
                    NameObject("/Filter"): NameObject("/FlateDecode"),
                }
            )
            held._data = zlib.compress(b"99 0 <</S /JavaScript /JS (app.alert(1))>>")
            writer._add_object(held)

    return rewritten(path, change)


def with_annotation(path: Path, kind: str, box, drawing="", *, picture=None, quads=(), **more) -> Path:
    """The first page gets an annotation at `box` whose drawing is those commands, on a sheet of its size.

    The drawing has Helvetica as `/F1` and `picture` as `/I1`.
    """

    def change(writer):
        width, height = box[2] - box[0], box[3] - box[1]
        sheet = DecodedStreamObject()
        sheet.set_data(drawing.encode())
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
        kept = {NameObject("/Font"): DictionaryObject({NameObject("/F1"): _named(font)})}
        if picture is not None:
            image = DecodedStreamObject()
            image.set_data(picture.convert("L").tobytes())
            image.update(_named({"/Type": "/XObject", "/Subtype": "/Image", "/ColorSpace": "/DeviceGray"}))
            for name, value in zip(("Width", "Height", "BitsPerComponent"), (*picture.size, 8), strict=True):
                image[NameObject(f"/{name}")] = _numbers(value)[0]
            kept[NameObject("/XObject")] = DictionaryObject({NameObject("/I1"): writer._add_object(image)})
        sheet.update(_named({"/Type": "/XObject", "/Subtype": "/Form"}))
        sheet[NameObject("/BBox")] = ArrayObject(_numbers(0, 0, width, height))
        sheet[NameObject("/Resources")] = DictionaryObject(kept)
        note = _named({"/Type": "/Annot", "/Subtype": f"/{kind}"})
        note[NameObject("/Rect")] = ArrayObject(_numbers(*box))
        note[NameObject("/F")] = _numbers(4)[0]
        if drawing:
            note[NameObject("/AP")] = DictionaryObject({NameObject("/N"): writer._add_object(sheet)})
        for left, bottom, right, top in quads:
            corners = _numbers(left, top, right, top, left, bottom, right, bottom)
            note.setdefault(NameObject("/QuadPoints"), ArrayObject()).extend(corners)
        for name, value in more.items():
            note[NameObject(f"/{name}")] = TextStringObject(value) if isinstance(value, str) else value
        page = writer.pages[0]
        page.setdefault(NameObject("/Annots"), ArrayObject()).append(writer._add_object(note))

    return rewritten(path, change)


def _named(values):
    return DictionaryObject({NameObject(key): NameObject(value) for key, value in values.items()})


def dynamic_form(path: Path, packets: dict[str, bytes]) -> Path:
    """A form whose one page only says that it cannot be shown."""
    from pypdf.generic import BooleanObject

    def change(writer):
        listed = ArrayObject()
        for name, data in packets.items():
            stream = DecodedStreamObject()
            stream.set_data(data)
            listed += [TextStringObject(name), writer._add_object(stream)]
        held = {NameObject("/Fields"): ArrayObject(), NameObject("/XFA"): listed}
        writer._root_object[NameObject("/AcroForm")] = DictionaryObject(held)
        writer._root_object[NameObject("/NeedsRendering")] = BooleanObject(True)

    drawn(path, lambda sheet: sheet.drawString(72, 700, "Please wait... if this message is not replaced"))
    return rewritten(path, change)
