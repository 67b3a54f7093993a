"""Words that change what a figure or a duty means, and whether a text says them of the same thing.

A sentence may leave such a word out; it may not bring one that its evidence lacks, nor move one to another
figure, noun or party. The lists are short on purpose: a word that is not on them is not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from engine.numbers import extract
from engine.words import STOPWORDS, stem, word_set, words

# One line is one question; each string is one answer to it, with the words that say it. `*` is any ending.
QUALIFIERS: tuple[tuple[str, ...], ...] = (
    ("annual*, yearly, per year, a year, each year, every year, each contract year, per annum, p.a.",
     "monthly, per month, a month, each month, every month",
     "quarterly, per quarter, a quarter, each quarter, every quarter",
     "weekly, per week, a week, each week, every week", "daily, per day, a day, each day, every day",
     "hourly, per hour, an hour, each hour, every hour"),
    ("gross", "net", "total*, aggregate, overall, combined, together", "average*"),
    ("maximum, at most, up to, not exceed, not to exceed, not exceeding, not more than, no more than, cap*",
     "minimum, at least, not less than, no less than, not fewer than, no fewer than"),
    ("before, prior, preceding, pre-tax, pretax",
     "after, following, since, after-tax, post-tax, subsequent*"),
    ("only, sole, solely, exclusive, exclusively, alone", "nonexclusive, non-exclusive, nonexclusively"),
    ("all, each, every, entire, whole", "any", "either, each party, any party", "neither", "both"),
    ("initial*, first", "renew*", "original*", "amend*", "current*"),
    ("estimat*, expect*, forecast*, project*", "actual*"),
    ("adjusted, non-gaap", "unadjusted"), ("diluted", "basic"), ("audited", "unaudited"),
    ("increas*, rise, rises, risen, rose, raise*, grew, grow, growing, grown, growth, higher, gain*",
     "decreas*, declin*, fell, fall, falls, fallen, drop*, lower, reduc*, loss, losses"),
    ("income, profit*, earnings, gain*", "loss, losses"),
    ("includ*, consist*, contain*, compris*, mean, means", "exclud*, except"),
    ("permit*, allow*, may, entitled, optional", "prohibit*, forbid*",
     "must, shall, required, requires, mandatory"),
    ("asset*", "liabilit*"),
)  # fmt: skip
ROLES: tuple[str, ...] = (
    "customer client", "supplier", "contractor", "provider", "buyer purchaser", "seller vendor",
    "landlord lessor", "tenant lessee", "lender", "borrower", "licensor", "licensee", "discloser disclosing",
    "recipient receiving", "employer", "Employee", "guarantor", "trustee", "assignor", "assignee",
    "distributor", "manufacturer", "franchisor", "franchisee", "consultant", "Agent", "Company", "Bank",
    "Owner", "Manager", "insurer", "insured",
)  # fmt: skip
"""Parties of a contract; a capital means that only the defined term, not the everyday word, is one."""

MIN_REPEATED = 0.6
"""Least share of a sentence's words that stand in the same order in a part, so that the rest was changed."""
_TOKEN = re.compile(r"[\w.,'\u2019-]*\w|[$%\u00a3\u20ac]")
_UNNAMED = "Company"
"""A filing speaks of itself so in prose, and in its tables not at all."""
_CLAUSE = re.compile(r"[,;:](?=\s)|\b(?:and|but|while|whereas)\b")
_PRONOUN = re.compile(r"\b(?:it|they)\b|^\W*(?:\(?\w{1,2}[.)]\s|[a-z])", re.IGNORECASE)
_LIST_ITEM = re.compile(r"^\W*(?:\(\w{1,4}\)\s|[a-z])")
_MARK = re.compile(
    r"\b(to|from|against|by|of|for|with|between|on)\s+(?:(?:the|a|an|each|such)\s+)?$", re.IGNORECASE
)
_MARKS_COMPARED = frozenset({"to", "from", "against", "'s"})
_MODALS = word_set("shall may must will not never also agree agrees")


@dataclass(frozen=True, slots=True)
class _Party:
    role: int
    mark: str
    """The preposition before it, `'s`, or nothing where it is a subject."""
    does: str
    """The stem of the first word of meaning behind it."""


def unsaid(sentence: str, evidence: str, *, beside: str = "") -> str:
    """Why a qualifier of the sentence does not hold of the evidence; empty when all do.

    `beside` (headings, document name) may say one too where the evidence itself says nothing of that kind.
    """
    for number, values in enumerate(QUALIFIERS):
        said = _values(number, sentence)
        if not said:
            continue
        held = _values(number, evidence)
        for value in sorted(said - held):
            word = _word(number, value, sentence)
            if held:
                other = _word(number, min(held), evidence)
                return f"the cited text says {other}, not {word}"
            if value not in _values(number, beside):
                return f"the cited text does not say {word}"
        if len(values) > 1 and (problem := _of_another(number, sentence, evidence)):
            return problem
    return ""


@lru_cache(maxsize=4_096)
def substituted(sentence: str, part: str) -> str:
    """Which figure, party or qualifier differs where a sentence nearly repeats a part; empty if none does."""
    mine, theirs = _TOKEN.findall(sentence), _TOKEN.findall(part)
    matcher = SequenceMatcher(None, [a.lower() for a in mine], [b.lower() for b in theirs], autojunk=False)
    blocks = matcher.get_opcodes()
    if sum(b - a for what, a, b, _c, _d in blocks if what == "equal") < MIN_REPEATED * len(mine):
        return ""
    for what, a, b, c, d in blocks:
        if what != "replace":
            continue
        put, instead = " ".join(mine[a:b]), " ".join(theirs[c:d])
        roles, others = ({party.role for party in _parties(text)} for text in (put, instead))
        figures, stated = ({(q.kind, abs(q.value)) for q in extract(text)} for text in (put, instead))
        if (roles and others and not roles & others) or (
            len(put) < 60 and figures and stated and not figures & stated
        ):
            return f'the cited text says "{instead[:40]}", not "{put[:40]}"'
        for number in range(len(QUALIFIERS)):
            said, held = _values(number, put), _values(number, instead)
            if said and held and not said & held:
                other = _word(number, min(held), instead)
                return f"the cited text says {other}, not {_word(number, min(said), put)}"
    return ""


@lru_cache(maxsize=1_024)
def without_qualifiers(text: str) -> str:
    """The sentence with the qualifiers and parties left out: the words that show where it was taken from."""
    for patterns in _PATTERNS:
        for pattern in patterns:
            text = pattern.sub(" ", text)
    return _ROLE.sub(" ", text)


def swapped_party(sentence: str, parts: list[str], carrier: int) -> str:
    """Why the party of the sentence is not the one of the evidence's part that carries it; empty when it is.

    "It shall pay" and the items of a list take their party from the parts before.
    """
    asked = _parties(sentence)
    if not asked:
        return ""
    part = parts[carrier]
    if _PRONOUN.search(part) or _LIST_ITEM.match(part):
        lead = carrier
        while lead and (_LIST_ITEM.match(parts[lead]) or lead == carrier):
            lead -= 1
        part = " ".join(parts[lead : carrier + 1])
    held = _parties(part)
    held_roles = [party.role for party in held]
    for party in asked:
        if party.role not in held_roles and (held or ROLES[party.role] != _UNNAMED):
            return f"the cited text does not say this of the {ROLES[party.role].split()[0].lower()}"
    order = [party.role for party in asked]
    if len(set(order)) > 1 and not _is_subsequence(order, held_roles):
        return "the cited text names the parties the other way round"
    return next((why for party in asked if (why := _acts_otherwise(party, held))), "")


def _acts_otherwise(party: _Party, held: tuple[_Party, ...]) -> str:
    name = ROLES[party.role].split()[0].lower()
    if party.mark in _MARKS_COMPARED:
        same = {other.role for other in held if other.mark == party.mark}
    elif not party.mark and party.does:
        same = {other.role for other in held if other.does == party.does and not other.mark}
    else:
        return ""
    return (
        f"the cited text says this of another party than the {name}"
        if same - {party.role} and party.role not in same
        else ""
    )


def _is_subsequence(wanted: list[int], held: list[int]) -> bool:
    rest = iter(held)
    return all(role in rest for role in wanted)


@lru_cache(maxsize=4_096)
def _parties(text: str) -> tuple[_Party, ...]:
    found: list[_Party] = []
    for match in _ROLE.finditer(text):
        word = match.group(1)
        role = _ROLE_OF.get(word) if word in _ROLE_OF else _ROLE_OF.get(word.lower())
        if role is None:
            continue
        before = _MARK.search(text, max(0, match.start() - 24), match.start())
        mark = "'s" if match.group(2) else before.group(1).lower() if before else ""
        behind = [
            w
            for w in words(text[match.end() : match.end() + 60])
            if w.lower() not in STOPWORDS and w.lower() not in _MODALS
        ]
        found.append(_Party(role, mark, stem(behind[0]) if behind else ""))
    return tuple(found)


def _of_another(number: int, sentence: str, evidence: str) -> str:
    """Whether the evidence says another answer to the same question of this noun, or of this figure."""
    nouns = _qualified(number, evidence)
    for noun, mine in _qualified(number, sentence).items():
        theirs = nouns.get(noun, frozenset())
        if theirs and not mine & theirs:
            mine_word, other = _word(number, min(mine), sentence), _word(number, min(theirs), evidence)
            return f"the cited text says {other}, not {mine_word}"
    for figure, mine in _figured(number, sentence):
        holders = [theirs for other, theirs in _figured(number, evidence) if other == figure]
        if mine and holders and all(theirs and not mine & theirs for theirs in holders):
            mine_word, other = _word(number, min(mine), sentence), _word(number, min(holders[0]), evidence)
            return f"the cited text gives this figure as {other}, not {mine_word}"
    return ""


@lru_cache(maxsize=8_192)
def _qualified(number: int, text: str) -> dict[str, frozenset[int]]:
    """The answers said right before a noun."""
    found: dict[str, frozenset[int]] = {}
    for value, pattern in enumerate(_PATTERNS[number]):
        for match in pattern.finditer(text):
            behind = re.match(r"\s+([A-Za-z][\w-]*)", text[match.end() :])
            if behind and behind.group(1).lower() not in STOPWORDS:
                noun = stem(behind.group(1))
                found[noun] = found.get(noun, frozenset()) | {value}
    return found


@lru_cache(maxsize=8_192)
def _figured(number: int, text: str) -> tuple[tuple[object, frozenset[int]], ...]:
    """Each figure with the answers said in its own clause."""
    cuts = [0, *(match.start() for match in _CLAUSE.finditer(text)), len(text)]
    found = []
    for figure in extract(text):
        start = max(cut for cut in cuts if cut <= figure.start)
        end = min((cut for cut in cuts if cut >= figure.end), default=len(text))
        found.append(((figure.kind, abs(figure.value)), _values(number, text[start:end])))
    return tuple(found)


@lru_cache(maxsize=16_384)
def _values(number: int, text: str) -> frozenset[int]:
    return frozenset(value for value, pattern in enumerate(_PATTERNS[number]) if pattern.search(text))


def _word(number: int, value: int, text: str) -> str:
    match = _PATTERNS[number][value].search(text)
    return f'"{match.group().lower()}"' if match else ""


def _pattern(listed: str) -> re.Pattern[str]:
    phrases = [
        re.escape(phrase).replace(r"\ ", r"\s+").replace(r"\*", r"\w*") for phrase in listed.split(", ")
    ]
    return re.compile(rf"(?<![\w-])(?:{'|'.join(phrases)})(?![\w-])", re.IGNORECASE)


_PATTERNS = tuple(tuple(_pattern(listed) for listed in values) for values in QUALIFIERS)
_ROLE_OF = {name: number for number, names in enumerate(ROLES) for name in names.split()}
_ROLE = re.compile(rf"\b({'|'.join(_ROLE_OF)})(?:s)?('s|\u2019s|s['\u2019])?\b", re.IGNORECASE)
