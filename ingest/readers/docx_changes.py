"""How tracked changes of a Word file read: in brackets, so that none is taken for a text in force."""

from __future__ import annotations

from ingest.readers.docx_styles import W

TRACKED = {
    f"{W}ins": "inserted",
    f"{W}del": "deleted",
    f"{W}moveFrom": "moved away",
    f"{W}moveTo": "moved here",
}
Change = tuple[str, str]
"""What was done and by whom."""
GONE = ("deleted", "moved away")


def changed(text: str, changes: tuple[Change, ...]) -> str:
    """A text with what was done to it around it, outermost first; spaces at its ends stay outside."""
    body = text.strip()
    if not changes or not body:
        return "" if any(done in GONE for done, _ in changes) else text
    lead = text[: len(text) - len(text.lstrip())]
    trail = text[len(text.rstrip()) :]
    for done, author in reversed(changes):
        body = f"[{done} by {author}: {body}]" if author else f"[{done}: {body}]"
    return lead + body + trail
