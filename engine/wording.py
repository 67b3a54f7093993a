"""What a sentence says in words that its evidence must have, too: quotations, names, and whether it denies.

Each check gives a reason to turn the sentence down, in words for people, or nothing. It knows how words are
printed and not what they mean: a name is what has a capital, a denial what has "not" or its like.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.evidence import Source, pieces, stems_of
from engine.words import STOPWORDS, stem, word_set, words

_QUOTED = re.compile(r"[\"\u201c\u201d]([^\"\u201c\u201d]{2,}?)[\"\u201c\u201d]")
_NAME = re.compile(
    r"\b[A-Z][\w&.'\u2019-]*"
    r"(?:(?:\s+(?:of|and|the|&|de|von|van))?\s+[A-Z][\w&'\u2019-]*(?:\.(?=\s+[a-z,(]))?)*"
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nor|neither|cannot|without|prohibit\w*|forbid\w*|nothing|refus\w+)\b"
    r"|n['\u2019]t\b",
    re.IGNORECASE,
)
# These words say how much or that a list is open; they deny nothing.
_NO_NEGATION = re.compile(
    r"\b(?:not\s+(?:be\s+)?limited\s+to|without\s+limitation|without\s+limiting|not\s+only"
    r"|(?:not|no)\s+(?:less|more|later|earlier|fewer|greater)\s+than|whether\s+or\s+not)\b",
    re.IGNORECASE,
)
_CLAUSE_BREAK = re.compile(
    r"[,;:]|\b(?:provided|except|unless|but|however|although|whereas)\b", re.IGNORECASE
)
_NOT_NAMES = word_set(
    """january february march april may june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday i"""
)


def lacks_quotes(text: str, evidence: str) -> str:
    """Why its quotation marks are wrong; empty where the evidence has all that stands between them."""
    plain = flattened(evidence)
    for match in _QUOTED.finditer(text):
        quoted = flattened(match.group(1)).rstrip(".,;: ")
        # A defined term may be quoted in other letters; a whole phrase may not.
        short = len(quoted.split()) < 3
        if quoted and (quoted.lower() not in plain.lower() if short else quoted not in plain):
            return "words in quotation marks do not stand so in the cited text"
    return ""


def lacks_names(text: str, cited: Sequence[Source]) -> str:
    """Which of its names stands in none of the passages, their headings or document names; empty if none."""
    held = flattened("\n".join(f"{source.text}\n{source.context}" for source in cited)).lower()
    held_stems = {stem(word) for word in words(held)}
    for match in _NAME.finditer(text):
        name = re.sub(r"['\u2019]s?$", "", match.group().rstrip(".,"))
        parts = name.split()
        # The first word of a sentence has its capital from there; it must still not begin a longer name.
        while parts and (parts[0].lower() in STOPWORDS or (match.start() == 0 and len(parts) == 1)):
            parts = parts[1:]
        if not parts or parts[0].lower() in _NOT_NAMES:
            continue
        if len(parts) == 1:
            if any(stem(word) not in held_stems for word in words(parts[0])):
                return f"the name {parts[0]} does not stand in the cited text"
        elif " ".join(parts).lower() not in held and not all(
            stem(word) in held_stems for part in parts for word in words(part)
        ):
            return f"the name {' '.join(parts)} does not stand in the cited text"
    return ""


def contradicts(text: str, evidence: str) -> str:
    """Why the evidence says the opposite; empty when nothing shows that it does."""
    if flattened(text).rstrip(". ").lower() in flattened(evidence).lower():
        return ""
    asked = stems_of(text)
    near = max((evidence[a:b] for a, b in pieces(evidence)), key=lambda part: _nearness(asked, part))
    clauses = [part for part in _CLAUSE_BREAK.split(near) if part.strip()]
    nearest = max(clauses, key=lambda part: _nearness(asked, part), default=near)
    if _denies(text) and not _denies(near):
        return "it denies what the cited text states"
    if not _denies(text) and _denies(nearest):
        return "it states what the cited text denies"
    return ""


def _denies(text: str) -> bool:
    return _NEGATION.search(_NO_NEGATION.sub(" ", text)) is not None


def _nearness(asked: frozenset[str], part: str) -> tuple[int, int]:
    return len(asked & stems_of(part)), -len(part)


def flattened(text: str) -> str:
    """One space for any white space, plain quotes and dashes: what a careful reader calls verbatim."""
    text = re.sub(r"[\u2018\u2019]", "'", re.sub(r"[\u201c\u201d]", '"', text))
    return re.sub(r"\s+", " ", re.sub(r"[\u2010-\u2015\u2212]", "-", text)).strip()
