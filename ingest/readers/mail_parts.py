"""The parts of a MIME message: which are its text, which are files of their own, and what is neither.

Lenient, since mail is: a wrong charset, a missing boundary or broken base64 costs what it spoils and no more.
Nothing is fetched, no signature is checked, nothing is decrypted.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from mimetypes import guess_extension

from ingest.encodings import decoded
from ingest.readers.base import Attachment, Unreadable

_BOUNDARY = re.compile(rb"^--([^\s\"]{4,70})[ \t]*\r?\n(?:content-|mime-)", re.I | re.M)
_UUENCODED = re.compile(r"^begin [0-7]{3,4} ([^\n]+)\n((?:[ -`]{1,62}\n)+)end[ \t]*$", re.M)
_SURROGATES = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
_ENCRYPTED_INLINE = "-----BEGIN PGP MESSAGE-----"
_SIGNATURES = frozenset(
    ("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature")
)
_ENVELOPES = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_LOGO_BYTES = 20_000
"""A picture inside the text that is smaller is taken for a logo; a photographed page is larger."""
_MAX_DEPTH = 30


@dataclass(slots=True)
class Parts:
    """A message taken apart, in the order of its parts."""

    texts: list[tuple[str, str | None]] = field(default_factory=list)
    """Plain text and HTML of each piece of the body; a piece may have one or both."""
    files: list[Message] = field(default_factory=list)
    logos: int = 0
    problems: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


def parsed(data: bytes) -> Message:
    """A message from its bytes.

    Raises:
        Unreadable: its parts are nested too deeply.
    """
    try:
        message = BytesParser(policy=compat32).parsebytes(data)
        in_parts = message.get_content_maintype() == "multipart"
        # The boundary is missing, or is not the one that was announced.
        if in_parts and not message.is_multipart() and (found := _BOUNDARY.search(data)):
            message.set_boundary(found[1].decode("ascii", errors="replace"))
            message = BytesParser(policy=compat32).parsebytes(message.as_bytes())
    except RecursionError as error:
        raise Unreadable("nests its parts too deeply; save its inner messages on their own") from error
    return message


def taken_apart(message: Message) -> Parts:
    """The text pieces and files of a message, not those of messages inside it."""
    parts = Parts()
    _take(message, parts, depth=0)
    return parts


def header(message: Message, name: str) -> str | None:
    """A header as people read it: unfolded, decoded, its repetitions together; None if it is not there."""
    values = [
        _decoded_words(_raw(value)) for key, value in message.raw_items() if key.lower() == name.lower()
    ]
    return ", ".join(value for value in values if value) or None


def text_of(part: Message) -> tuple[str, tuple[str, ...]]:
    """The characters of a text part, and what a person should know of how they were had."""
    found = decoded(payload(part), _charset(part))
    return found.text.removeprefix("\ufeff").replace("\r\n", "\n"), found.flags


def payload(part: Message) -> bytes:
    """The bytes of a part, its transfer encoding undone."""
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def attachment(part: Message, number: int) -> Attachment:
    """A part as a file; a message inside the message as the `.eml` file that it is."""
    kind = part.get_content_type()
    name = _file_name(part)
    if kind == "message/rfc822":
        inner = _inner(part)
        subject = header(parsed(inner), "Subject") if inner else None
        name = name or f"{subject or f'message {number}'}.eml"
        return Attachment(name, inner) if inner else Attachment(name, None, "is empty; ask for it again")
    name = name or f"attachment {number}{guess_extension(kind) or ''}"
    if kind == "message/external-body":
        return Attachment(name, None, "is kept outside the message and is never fetched; add the file itself")
    data = payload(part)
    return Attachment(name, data) if data else Attachment(name, None, "is empty; ask for it again")


def _take(part: Message, parts: Parts, depth: int) -> None:
    kind = part.get_content_type()
    if depth > _MAX_DEPTH:
        parts.problems.append("some of its parts are nested too deeply and were not read")
    elif kind == "multipart/encrypted" or (kind in _ENVELOPES and not _is_signed_only(part)):
        parts.problems.append(
            "is encrypted: only its headers were read; open it in your mail program and save it decrypted"
        )
    elif kind in _ENVELOPES:
        parts.problems.append(
            "has its text inside a signature envelope (S/MIME), which is not opened; "
            "save it from your mail program without the signature"
        )
    elif part.is_multipart() and kind == "multipart/alternative":
        _take_alternative(part, parts, depth)
    elif part.is_multipart() and part.get_content_maintype() == "multipart":
        for inner in _children(part):
            if inner.get_content_type() in _SIGNATURES:
                parts.flags.append("is signed; the signature is not checked")
            elif inner.get_content_type() != "application/applefile":
                _take(inner, parts, depth + 1)
    elif _is_body(part):
        _take_text(part, parts)
    elif kind == "message/delivery-status" or kind == "text/rfc822-headers":
        parts.texts.append((_flattened(part), None))
    elif _is_logo(part):
        parts.logos += 1
    else:
        parts.files.append(part)


def _take_alternative(part: Message, parts: Parts, depth: int) -> None:
    """The same text in several forms: one piece, with what else lies among them."""
    inside = Parts()
    for inner in _children(part):
        _take(inner, inside, depth + 1)
    plain = "\n\n".join(text for text, html in inside.texts if html is None)
    html = "\n".join(html for _, html in inside.texts if html is not None)
    parts.texts.append((plain, html or None))
    parts.files += inside.files
    parts.logos += inside.logos
    parts.problems += inside.problems
    parts.flags += inside.flags


def _take_text(part: Message, parts: Parts) -> None:
    text, flags = text_of(part)
    parts.flags += flags
    if part.get_content_type() != "text/html":
        text = _UUENCODED.sub(lambda found: _taken_out(found, parts), text)
    if _ENCRYPTED_INLINE in text:
        parts.problems.append("has encrypted text (PGP); open it in your mail program and save it decrypted")
    if part.get_content_maintype() == "multipart":
        parts.flags.append("has no boundary between its parts: they were read as one text")
    parts.texts.append(("", text) if part.get_content_type() == "text/html" else (text, None))


def _taken_out(found: re.Match[str], parts: Parts) -> str:
    """Put a file that older programs wrote into the text where files belong, and its name in its place."""
    name = found[1].strip()
    try:
        data = b"".join(map(binascii.a2b_uu, found[2].splitlines()))
    except (binascii.Error, ValueError):
        parts.problems.append(f"holds the file {name!r} in its text, damaged; ask for it again")
        return found[0]
    file = Message()
    file["Content-Type"] = "application/octet-stream"
    file.add_header("Content-Disposition", "attachment", filename=name)
    file["Content-Transfer-Encoding"] = "base64"
    file.set_payload(base64.b64encode(data).decode("ascii"))
    parts.files.append(file)
    return f"[attached file {name}]"


def _is_body(part: Message) -> bool:
    if part.get_content_maintype() == "multipart":
        return True
    kept_apart = part.get_content_disposition() == "attachment" or _file_name(part)
    return part.get_content_type() in ("text/plain", "text/html", "text/enriched") and not kept_apart


def _is_logo(part: Message) -> bool:
    shown = part.get("Content-ID") is not None or part.get_content_disposition() == "inline"
    return part.get_content_maintype() == "image" and shown and len(payload(part)) < _LOGO_BYTES


def _is_signed_only(part: Message) -> bool:
    kind = str(part.get_param("smime-type", "")).lower()
    return kind in ("signed-data", "certs-only") or (not kind and (_file_name(part) or "").endswith(".p7s"))


def _children(part: Message) -> Iterator[Message]:
    inside = part.get_payload()
    for one in inside if isinstance(inside, list) else ():
        if isinstance(one, Message):
            yield one


def _inner(part: Message) -> bytes:
    inner = next(_children(part), None)
    if inner is None:
        return payload(part)
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() == "base64" and not inner.keys():
        # Against the standard, and sent all the same.
        packed = Message()
        packed["Content-Transfer-Encoding"] = "base64"
        packed.set_payload(inner.get_payload())
        return payload(packed)
    try:
        return inner.as_bytes()
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
        # The generator is stricter than the parser; without its own form the message is still its text.
        return b""


def _flattened(part: Message) -> str:
    blocks = list(_children(part)) or [part]
    lines = [[f"{key}: {_decoded_words(_raw(value))}" for key, value in one.raw_items()] for one in blocks]
    return "\n\n".join("\n".join(block) for block in lines)


def _charset(part: Message) -> str | None:
    named = part.get_param("charset")
    if isinstance(named, tuple):
        named = named[2]
    # `charset="UTF-8"Content-Transfer-Encoding: 8bit` and the like: a line break was lost.
    found = re.match(r"[\s\"']*([A-Za-z0-9._:-]+)", str(named)) if named else None
    return found[1] if found else None


def _file_name(part: Message) -> str | None:
    for key, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        value = part.get_param(parameter, header=key)
        if isinstance(value, tuple):
            charset, _, coded = value
            value = decoded(str(coded).encode("latin-1", errors="replace"), charset).text
        if value:
            name = _decoded_words(_raw(value))
            return name.replace("\\", "/").rpartition("/")[2] or None
    return None


def _raw(value: object) -> str:
    """A header's characters; bytes that it should not have had are decoded as text is."""
    text = str(value)
    if _SURROGATES.search(text):
        text = decoded(text.encode("utf-8", errors="surrogateescape")).text
    return text


def _decoded_words(text: str) -> str:
    text = _SPACES.sub(" ", text).strip()
    if "=?" not in text:
        return text
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    shown = "".join(piece if isinstance(piece, str) else _word(piece, charset) for piece, charset in pieces)
    return _SPACES.sub(" ", shown).strip()


def _word(piece: bytes, charset: str | None) -> str:
    if charset is None:
        # What stands between coded words was escaped on its way here.
        return piece.decode("raw-unicode-escape", errors="replace")
    return decoded(piece, charset).text
