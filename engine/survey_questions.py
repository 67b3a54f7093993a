"""Tell a question about every document ("which agreements mention arbitration?") from one about content.

Such a question asks for documents, in the plural, and says what each must have. "Which documents must the
tenant deliver?" asks for documents too, but for those that a lease speaks of: what follows the noun tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KIND = (
    r"(?:documents|files|papers|contracts|agreements|leases|ndas|policies|filings|reports|deeds|licen[cs]es|letters"
    r"|amendments|memoranda|emails|e-mails|forms|10-qs|10-ks|deals|transactions|clauses\s+of\s+all\s+\w+)"
)
_NOUN = rf"(?:[\w&'\u2019-]+\s+){{0,4}}?{_KIND}"
_PLACE = r"(?:matter|room|library|folder|data\s?room|file)"
_OF_THESE = rf"(?:\s+(?:here|in\s+(?:this|the|my|our)\s+{_PLACE}|do\s+we\s+have))?"
_LACKING = r"(?:do(?:es)?\s+not|don['\u2019]t|lack|without|not|no)\b"
# What a document does with its words. What people do with documents (deliver, sign, receive) is not here.
_DOES = (
    r"(?:mention|contain|include|have|has|had|provide|say|state|speak|refer|address|cover|deal|discuss|define"
    r"|specify|set|use|allow|permit|prohibit|restrict|forbid|require|limit|cap|exclude|grant|impose|name|list"
    r"|lack|contemplate|govern|make|give|oblige|entitle|talk|touch|report|disclose|show|describe)(?:s|es|ing)?"
)
_PASSIVE = r"(?:are|is)\s+(?:governed|subject|silent|exclusive|perpetual|assignable|terminable)\b"
_DONE = r"(?:(?:are|is)\s+)?(?:governed\s+by|dated|expiring\s+in|made\s+with|relating\s+to)\b"
_SAYING = (
    r"(?P<how>(?:that|which|where|in\s+which|whose|there)?\s*"
    r"(?:(?:can|could|may|might|do|does|also|still|all|any)\s+)*"
    rf"(?P<lacking>{_LACKING}\s+)?(?:with|without|about|on|concerning|regarding|containing|having|(?:is|are)\s+there|{_DOES}|{_PASSIVE}|{_DONE}))\s+"
)
_ASKS = (
    r"(?:(?:please|can\s+you|could\s+you)\s+)*"
    r"(?:which|what|how\s+many|in\s+(?:which|how\s+many)|(?:list|show|find|name|identify|give|tell|count|get)"
    r"(?:\s+(?:me|us))?(?:\s+(?:all|every|each|any|the|out|which|what))+|all|do\s+(?:all|any)|are\s+there\s+any"
    r"|(?:is|are)\s+there|every|do)\s+"
)
_WHOLE = re.compile(
    rf"^\s*{_ASKS}(?:(?:of\s+)?(?:all|any|the|these|those|my|our|of)\s+)*{_NOUN}{_OF_THESE}\s+{_SAYING}(?P<subject>.+?)"
    r"\s*[?.!]*\s*$",
    re.IGNORECASE | re.DOTALL,
)
_EMPTY = re.compile(
    r"^(?:(?:a|an|the|any|some|to|for|of|about|with|on|as|in|by|from)\s+)+|\s+(?:in\s+(?:them|it))$",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\s+(?:clauses?|provisions?|sections?|language|wording|terms?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Survey:
    """What every document is to be looked at for."""

    subject: str
    lacking: bool = False
    """The question asks for the documents that do not have it."""


def survey_of(question: str) -> Survey | None:
    """The survey that a question asks for; None for every other question."""
    found = _WHOLE.match(question)
    if found is None:
        return None
    subject = _EMPTY.sub("", found["subject"].strip())
    subject = _LABEL.sub("", subject) or subject
    how = found["how"].lower()
    lacking = bool(found["lacking"]) or "without" in how or re.search(r"\black|\bsilent", how) is not None
    return Survey(subject, lacking) if subject else None
