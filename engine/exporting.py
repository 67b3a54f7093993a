"""Answers and summaries as files that people take along: Markdown and Word.

An exported file says what it covers, which model wrote it, and where the audit log holds it; every statement
has its numbered sources. Text from documents and models stays text: it cannot become a link, an image,
a heading or HTML. White space inside quotes is drawn together to single spaces.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

import docx
from docx.document import Document as WordDocument
from docx.shared import Pt

from engine.answers import Answer, RowStatus
from engine.searched import searched_line
from engine.summaries.records import Summary, coverage_line
from engine.verdicts import is_survey, verdict, without_name
from storage.audit import AuditLog
from storage.errors import WrongUse
from storage.ids import moment, sha256_of
from storage.records import Scope

Item: TypeAlias = "Summary | Answer | Mapping[str, Any]"
"""What can be exported: a summary, an answer, or either as the shelf keeps it."""

_QUOTED = "quoted from the document"
_UNSUPPORTED = "not supported by the documents"
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#!|~&$@])")
_LINE_START = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    markers: tuple[int, ...] = ()
    mark: str = ""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What stands in an export, in order, before any format."""

    title: str
    facts: tuple[str, ...]
    blocks: tuple[tuple[str, str, tuple[_Line, ...]], ...]
    """Document, section (both may be empty) and the lines below them."""
    sources: tuple[tuple[int, str], ...]
    """Number, and where what stands."""
    closing: tuple[str, ...]


def to_markdown(item: Item, *, title: str | None = None, matter: str | None = None) -> str:
    """A summary or an answer as Markdown. `title` and `matter` serve where the item does not know them."""
    sheet = _sheet(item, title, matter)
    parts = [f"# {_escaped(sheet.title)}", *(_escaped(fact) for fact in sheet.facts)]
    for document, section, lines in sheet.blocks:
        parts += [f"## {_escaped(document)}"] if document else []
        parts += [f"### {_escaped(section)}"] if section else []
        parts += [_escaped_line(line) for line in lines]
    if sheet.sources:
        parts += ["## Sources", "\n".join(f"{number}. {_escaped(said)}" for number, said in sheet.sources)]
    parts += ["---", *(_escaped(line) for line in sheet.closing)]
    return "\n\n".join(parts) + "\n"


def to_docx(item: Item, *, title: str | None = None, matter: str | None = None) -> bytes:
    """A summary or an answer as a Word document."""
    sheet = _sheet(item, title, matter)
    word = docx.Document()
    word.core_properties.title = _clean(sheet.title)
    word.core_properties.author = "Muniment"
    word.core_properties.comments = ""
    word.add_heading(_clean(sheet.title), level=0)
    for fact in sheet.facts:
        word.add_paragraph(_clean(fact))
    for document, section, lines in sheet.blocks:
        if document:
            word.add_heading(_clean(document), level=1)
        if section:
            word.add_heading(_clean(section), level=2)
        for line in lines:
            _add_line(word, line)
    if sheet.sources:
        word.add_heading("Sources", level=1)
        for number, said in sheet.sources:
            # The number is text, not a Word list: it must stay what the markers say.
            word.add_paragraph(f"{number}. {_clean(said)}")
    for closing in sheet.closing:
        word.add_paragraph().add_run(_clean(closing)).font.size = Pt(8)
    out = io.BytesIO()
    word.save(out)
    return out.getvalue()


_WRITERS: dict[str, Callable[[Item, str | None, str | None], bytes]] = {
    "md": lambda item, title, matter: to_markdown(item, title=title, matter=matter).encode(),
    "docx": lambda item, title, matter: to_docx(item, title=title, matter=matter),
}
FORMATS = tuple(_WRITERS)
"""Names of the formats, which are also the endings of the files."""


def export(audit: AuditLog, scope: Scope, item: Item, format_name: str, *, title: str | None = None) -> bytes:
    """The item as a file's bytes, given out only once the audit log holds that it was.

    Raises:
        WrongUse: there is no such format.
        Broken: the audit log could not be written; nothing is given out.
    """
    if format_name not in _WRITERS:
        raise WrongUse(f"nothing can be exported as {format_name!r}; choose {' or '.join(FORMATS)}")
    data = _WRITERS[format_name](item, title, scope.matter.name)
    body = _body(item)
    of = body.get("audit")
    audit.append(
        "export.made",
        scope.actor,
        matter_id=scope.matter.id,
        data={
            "kind": "summary" if "statements" in body else "answer",
            "id": body.get("id"),
            "of_entry": None if of is None else of["index"],
            "format": format_name,
            "bytes": len(data),
            "sha256": sha256_of(data),
        },
    )
    return data


def _body(item: Item) -> Mapping[str, Any]:
    match item:
        case Summary():
            return item.to_json()
        case Answer():
            return {**item.to_record(), "question": item.question, "id": item.answer_id}
        case _:
            return item


def _sheet(item: Item, title: str | None, matter: str | None) -> _Sheet:
    body = _body(item)
    sources = tuple((one["n"], _source(one, body.get("passages", ()))) for one in body["citations"])
    if "statements" not in body:
        return _Sheet(
            title=title or str(body.get("question") or "Answer"),
            facts=(*((f"Matter: {matter}",) if matter else ()), *_checks(body)),
            blocks=(("", "", tuple(_answer_lines(body))),),
            sources=sources,
            closing=tuple(_closing(body, body.get("asked_at"))),
        )
    return _Sheet(
        title=title or str(body["title"]),
        facts=(f"Matter: {matter or body['matter']}", *_coverage(body)),
        blocks=tuple(_blocks(body)),
        sources=sources,
        closing=tuple(_closing(body, body["made_at"])),
    )


def _source(citation: Mapping[str, Any], passages: Iterable[Mapping[str, Any]]) -> str:
    """Where the quote stands, and where else all words of its passage do."""
    twins = {
        f"{twin['document']}, page {twin['page']}": None
        for one in passages
        for twin in one.get("also_in") or ()
        if one["document_id"] == citation["document_id"]
        and one["page"] == citation["page"]
        and one["start"] <= citation["start"] < citation["end"] <= one["end"]
    }
    also = f" (the same words: {'; '.join(twins)})" if twins else ""
    return f"{citation['document']}, page {citation['page']}: \u201c{_clean(citation['quote'])}\u201d{also}"


def _checks(body: Mapping[str, Any]) -> Iterator[str]:
    """What the checks came to, and how much was searched: whoever gets the file did not see the page."""
    yield f"{verdict(body)[0]}."
    if body.get("finish_reason") == "incomplete":
        yield "The model's reply broke off before its end."
    if body.get("searched"):
        yield f"{searched_line(body['searched'])}."


def _answer_lines(body: Mapping[str, Any]) -> Iterator[_Line]:
    if is_survey(body):
        yield _Line(body["coverage"])
        yield from _rows(body)
        return
    if not body["sentences"]:
        yield _Line(body["answer"])
    for one in body["sentences"]:
        yield _line(one)


def _rows(body: Mapping[str, Any]) -> Iterator[_Line]:
    """Every document of a question about every document, those where nothing was found included."""
    quotes = {number: one["text"] for one in body["sentences"] for number in one["citations"]}
    pages = {one["n"]: one["page"] for one in body["citations"]}
    for row in body["documents"]:
        reason = without_name(row["document"], row["reason"])
        told = f" ({reason})" if reason else ""
        number = row["citation"]
        if row["status"] == RowStatus.FOUND:
            where = f"{row['document']}, page {pages[number]}{told}"
            yield _Line(f"{where}: {quotes[number]}", (number,), _QUOTED)
        else:
            missed = "not found" if row["status"] == RowStatus.NOT_FOUND else "could not be looked at"
            yield _Line(f"{row['document']}: {missed}{told}")


def _line(sentence: Mapping[str, Any]) -> _Line:
    doubt = "" if sentence["verdict"] == "supported" else _UNSUPPORTED
    return _Line(sentence["text"], tuple(sentence["citations"]), _QUOTED if sentence["quoted"] else doubt)


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[_Line, ...]]]:
    if not body["statements"]:
        yield "", "", (_Line("There was nothing to state."),)
    several = len(body["documents"]) > 1
    for document, of_document in groupby(body["statements"], key=lambda one: one["document"]):
        first = several
        for section, statements in groupby(of_document, key=lambda one: one["section"]):
            yield document if first else "", section, tuple(_line(one) for one in statements)
            first = False


def _coverage(body: Mapping[str, Any]) -> Iterator[str]:
    """How much of what was asked for the summary speaks about: the sum first, then each thing left out."""
    yield f"{coverage_line(body)}."
    for one in body["coverage"]:
        if one["problem"]:
            yield f"Not covered: {one['document']}: {without_name(one['document'], one['problem'])}."
            continue
        for reason, pages in groupby(one["missing"], key=lambda page: page["reason"]):
            numbers = [str(page["page"]) for page in pages]
            which = f"page {numbers[0]}" if len(numbers) == 1 else f"pages {', '.join(numbers)}"
            yield f"Not covered: {one['document']}, {which}: {reason}."
    left_out = body["work"]["left_out"]
    if left_out:
        yield f"{left_out:,} more checked statements were left out for length or as repetitions."
    yield f"{verdict({**body, 'sentences': body['statements']})[0]}."


def _closing(body: Mapping[str, Any], made_at: str | None) -> Iterator[str]:
    model = body["model"]
    parts = (model["id"], model["quantization"], model["runtime"], f"digest {model['digest'][:16]}")
    if is_survey(body):
        yield "No model was asked: every quote is the document's own text."
    else:
        by = ", ".join(part for part in parts if part)
        yield f"Written by {by}; checked against the documents' own text."
    if made_at is not None:
        yield f"Made {moment(made_at):%Y-%m-%d %H:%M:%S} UTC."
    if body.get("audit"):
        yield f"Audit entry {body['audit']['index']}, head {body['audit']['head']}."


def _clean(text: str) -> str:
    """One line without control, surrogate and direction-changing characters: no format may hold them."""
    kept = (
        character
        for character in " ".join(text.split())
        if unicodedata.category(character) not in {"Cc", "Cs"} and character not in _BIDI
    )
    return "".join(kept).replace("\ufffe", "").replace("\uffff", "")


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, bare addresses included."""
    escaped = _MARKUP.sub(r"\\\1", _clean(text)).replace("://", r"\://")
    escaped = re.sub(r"\bwww\.", r"www\\.", escaped, flags=re.IGNORECASE)
    return _LINE_START.sub(lambda start: _list_mark(start.group()), escaped)


def _list_mark(start: str) -> str:
    return start + "\\" if start[0].isdigit() else "\\" + start


def _escaped_line(line: _Line) -> str:
    markers = "".join(rf"\[{number}\]" for number in line.markers)
    mark = f" *({line.mark})*" if line.mark else ""
    return f"{_escaped(line.text)} {markers}".rstrip() + mark


def _add_line(word: WordDocument, line: _Line) -> None:
    paragraph = word.add_paragraph(_clean(line.text))
    for number in line.markers:
        paragraph.add_run(f"[{number}]").font.superscript = True
    if line.mark:
        paragraph.add_run(f" ({line.mark})").italic = True
