"""The answer to a question about every document, as a table; pure functions on answers as they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from app.presenting import escaped, shortened
from engine.answers import RowStatus
from engine.counting import count
from engine.verdicts import without_name

_Row: TypeAlias = Mapping[str, Any]
_QUOTED = 400
"""Characters of a quote in the table; the button below it shows the whole on its page."""
_NEAR = (
    "Each row is the nearest passage of its document, and may be about something else. "
    "A document without a row may say it in other words."
)


def survey_html(body: Mapping[str, Any]) -> str:
    """What was looked at, the documents that were found with their quotes, and the others by name."""
    rows: Sequence[_Row] = body["documents"]
    citations = {one["n"]: one for one in body["citations"]}
    found = [row for row in rows if row["status"] == RowStatus.FOUND]
    table = "".join(_found(row, citations[row["citation"]]) for row in found)
    parts = [f'<p class="m-coverage">{escaped(body["coverage"])}</p>']
    if table:
        head = "<tr><th>Document</th><th>Page</th><th>Nearest passage</th></tr>"
        parts.append(f'<p class="m-quiet">{escaped(_NEAR)}</p>')
        filled = f'<table class="m-table"><thead>{head}</thead><tbody>{table}</tbody></table>'
        parts.append(f'<div class="m-scroll">{filled}</div>')
    parts += _others(rows, RowStatus.NOT_SEARCHABLE, "could not be looked at", opened=True)
    parts += _others(rows, RowStatus.NOT_FOUND, "where it was not found", opened=not found)
    return f'<div class="m-answer">{"".join(parts)}</div>'


def _found(row: _Row, citation: Mapping[str, Any]) -> str:
    reason = f'<div class="m-quiet">{escaped(row["reason"])}</div>' if row["reason"] else ""
    quote = f"{escaped(shortened(citation['quote'], _QUOTED))}\u2060<sup>[{int(citation['n'])}]</sup>"
    return (
        f"<tr><td>{escaped(row['document'])}{reason}</td>"
        f'<td class="m-right">{int(citation["page"])}</td><td class="m-serif">{quote}</td></tr>'
    )


def _named(row: _Row) -> str:
    reason = without_name(row["document"], row["reason"])
    return f"{row['document']}: {reason}" if reason else str(row["document"])


def _others(rows: Sequence[_Row], status: RowStatus, words: str, *, opened: bool) -> Iterator[str]:
    listed = [row for row in rows if row["status"] == status]
    if listed:
        items = "".join(f"<li>{escaped(_named(row))}</li>" for row in listed)
        shown = " open" if opened else ""
        title = f"{count(len(listed), 'document')} {words}"
        yield f"<details{shown}><summary>{escaped(title)}</summary><ul>{items}</ul></details>"
