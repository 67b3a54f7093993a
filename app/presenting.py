"""What people read, made from records: dates, counts, states, verdicts, answers as HTML.

Pure functions. Text from documents, models and people is always escaped here, so that none of it can become
markup, a formula or a link: `escaped` for HTML, `plain` where Streamlit reads Markdown.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.answers import Outcome, Sentence, Verdict
from engine.counting import count
from engine.models.base import ModelIdentity
from engine.summaries.records import coverage_line
from engine.verdicts import verdict, without_name
from storage.records import JsonValue

NOTHING = "\u2013"
"""What stands where there is no value."""

Body: TypeAlias = Mapping[str, Any]
"""An answer or a summary as the shelf keeps it."""

_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")
"""Embeddings, overrides and isolates; the letters of Arabic and Hebrew need none to be in order."""
_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")


def visible(text: str) -> str:
    """Text as it is, with a mark in place of each character that would turn the order of those around it.

    `invoice<U+202E>fdp.exe` would otherwise be shown as a PDF.
    """
    return text.translate(_TURNING)


def escaped(text: str) -> str:
    """Text for HTML, in or outside an attribute."""
    return html.escape(visible(text), quote=True)


def plain(text: str) -> str:
    """Text for a place that Streamlit reads as Markdown: every mark in it is shown as it is."""
    return _MARKDOWN.sub(r"\\\1", " ".join(visible(text).split()))


def when(moment: datetime, zone: str | None = None) -> str:
    """`22 Nov 2026, 14:05` in a time zone by its IANA name; UTC where it is missing or unknown."""
    try:
        local = moment.astimezone(ZoneInfo(zone)) if zone else moment.astimezone(UTC)
    except (ZoneInfoNotFoundError, ValueError):
        local = moment.astimezone(UTC)
    return f"{local.day} {local:%b %Y, %H:%M}"


def who(actor_id: str, people: Mapping[str, str]) -> str:
    """An actor's name where it is known here, else by which door they came."""
    if actor_id.startswith("operator:"):
        return "command line"
    return people.get(actor_id, "somebody else")


def ordinal(number: int) -> str:
    """`1st`, `12th`, `22nd`."""
    ending = "th" if 10 < number % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def size(count_bytes: int) -> str:
    """`740 bytes`, `12 KB`, `3.4 MB`, `1.2 GB`: thousands, millions and billions of bytes."""
    if count_bytes < 1_000:
        return count(count_bytes, "byte")
    if count_bytes < 1_000_000:
        return f"{count_bytes / 1_000:,.0f} KB"
    if count_bytes < 1_000_000_000:
        return f"{count_bytes / 1_000_000:,.1f} MB"
    return f"{count_bytes / 1_000_000_000:,.1f} GB"


def model_line(identity: ModelIdentity) -> str:
    """`smollm2-135m-instruct, q4, on this machine`."""
    where = "on another machine" if identity.runtime == "remote" else "on this machine"
    return ", ".join(part for part in (identity.id, identity.quantization, where) if part)


def model_details(identity: ModelIdentity, approved_by: str | None) -> str:
    """`llama.cpp on cpu, digest 3fa1c2d4, approved by Anna`."""
    approval = f"approved by {approved_by}" if approved_by else "no approval recorded"
    return f"{identity.runtime} on {identity.device}, digest {identity.digest[:8]}, {approval}"


def runs_line(conditions: Mapping[str, JsonValue]) -> str:
    """`threads 2, slots 1, prompt cache on`."""
    switched = {True: "on", False: "off"}
    return ", ".join(
        f"{name.replace('_', ' ')} {switched[value] if isinstance(value, bool) else value}"
        for name, value in conditions.items()
    )


def answered_by(body: Body) -> str:
    """`Answered by SmolLM2-135M-Instruct, Q4_1`; or that its reply broke off, none came or none was asked."""
    remote = body["model"]["runtime"] == "remote"
    model = f"{body['model']['id']}, {'a remote model' if remote else body['model']['quantization']}"
    if not body["usage"]["prompt_tokens"]:
        if not body.get("given"):
            return "No model was asked"
        # Whether a question arrived is not known where no reply came.
        return f"{model}, gave no answer; it may have what was sent" if remote else f"{model}, gave no answer"
    if body["outcome"] == Outcome.FAILED:
        return f"{model}, gave no answer"
    answered = f"Answered by {model}"
    return f"{answered}; its reply was incomplete" if body.get("finish_reason") == "incomplete" else answered


def answer_html(body: Body) -> str:
    """A kept answer as paragraphs: the model's sentences together, each quote that stands in on its own."""
    if not body["sentences"]:
        return f'<div class="m-answer m-serif"><p>{_tidy(body["answer"])}</p></div>'
    blocks: list[str] = []
    running: list[str] = []
    for sentence in body["sentences"]:
        after = _after(sentence["verdict"], sentence["citations"])
        if sentence["quoted"]:
            blocks += _paragraph(running)
            running = []
            blocks.append(
                f'<p class="m-quoted">{_tidy(sentence["text"])}{after}<span class="m-mark">quoted</span></p>'
            )
        else:
            running.append(f"{_tidy(sentence['text'])}{after}")
    blocks += _paragraph(running)
    return f'<div class="m-answer m-serif">{"".join(blocks)}</div>'


def _paragraph(sentences: Sequence[str]) -> list[str]:
    return [f"<p>{' '.join(sentences)}</p>"] if sentences else []


def _tidy(text: str) -> str:
    return escaped(" ".join(text.split()))


def _after(verdict_word: str, citations: Sequence[int]) -> str:
    # Joined to its word, so that no line begins with a number.
    markers = "".join(f"\u2060<sup>[{int(n)}]</sup>" for n in citations)
    if verdict_word == Verdict.SUPPORTED:
        return markers
    return f'{markers}<span class="m-mark m-brick">not supported</span>'


def streaming_html(settled: Sequence[Sentence], running: str) -> str:
    """An answer on its way: checked sentences with their verdicts, then the words that are still coming."""
    done = " ".join(
        _tidy(one.text)
        + _after(one.verdict, one.citations)
        + ('<span class="m-mark">quoted</span>' if one.quoted else "")
        for one in settled
    )
    return f'<div class="m-answer m-serif"><p>{done} {_tidy(running)}</p></div>'


def shortened(text: str, limit: int = 90) -> str:
    """One line of at most `limit` characters, cut between words where that is possible."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1].rsplit(" ", 1)[0] or line[: limit - 1]
    return f"{cut}…"


def table_html(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()
) -> str:
    """A table of plain cells, all escaped; columns in `right` hold numbers."""

    def cell(tag: str, column: int, text: str) -> str:
        side = ' class="m-right"' if column in right else ""
        return f"<{tag}{side}>{escaped(text)}</{tag}>"

    head = "" if not any(header) else "".join(cell("th", column, text) for column, text in enumerate(header))
    body = "".join(
        f"<tr>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>" for row in rows
    )
    kind = "m-table" if any(header) else "m-table m-facts"
    return (
        f'<div class="m-scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


_REPORTED = {
    "complete": "read",
    "partial": "read in part",
    "failed": "could not be read",
    "duplicate": "already here under another name",
    "unchanged": "already here",
}


def report_status(status: str) -> str:
    """An upload report's status of one document, in words."""
    return _REPORTED.get(status, status)


def report_problem(document: str, problem: Mapping[str, Any]) -> str:
    """`page 3: reason`, or the reason alone where it is about the whole document or names its page."""
    page, reason = problem.get("page"), without_name(document, problem["reason"])
    return f"page {page}: {reason}" if page and not reason.startswith(f"page {page} ") else reason


def report_line(report: Mapping[str, Any]) -> str:
    """`12 read, 1 could not be read`: an upload report in one line."""
    counted = Counter(one["status"] for one in report["documents"])
    return ", ".join(f"{counted[status]:,} {words}" for status, words in _REPORTED.items() if counted[status])


def summary_head_html(body: Body, made_at: str) -> str:
    """A summary's title and, always, what it covers."""
    words, tone = verdict({**body, "sentences": body["statements"]})
    made = ", ".join((made_at, body["template"], body["length"], f"written by {body['model']['id']}"))
    return (
        f'<div class="m-head"><h1 class="m-title">{escaped(body["title"])}</h1>'
        f'<p class="m-coverage">{escaped(coverage_line(body))}</p>'
        f'<p><span class="m-verdict m-{tone}">{escaped(words)}</span></p><p>{escaped(made)}</p></div>'
    )


def coverage_problems(body: Body) -> list[list[str]]:
    """Rows of document, page and reason for all that a summary does not speak about."""
    rows: list[list[str]] = []
    for one in body["coverage"]:
        if one["problem"]:
            rows.append([one["document"], "all", without_name(one["document"], one["problem"])])
            continue
        rows += [[one["document"], str(page["page"]), page["reason"]] for page in one["missing"]]
    return rows


def statements_html(document: str, section: str, statements: Sequence[Body]) -> str:
    """The statements of one section under its heading, and its document's name where that is not empty."""
    items = "".join(
        f"<li{_quoted_class(one)}>{_tidy(one['text'])}{_after(one['verdict'], one['citations'])}"
        f"{_quoted_mark(one)}</li>"
        for one in statements
    )
    where = f"{escaped(document)}<span>{escaped(section)}</span>" if document else escaped(section)
    title = f'<div class="m-where">{where}</div>'
    return f'<div class="m-section">{title}<ul class="m-answer m-serif">{items}</ul></div>'


def _quoted_class(statement: Body) -> str:
    return ' class="m-quoted"' if statement["quoted"] else ""


def _quoted_mark(statement: Body) -> str:
    return '<span class="m-mark">quoted</span>' if statement["quoted"] else ""


def cited_place(citation: Mapping[str, Any], label: str | None) -> str:
    """`Lease.pdf, p. 14`, or `Model.xlsx, sheet "P&L"` where the page has a name."""
    document, page = citation["document"], citation["page"]
    kind = document.rpartition(".")[2].lower()
    if label and kind in ("xlsx", "xlsm", "xls", "xlsb"):
        return f"{document}, sheet \u201c{label}\u201d"
    named = f" \u201c{shortened(label, 40)}\u201d" if label else ""
    return f"{document}, {'slide' if kind in ('pptx', 'ppt') else 'p.'} {page}{named}"


def question_html(question: str, asked: str) -> str:
    """A question as it was asked, with when under it."""
    under = f"<small>{escaped(asked)}</small>" if asked else ""
    return f'<div class="m-question">{escaped(question)}{under}</div>'
