"""Say which figures of a sentence its evidence does not hold.

The comparison is strict: a figure without its scale is not the scaled figure, unless the text around a table
states the unit of its rows; days are not months, dollars are not euros, and a loss is not a gain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from engine.quantities import LABELS, SCALES, Kind, Quantity, extract
from engine.sentences import looks_like_row

__all__ = ["Kind", "Quantity", "extract", "missing_from", "unit_scale"]

_IN_UNITS = re.compile(
    r"\(\s*(?:[^()]{0,40}\b)?in\s+(?:[a-z.$]+\s+){0,3}?(thousand|million|billion)s\b"
    r"|^\s*(?:[a-z.$]+\s+){0,4}?in\s+(?:[a-z.$]+\s+){0,3}?(thousand|million|billion)s\b",
    re.IGNORECASE | re.MULTILINE,
)
# "a loss of $5 million" is what a table prints as "(5)".
_DOWN = re.compile(
    r"\b(?:loss(?:es)?|lost|decreas\w+|declin\w+|fell|drop\w*|deficit|outflows?|used|reduc\w+|down|lower"
    r"|expens\w+|paid|payments?|repurchas\w+|charges?|provision)\b",
    re.IGNORECASE,
)
_LABELLED_LIST = re.compile(
    rf"\b(?:{'|'.join(sorted(label.removesuffix('y') for label in LABELS))})(?:s|ies)\b"
    rf"|\b(?:{'|'.join(sorted(LABELS))})\s+[\d.()a-z]+\s*(?:,|and|or|to|through)\s",
    re.IGNORECASE,
)
_DOWN_REACH = 80


@lru_cache(maxsize=1_024)
def unit_scale(text: str) -> Decimal | None:
    """The scale that a caption states for the rows below it: "(in millions)" is 1,000,000."""
    match = _IN_UNITS.search(text)
    return SCALES[(match.group(1) or match.group(2)).lower()] if match else None


def missing_from(sentence: str, evidence: str, *, unit_context: str = "") -> list[Quantity]:
    """The quantities of a sentence that its evidence does not hold: empty means that every figure is there.

    `unit_context` is text of the evidence's own page that may state the unit of the evidence's table rows.
    """
    scale = unit_scale(evidence) or unit_scale(unit_context)
    # "Sections 4, 5 and 6" labels its first figure at most.
    lists = _LABELLED_LIST.search(evidence) is not None or _LABELLED_LIST.search(sentence) is not None
    states_unit = unit_scale(sentence) is not None
    held = [(quantity, _line_of(evidence, quantity)) for quantity in extract(evidence)]
    return [
        asked
        for asked in extract(sentence)
        if not any(
            _same(
                asked,
                other,
                scale=scale if looks_like_row(line) else None,
                down=_goes_down(sentence, asked) or _goes_down(evidence, other),
                states_unit=states_unit,
                lists=lists,
                # "Section 8.2" is what a clause that begins "8.2 Termination" is called.
                at_head=line.lstrip().startswith(other.text),
                beside=[each for each, _line in held],
            )
            for other, line in held
        )
    ]


def _same(
    asked: Quantity,
    held: Quantity,
    *,
    scale: Decimal | None,
    down: bool,
    states_unit: bool,
    beside: Sequence[Quantity],
    lists: bool,
    at_head: bool,
) -> bool:
    if Kind.DATE in (asked.kind, held.kind):
        return _same_date(asked, held, beside)
    if Kind.REFERENCE in (asked.kind, held.kind):
        return asked.kind is held.kind and asked.value == held.value
    if asked.unit in LABELS and held.unit in LABELS and asked.unit != held.unit:
        return False
    if (asked.unit in LABELS) != (held.unit in LABELS) and not (lists or (at_head and asked.unit in LABELS)):
        return False
    equal = asked.value == held.value or (down and asked.value == -held.value)
    if Kind.PERCENT in (asked.kind, held.kind):
        return asked.kind is held.kind and equal
    if asked.currency and held.currency != asked.currency and (held.currency or held.unit):
        return False
    if asked.unit and (held.currency or (held.unit and held.unit != asked.unit)):
        return False
    if scale is None or held.scaled:
        return equal
    scaled = held.value * scale
    if asked.value == scaled or (down and asked.value == -scaled):
        return True
    # Below a caption "in millions" a bare "$5,931" is a million times too small, unless the sentence says so.
    return equal and (states_unit or asked.kind is not Kind.MONEY)


def _same_date(asked: Quantity, held: Quantity, beside: Sequence[Quantity]) -> bool:
    if asked.kind is not held.kind:
        # "in 2022" of evidence "October 30, 2022".
        return (
            asked.kind is Kind.NUMBER
            and not asked.unit
            and asked.value >= 1_000
            and asked.value == _parts(held)[0]
        )
    a, b = _parts(asked), _parts(held)
    if all(x in (y, 0) for x, y in zip(a, b, strict=True)):
        return True
    # Table heads print "October 30," in one line and the years in the next.
    bare_year = b[0] == 0 and a[1:] == b[1:]
    return bare_year and any(
        a[0] == (_parts(each)[0] if each.kind is Kind.DATE else each.value) for each in beside
    )


def _parts(date: Quantity) -> tuple[int, int, int]:
    whole = int(date.value)
    return whole // 10_000, whole // 100 % 100, whole % 100


def _goes_down(text: str, quantity: Quantity) -> bool:
    return _DOWN.search(text, max(0, quantity.start - _DOWN_REACH), quantity.start) is not None


def _line_of(text: str, quantity: Quantity) -> str:
    start = text.rfind("\n", 0, quantity.start) + 1
    end = text.find("\n", quantity.end)
    return text[start : end if end >= 0 else len(text)]
