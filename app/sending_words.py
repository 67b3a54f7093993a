"""How pages and commands say what may leave this machine, and what would."""

from __future__ import annotations

from collections.abc import Iterator

from engine.sending import Outgoing
from storage.records import Sending

POLICIES = {
    Sending.LOCAL_ONLY: "local only: nothing of this matter leaves this machine",
    Sending.REDACT: "redact, then remote: names and numbers are replaced before a question is sent",
    Sending.ALLOWED: "remote allowed: a question is sent with its passages as they are",
}
CHOICES = {
    Sending.LOCAL_ONLY: "Local only",
    Sending.REDACT: "Redact, then remote",
    Sending.ALLOWED: "Remote allowed",
}
WARNING = "Redaction can miss names. Read what is sent before you send it."
_KINDS = {
    "email": ("e-mail address", "e-mail addresses"),
    "iban": ("IBAN", "IBANs"),
    "card": ("card number", "card numbers"),
    "taxid": ("tax number", "tax numbers"),
    "account": ("account number", "account numbers"),
    "id": ("other number", "other numbers"),
    "phone": ("telephone number", "telephone numbers"),
    "address": ("address", "addresses"),
    "company": ("company", "companies"),
    "person": ("person", "persons"),
    "text": ("bracketed word", "bracketed words"),
}


def facts(outgoing: Outgoing) -> Iterator[str]:
    """Lines that say what is sent beside its words."""
    places = ", ".join(
        dict.fromkeys(f"{one.document}, p. {one.chunk.span.page}" for one in outgoing.passages)
    )
    yield f"Passages: {places}"
    if outgoing.sending is Sending.REDACT:
        counted = [f"{n} {_KINDS[kind][n != 1]}" for kind, n in outgoing.redacted.items()]
        yield f"Replaced by placeholders: {', '.join(counted) or 'nothing was found to replace'}"
        yield WARNING
    else:
        yield "Nothing is replaced: names and numbers are sent as they are."
    yield f"{len(outgoing.payload):,} bytes, SHA-256 {outgoing.digest}"
