"""Messages for the tests, made when they are needed."""

import struct
from email.message import EmailMessage
from pathlib import Path

HEADERS = {"From": "Ann <ann@example.com>", "To": "Bob <bob@example.com>", "Subject": "Lease of 4 Northgate"}

PLAIN_MAIL = (
    "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: =?utf-8?q?Caf=C3=A9_lease?=\r\n"
    "Date: Mon, 4 Mar 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n"
    "The rent is $10.\r\n"
)
"""A message as it travels, line ends and all."""


def mail(text=None, html=None, *, files=(), headers=None, **more) -> EmailMessage:
    """A message with its text in one or two forms and `files` of (name, bytes)."""
    message = EmailMessage()
    for name, value in {**HEADERS, **(headers or {}), **more}.items():
        message[name] = value
    if text is not None:
        message.set_content(text)
    if html is not None:
        if text is None:
            message.set_content(html, subtype="html")
        else:
            message.add_alternative(html, subtype="html")
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message


def msg(path: Path, tree: dict) -> Path:
    """An OLE file of nested folders and streams: `{"name": bytes or a folder}`. Streams fill up with NULs.

    Short streams would have to live in a second table; filled up, none is short.
    """
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    entries: list[list] = [["Root Entry", 5, free, end, 0, free]]
    body: list[bytes] = []
    chains: list[int] = []

    def add(tree: dict) -> int:
        first, last = free, None
        for name, content in tree.items():
            number = len(entries)
            entries.append([name, 1 if isinstance(content, dict) else 2, free, 0, 0, free])
            if last is None:
                first = number
            else:
                entries[last][5] = number
            last = number
            if isinstance(content, dict):
                entries[number][2] = add(content)
                continue
            data = content.ljust(4096, b"\0")
            data = data.ljust(-(-len(data) // sector) * sector, b"\0")
            entries[number][3:5] = [len(body), max(len(content), 4096)]
            pieces = [data[at : at + sector] for at in range(0, len(data), sector)]
            chains.extend([*range(len(body) + 1, len(body) + len(pieces)), end])
            body.extend(pieces)
        return first

    entries[0][2] = add(tree)
    listed = b""
    for name, kind, child, start, size, right in entries:
        coded = name.encode("utf-16-le") + b"\0\0"
        listed += coded.ljust(64, b"\0") + struct.pack("<HBBIII", len(coded), kind, 1, free, right, child)
        listed += b"\0" * 36 + struct.pack("<IQ", start, size)
    listed = listed.ljust(-(-len(listed) // sector) * sector, b"\0")
    directory = len(body)
    pieces = [listed[at : at + sector] for at in range(0, len(listed), sector)]
    chains.extend([*range(directory + 1, directory + len(pieces)), end])
    body.extend(pieces)
    tables = -(-(len(body) + 8) // 128)
    fat = chains + [0xFFFFFFFD] * tables
    fat += [free] * (tables * 128 - len(fat))
    numbers = list(range(len(body), len(body) + tables))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += b"\0" * 6 + struct.pack("<IIIIIIIII", 0, tables, directory, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", *numbers, *[free] * (109 - tables))
    path.write_bytes(header + b"".join(body) + struct.pack(f"<{len(fat)}I", *fat))
    return path


def msg_text(number: int, text: str) -> dict:
    """A text property of an Outlook message."""
    return {f"__substg1.0_{number:04X}001F": text.encode("utf-16-le")}


def msg_properties(header: int, values: dict[int, int] | None = None) -> dict:
    """The fixed properties of a message (`header` 32), one inside another (24), or a part of it (8)."""
    rows = [struct.pack("<HHIQ", 3, number, 6, value) for number, value in (values or {}).items()]
    return {"__properties_version1.0": b"\0" * header + b"".join(rows)}


def tnef(*attributes: bytes) -> bytes:
    """A `winmail.dat` of attributes."""
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def tnef_attribute(number: int, data: bytes, *, level: int = 1) -> bytes:
    """An attribute with its check sum; those of files are on level 2."""
    return struct.pack("<BII", level, number, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def tnef_text(number: int, text: bytes, *, level: int = 1) -> bytes:
    """An attribute that is text of eight bits."""
    return tnef_attribute(number, text + b"\0", level=level)


def tnef_properties(values: dict[int, str | bytes | int]) -> bytes:
    """A list of Outlook's properties: texts in Unicode, bytes, and whole numbers."""
    out = struct.pack("<I", len(values))
    for number, value in values.items():
        if isinstance(value, int):
            out += struct.pack("<HHi", 0x03, number, value)
            continue
        data = f"{value}\0".encode("utf-16-le") if isinstance(value, str) else value
        out += struct.pack("<HHII", 0x1F if isinstance(value, str) else 0x102, number, 1, len(data))
        out += data + bytes(-len(data) % 4)
    return out
