"""Find the words of a question that name a document, and say the question without them.

"Consider the lease between A and B; who insures?", "Who insures under A's lease with B?" and "lease A B who
insures" name the same document: the longest stretch of words that tell it from others, wherever it stands.
What is left stays prose, because it is read for its meaning. Which words a document has, and how few others
have them, is for the caller to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.cards import LEAST_TELLING
from engine.words import word_set

_TOKEN = re.compile(r"['\u2019]s\b|(?<=s)['\u2019](?=\s)|\w+|[^\w\s]")
_OWNERS = ("'s", "\u2019s", "'", "\u2019")
_LEAST_STRENGTH = 0.4
_QUOTES = '"\u201c\u201d'
_KINDS = word_set(
    """agreement agreements contract contracts lease leases deed license licence nda policy report reports
    filing filings form statement memorandum letter amendment plan note notes indenture undertaking terms
    addendum order 10-k 10-q 8-k 10k 10q 8k"""
)
"""What documents call themselves."""
_PLAIN_KINDS = word_set("agreement contract lease nda policy filing 10-k 10-q 8-k 10k 10q 8k")
"""Kinds that a sentence goes on with for no other reason: "A report any changes" is no report."""
_JOINTS = word_set("the a an of and between by among with for to in at on dated as de von et al others other")
_LEADS = word_set(
    """consider considering according under in for regarding concerning about per from of on at by with within
    through given see reading read check take using following to respect look looking based relating related
    between among as stated terms context case check"""
)
"""What leads up to a document's name, and makes no sense without it."""
_SMALL = word_set(
    """the a an of and or between by among with for to in at on from is are was were be does do did has have
    had can could will would shall should may might must what which who whom whose when where why how if
    there this that these those it its any all not no i we you he she they my our your their me us please"""
)
_END_OF_CLAUSE = {";": -1.0, "?": -1.0, "!": -1.0, ":": -0.6, ".": -0.3, ",": -0.05}
_INNER_JOINTS = word_set("the a an of and between by among with dated & de von")
"""Words that stand inside a name; other small ones rather stand before or after it."""
_JOINT, _OUTER_JOINT, _UNKNOWN_NAME, _OTHER_WORD = -0.05, -0.25, -0.05, -0.4
_FAINT = 0.5
_LONGEST_TITLE = 6
"""Words between an owner and the kind of document: "Acme's Mutual Non-Disclosure Agreement"."""


@dataclass(frozen=True, slots=True)
class Naming:
    """How a question names a document."""

    said: str
    """The words that name it."""
    asked: str
    """The question without them; never empty."""
    strength: float
    """1 for every word that stands in no other document, less for others."""


class _Token(NamedTuple):
    text: str
    lower: str
    start: int
    end: int
    in_quotes: bool

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()

    @property
    def is_named(self) -> bool:
        """Whether it is written as names are."""
        if not self.is_word or not (self.in_quotes or any(map(str.isupper, self.text))):
            return False
        is_initial = len(self.text) == 1 and self.text.isupper()
        return is_initial or self.lower not in _SMALL


def naming(question: str, telling: Callable[[str], float | None]) -> Naming | None:
    """How the question names a document, or None when it names none or nothing else.

    `telling` gives for a word how well it tells the document from others, from 0 to 1; None for a word that
    the document's name and beginning lack.
    """
    tokens = _tokens(question)
    weights = [telling(one.text) if one.is_word and one.lower not in _SMALL else None for one in tokens]
    has_case = any(one.is_named and weight for one, weight in zip(tokens, weights, strict=True))
    scores = [_score(one, weight, has_case=has_case) for one, weight in zip(tokens, weights, strict=True)]
    found = _best_stretch(scores)
    if found is None:
        return None
    first, last = found
    strength = sum(weight or 0.0 for weight in weights[first : last + 1])
    if strength < _LEAST_STRENGTH:
        return None
    if has_case:
        first = _from_the_name(tokens, first, last)
    first, last = _to_the_left(tokens, first), _to_the_right(tokens, last)
    asked = _without(question, tokens, first, last)
    if not any(one.is_word and one.lower not in _SMALL for one in _tokens(asked)):
        return None
    return Naming(question[tokens[first].start : tokens[last].end], asked, strength)


def _tokens(text: str) -> list[_Token]:
    tokens, in_quotes = [], False
    for match in _TOKEN.finditer(text):
        if match[0] in _QUOTES:
            in_quotes = not in_quotes
        tokens.append(_Token(match[0], match[0].lower(), *match.span(), in_quotes))
    return tokens


def _score(token: _Token, weight: float | None, *, has_case: bool) -> float:
    if not token.is_word:
        return 0.0 if token.in_quotes else _END_OF_CLAUSE.get(token.text, 0.0)
    if weight is not None:
        if weight < LEAST_TELLING:
            return 0.0
        # A figure or a year says rather what is asked than of what.
        is_faint = token.text.isdigit() or (has_case and not token.is_named)
        return weight * (_FAINT if is_faint else 1.0)
    if token.lower in _JOINTS:
        return _JOINT if token.lower in _INNER_JOINTS else _OUTER_JOINT
    return _UNKNOWN_NAME if token.is_named or token.lower in _KINDS else _OTHER_WORD


def _best_stretch(scores: Sequence[float]) -> tuple[int, int] | None:
    """First and last place of the stretch with the largest sum, if that is above zero."""
    best, found, running, start = 0.0, None, 0.0, 0
    for place, score in enumerate(scores):
        if running <= 0:
            running, start = 0.0, place
        running += score
        if running > best:
            best, found = running, (start, place)
    return found


def _from_the_name(tokens: Sequence[_Token], first: int, last: int) -> int:
    """Where the name begins: what is "of" it, in small letters, is what is asked, unless a kind of document.

    "Pharmaceutical patents of Acme Pharmaceuticals" asks for patents, "supply agreement of Acme" names one.
    """
    named = next((place for place in range(first, last + 1) if tokens[place].is_named), first)
    before = [one.lower for one in tokens[first:named]]
    return named if before and before[-1] in _JOINTS and not _KINDS.intersection(before) else first


def _to_the_left(tokens: Sequence[_Token], first: int) -> int:
    """Over the rest of the name, and over what leads up to it."""
    at = first
    while at > 0 and _belongs(tokens, at - 1):
        at -= 1
    # "according to the", "in the case of": the lead may have several words.
    while at > 0 and tokens[at - 1].lower in _LEADS | _JOINTS:
        at -= 1
    return at


def _belongs(tokens: Sequence[_Token], place: int) -> bool:
    """Whether what stands before a part of the name is a part of it as well."""
    token = tokens[place]
    if token.in_quotes or token.is_named or token.lower in _KINDS or token.text in "-'(\"\u201d":
        return True
    return token.lower in _JOINTS and _goes_on(tokens, place)


def _goes_on(tokens: Sequence[_Token], joint: int) -> bool:
    """Whether what stands before a joint belongs to the name: "agreement between", "Research and"."""
    at = joint
    while at >= 0 and tokens[at].lower in _INNER_JOINTS:
        at -= 1
    if at < 0 or at == joint:
        return False
    return tokens[at].lower in _KINDS or (tokens[joint].lower == "and" and tokens[at].is_named)


def _to_the_right(tokens: Sequence[_Token], last: int) -> int:
    """Over the rest of the name, its owner's mark, and the kind of document that it owns."""
    at, is_owned = last, False
    while at + 1 < len(tokens):
        after = tokens[at + 1]
        ahead = tokens[at + 2] if at + 2 < len(tokens) else None
        if after.lower in _OWNERS:
            at, is_owned = at + 1, True
        elif after.text in _QUOTES or after.text in "-)" or (after.in_quotes and tokens[at].in_quotes):
            at += 1
        elif is_owned:
            return _owned_kind(tokens, at)
        elif after.is_named or after.lower in _PLAIN_KINDS or (after.text == "." and _is_short(tokens[at])):
            at += 1
        elif after.lower in ("and", "&", ",") and ahead and (ahead.is_named or ahead.lower == "others"):
            at += 2
        else:
            break
    return at


def _owned_kind(tokens: Sequence[_Token], owner: int) -> int:
    """The place of the kind of document that is owned, or the owner's.

    "Acme's Mutual Non-Disclosure Agreement" goes on, "Acme's Confidential Information" does not.
    """
    for place in range(owner + 1, min(owner + 1 + _LONGEST_TITLE, len(tokens))):
        token = tokens[place]
        if token.lower in _KINDS:
            return place
        if token.lower in _SMALL or not (token.is_word or token.text == "-"):
            break
    return owner


def _is_short(token: _Token) -> bool:
    """Whether a full stop after it is the abbreviation's."""
    return token.is_named and len(token.text) <= 4


def _without(question: str, tokens: Sequence[_Token], first: int, last: int) -> str:
    before, after = question[: tokens[first].start], question[tokens[last].end :]
    kind = next((one.lower for one in reversed(tokens[first : last + 1]) if one.lower in _KINDS), None)
    # "Does Acme's lease allow" needs a word in its place, "under Acme's lease" goes as a whole.
    instead = f"the {kind}" if kind and first > 0 and tokens[first].lower not in _LEADS else ""
    text = f"{before} {instead} {after}"
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,;:.?!])", r"\1", text)
    text = text.lstrip(",;:.-\u2013\u2014 ").strip()
    return text[:1].upper() + text[1:]
