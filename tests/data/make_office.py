"""Small Office files for the tests, written part by part so that any of them can be wrong or odd."""

import io
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_NAMES = (
    f'xmlns:w="{W}" xmlns:r="{R}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" '
    'xmlns:v="urn:schemas-microsoft-com:vml" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
)


def package(path: Path, parts) -> Path:
    """A zip package of names and texts or bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return path


def relations(*targets) -> str:
    """A relations part of kinds and targets: `rId1`, `rId2` and so on."""
    made = "".join(
        f'<Relationship Id="rId{n}" Type="{R}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_RELS}">{made}</Relationships>'


def run(text: str, properties: str = "") -> str:
    """A run of text with its properties as XML."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def paragraph(content: str, properties: str = "") -> str:
    """A paragraph of XML; plain text goes through `run`."""
    return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"


def table(*rows) -> str:
    """A table of rows of cells, each the XML of its paragraphs."""
    made = "".join("<w:tr>" + "".join(f"<w:tc>{cell}</w:tc>" for cell in row) + "</w:tr>" for row in rows)
    return f"<w:tbl>{made}</w:tbl>"


def docx(path: Path, body: str, *, extra=(), parts=None) -> Path:
    """A Word file with this body; `extra` lists further parts by kind, as in `("footnotes", xml)`."""
    files = {
        "_rels/.rels": relations(("officeDocument", "word/document.xml")),
        "word/document.xml": f"<w:document {_NAMES}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relations(
            *((kind, f"{kind}{n}.xml") for n, (kind, _) in enumerate(extra))
        ),
    }
    for n, (kind, content) in enumerate(extra):
        root = {"header": "hdr", "footer": "ftr"}.get(kind, kind)
        files[f"word/{kind}{n}.xml"] = f"<w:{root} {_NAMES}>{content}</w:{root}>"
    return package(path, files | (parts or {}))


def numbering(*levels) -> str:
    """The inside of a numbering part: list 1 with these forms and texts, as in `("decimal", "%1.")`."""
    made = "".join(
        f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:lvlText w:val="{text}"/>'
        "</w:lvl>"
        for n, (form, text) in enumerate(levels)
    )
    return (
        f'<w:abstractNum w:abstractNumId="0">{made}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )


def in_list(level: int) -> str:
    """Paragraph properties of a paragraph in list 1."""
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>'


def slide(*shapes: str, hidden: bool = False) -> str:
    """A slide of shapes."""
    show = ' show="0"' if hidden else ""
    return f"<p:sld {_NAMES}{show}><p:cSld><p:spTree>{''.join(shapes)}</p:spTree></p:cSld></p:sld>"


def shape(text: str, *, top: int = 0, left: int = 0, kind: str = "") -> str:
    """A text frame at a place in EMU; `kind` makes it a placeholder."""
    ph = f'<p:ph type="{kind}"/>' if kind else ""
    lines = "".join(f"<a:p><a:r><a:t>{escape(line)}</a:t></a:r></a:p>" for line in text.split("\n"))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"/><p:cNvSpPr/><p:nvPr>{ph}</p:nvPr></p:nvSpPr>'
        "<p:spPr><a:xfrm>"
        f'<a:off x="{left}" y="{top}"/><a:ext cx="1000000" cy="300000"/></a:xfrm></p:spPr>'
        f"<p:txBody><a:bodyPr/>{lines}</p:txBody></p:sp>"
    )


def pptx(path: Path, slides, *, parts=None) -> Path:
    """A presentation of slides, each an XML text."""
    ids = "".join(f'<p:sldId id="{256 + n}" r:id="rId{n}"/>' for n in range(1, len(slides) + 1))
    files = {
        "_rels/.rels": relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {_NAMES}><p:sldIdLst>{ids}</p:sldIdLst>"
        '<p:sldSz cx="9144000" cy="6858000"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": relations(
            *(("slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1))
        ),
    }
    files |= {f"ppt/slides/slide{n}.xml": content for n, content in enumerate(slides, 1)}
    return package(path, files | (parts or {}))


def xlsx(path: Path, rows: str, *, strings: str = "") -> Path:
    """A workbook of one sheet from the XML of its rows and of its shared strings."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return package(
        path,
        {
            "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{R}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations(
                ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml")
            ),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData>'
            "</worksheet>",
            "xl/sharedStrings.xml": f'<sst xmlns="{main}">{strings}</sst>',
        },
    )


def locked(path: Path, password: str) -> Path:
    """The same file with a password, and with filler: what encrypts goes wrong on the smallest files."""
    from msoffcrypto.method.ecma376_agile import ECMA376Agile

    with zipfile.ZipFile(path, "a") as package_file:
        package_file.writestr("filler.bin", bytes(8192), zipfile.ZIP_STORED)
    path.write_bytes(ECMA376Agile.encrypt(password, io.BytesIO(path.read_bytes())))
    return path


def with_parts(path: Path, change) -> Path:
    """A package whose parts went through `change(name, data)`; None leaves one out."""
    with zipfile.ZipFile(path) as package_file:
        found = {name: package_file.read(name) for name in package_file.namelist()}
    changed = {name: change(name, data) for name, data in found.items()}
    return package(path, {name: data for name, data in changed.items() if data is not None})
