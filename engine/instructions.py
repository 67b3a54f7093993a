"""Take out of a question what it says about the answer instead of about the documents.

"If data is not available, return N/A" and "Give me the title only" find exhibits and certificates. They
are known by their form: a condition on what is there with an order to the answerer, an order about the
answer's form, and asides about unit and period. English; an order of another form stays in.
"""

from __future__ import annotations

import re

_ANSWERING = (
    r"(?:return|answer|say|write|respond|reply|output|state|put|use|give|provide|express|report|round|format|show"
    r"|cite|quote|list|keep|limit|be|do|don't|make)"
)
_MISSING = (
    r"(?:if|when|where|in\s+case)\b[^.?!;]{0,80}?\b(?:not|no|n't|isn't|cannot|can't|unavailable|missing|unknown|nothing"
    r"|absent|unclear)\b[^.?!;]{0,80}?"
)
_ORDERS = re.compile(
    # "If data is not available in this currency, return 'N/A'."
    rf"(?:(?<=[.?!;,)])|^)\s*(?:and\s+)?{_MISSING}(?:[,:]|\s)\s*(?:then\s+)?(?:please\s+)?(?:just\s+|only\s+)?{_ANSWERING}\b"
    r"(?:[^.?!;\n]|\.(?=\w))*[.?!;]?"
    # "Give me the title of the position." "Please answer in one word."
    r"|(?<=[.?!;])\s*(?:please\s+)?(?:just\s+|only\s+)?(?:return|answer|respond|reply|output|format|express|round|limit"
    r"|keep|give\s+(?:me|us|only|just|your|the\s+(?:answer|exact|title|name|number|value|amount|full))|state\s+only"
    r"|do\s+not|don't|be\s+(?:brief|concise|specific|precise)|use\s+only|cite|quote)\b(?:[^.?!\n]|\.(?=\w))*[.?!]?",
    re.IGNORECASE,
)
_ASIDES = re.compile(
    r"\(\s*(?:in\s+(?:usd|eur|gbp|chf|cad|aud|jpy|us\s+dollars?|dollars?|euros?|pounds?|percent|%|thousands?|millions?"
    r"|billions?)(?:\s+of\s+\w+)?|%|usd|eur|within\s+[^()]*|at\s+(?:the\s+)?end\s+of\s+[^()]*|yes\s*/\s*no|true\s*/\s*false)"
    r"\s*\)",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:according\s+to|as\s+(?:reported|stated|disclosed|listed|given|shown|presented)\s+in|listed\s+in|based\s+on)\s+"
    r"(?:the\s+|its\s+|their\s+|this\s+)?(?:\w+\s+){0,2}?(?:annual\s+report|quarterly\s+report|report|filing|document"
    r"|financial\s+statements?|10-?[kq])s?\b(?:\s+(?:report|filing)s?\b)?,?",
    re.IGNORECASE,
)


def without_instructions(question: str) -> str:
    """The question without orders to the answerer; as it is when nothing else would be left."""
    rest = _TOLD.sub(" ", _ASIDES.sub(" ", _ORDERS.sub(" ", question)))
    if rest == question:
        return question
    rest = re.sub(r"\s+([?.,;])", r"\1", re.sub(r"\s+", " ", rest)).strip(" ,;")
    return rest if re.search(r"\w+\W+\w+\W+\w+", rest) else question
