"""Audit entries in plain words: what each kind of act is called, and which of its facts matter most."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app import presenting
from engine.counting import count
from storage.audit import Verification
from storage.ids import moment

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Signing in": ("session.open", "session.refused", "session.closed"),
    "Documents": (
        "document.received",
        "document.parsed",
        "document.live",
        "document.failed",
        "document.deleted",
        "document.opened",
        "document.hidden_accepted",
    ),
    "Questions and answers": (
        "question.asked",
        "question.sent",
        "answer.given",
        "answer.failed",
        "answer.withheld",
        "answer.replayed",
    ),
    "Summaries": ("summary.started", "summary.finished", "summary.cancelled", "summary.failed"),
    "Exports": ("export.made", "audit.exported"),
    "People and matters": (
        "user.added",
        "user.disabled",
        "user.enabled",
        "user.password_changed",
        "matter.created",
        "matter.deleted",
        "matter.sending",
        "member.added",
        "member.removed",
    ),
    "The log itself": ("audit.verified", "audit.exported", "audit.checkpointed"),
    "Refusals": ("access.refused", "session.refused"),
}
"""What a person may look for, and the kinds of entry that it means."""

_ACTS = {
    "session.open": "signed in",
    "session.refused": "was refused at sign-in",
    "session.closed": "signed out",
    "matter.created": "created the matter",
    "matter.deleted": "erased the matter",
    "matter.sending": "said what may leave the matter",
    "member.added": "added a member",
    "member.removed": "removed a member",
    "document.received": "added a document",
    "document.parsed": "document was read",
    "document.live": "document became ready",
    "document.failed": "document could not be read",
    "document.deleted": "deleted a document",
    "document.opened": "opened a document",
    "document.hidden_accepted": "accepted the hidden text of a document",
    "question.asked": "asked a question",
    "question.sent": "sent a question to a remote model",
    "answer.given": "was given an answer",
    "answer.failed": "got no answer",
    "answer.withheld": "an answer was withheld",
    "answer.replayed": "replayed an answer",
    "summary.started": "started a summary",
    "summary.finished": "summary was finished",
    "summary.cancelled": "stopped a summary",
    "summary.failed": "summary failed",
    "export.made": "took a file away",
    "user.added": "added a person",
    "user.disabled": "disabled a person",
    "user.enabled": "let a person in again",
    "user.password_changed": "changed a password",
    "audit.verified": "verified the log",
    "audit.exported": "exported the log",
    "audit.checkpointed": "took a checkpoint of the log",
    "access.refused": "was refused",
}
_TELLING = (
    "question",
    "document",
    "title",
    "user",
    "name",
    "matter",
    "outcome",
    "act",
    "kind",
    "reason",
    "host",
    "after",
)
"""Fields of an entry that say most in one line, the most telling first."""


def act_line(entry: Mapping[str, Any]) -> str:
    """An audit entry's act in plain words: `opened a document: Lease.pdf, page 3`."""
    data = entry["data"]
    words = _ACTS.get(entry["kind"], entry["kind"])
    telling = next((data[name] for name in _TELLING if isinstance(data.get(name), str)), "")
    page = f", page {data['page']}" if telling and isinstance(data.get("page"), int) else ""
    return f"{words}: {presenting.shortened(telling, 100)}{page}" if telling else words


def actor_line(entry: Mapping[str, Any]) -> str:
    """Who acted, with the door they came by where it was not a browser."""
    actor = entry["actor"]
    return str(actor["name"]) if actor["via"] == "browser" else f"{actor['name']} ({actor['via']})"


def entry_rows(entry: Mapping[str, Any], matters: Mapping[str, str], zone: str | None) -> list[list[str]]:
    """A whole audit entry as rows of name and value, its data's fields included."""
    actor = entry["actor"]
    rows = [
        ["When", f"{presenting.when(moment(entry['at']), zone)} ({entry['at']})"],
        ["Who", f"{actor['name']}, {actor['role']}, by {actor['via']}"],
        ["From", str(actor["address"] or "this machine")],
        ["Kind", entry["kind"]],
    ]
    if entry["matter"]:
        rows.append(["Matter", matters.get(entry["matter"], entry["matter"])])
    for name, value in entry["data"].items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        rows.append([name.replace("_", " "), shown])
    return rows


def verification_line(result: Verification) -> str:
    """What a check of the log found, in words that can be quoted."""
    if not result.ok:
        where = "" if result.first_bad is None else f" at entry {result.first_bad:,}"
        return f"The log does not hold{where}: {result.reason}."
    whole = f"All {count(result.size, 'entry', 'entries')} hold"
    if result.anchored is None:
        return f"{whole}. No checkpoint kept elsewhere speaks for them yet."
    return (
        f"{whole}; the first {result.anchored.size:,} agree with a "
        f"checkpoint, {result.unanchored:,} came after it."
    )
