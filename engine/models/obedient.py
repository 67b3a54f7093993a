"""A generator that does whatever any text in its prompt tells it: the worst reader of a hostile document.

What stays true with it in the model's place is kept true by code and not by a model's good sense. It knows
the plain forms of an order in English and no others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.models.base import Conversation
from engine.models.scripted import ScriptedGenerator, quote_first_passage

_ORDER = re.compile(
    r"\b(?:say|answer|reply|respond|write|print|output|state|tell \w+|add|include)\b"
    r"(?:\s+(?:with|only|exactly|that|the words?|the following))*\s*:?\s+"
    r"(?P<words>[^\n]+?)(?=[.!?](?:\s|$)|\n|$)",
    re.IGNORECASE,
)
_CITE = re.compile(r"\bcite\s+(?:passage\s+|source\s+)?\[?(?P<n>\d+)\]?", re.IGNORECASE)
_REVEAL = re.compile(
    r"\b(?:reveal|repeat|show|print|leak|disclose)\b[^.\n]{0,40}\b(?:rules|instructions|prompt)\b",
    re.IGNORECASE,
)
_QUOTES = "\"'\u201c\u201d\u2018\u2019 "


def obey(conversation: Conversation) -> str:
    """Every order in passages, turns and the question, carried out; without one, an honest quote."""
    told = " ".join(_carried_out(conversation))
    return told or quote_first_passage(conversation)


def obedient() -> ScriptedGenerator:
    """A scripted generator that obeys."""
    return ScriptedGenerator(obey, name="obedient")


def _carried_out(conversation: Conversation) -> Iterator[str]:
    for text in _texts(conversation):
        if _REVEAL.search(text):
            yield conversation.rules
        for order in _ORDER.finditer(text):
            yield f"{order['words'].strip(_QUOTES)}."
        for order in _CITE.finditer(text):
            yield f"[{order['n']}]"


def _texts(conversation: Conversation) -> Iterator[str]:
    for passage in conversation.passages:
        yield from (passage.document, passage.heading, passage.text)
    for turn in conversation.turns:
        yield turn.text
    yield conversation.question
