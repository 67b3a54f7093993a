"""Read from a question what an answer to it must hold: its telling words, and the kind of figure asked for.

Words meet by their roots ("anti-assignment", "assign"; "liability", "liable"), and a few that contracts use
for one another count in part ("limit", "exceed"). Words that name a document count for little: they stand on
its title page and answer nothing. Other synonyms are unknown.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.evidence import Source, pieces, stems_of
from engine.numbers import Kind, Quantity, extract
from engine.sentences import spans_of_sentences
from engine.words import stem, word_set

_NAMING = 0.3
_KIN_SHARE = 0.6
_HEADING_SHARE = 0.5
_PREFIXES = word_set("anti non re pre sub co")
# After the common endings are off: what makes a noun or an adjective of a verb. Longest first.
_ENDINGS = (
    ("ificat", ""), ("ality", ""), ("ivity", ""), ("ility", "l"), ("ition", ""), ("ation", ""), ("ement", ""),
    ("ment", ""), ("ance", ""), ("ence", ""), ("ity", ""), ("ify", ""), ("ion", ""), ("ial", ""), ("anc", ""),
    ("enc", ""), ("abl", ""), ("ibl", ""), ("bl", "bl"), ("ing", ""), ("iv", ""), ("at", ""), ("it", ""),
    ("al", ""), ("ur", ""),
)  # fmt: skip
_LEAST_ROOT = 4
# Said of what is asked, not what is asked: "how many days' notice" asks for notice.
_TELLING = frozenset(
    stem(one)
    for one in word_set(
        "many long often number amount date day days week weeks month months year years period consider"
        " contract clause section provision following happens happen event included include includes contain"
        " contains given make made get set specify specified describe described exist exists there one two"
    )
)
_KIN = {
    "limit": "exceed maximum cap aggregate",
    "cap": "exceed maximum limit aggregate",
    "maximum": "exceed cap limit",
    "expir": "term end until",
    "cost": "expense price charge fee",
    "exclus": "exclusive sole solely",
    "compet": "competitor competing",
    "renew": "extend extension successive",
}


@lru_cache(maxsize=50_000)
def root(word: str) -> str:
    """A stem without what makes a noun or adjective of it: `liability` and `liable` meet."""
    if not word.isalpha():
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) + len(instead) >= _LEAST_ROOT:
            return word[: -len(ending)] + instead
    return word


@lru_cache(maxsize=16_384)
def roots_of(text: str) -> frozenset[str]:
    """Roots of a text's content words, parts of hyphened words apart."""
    parts = (part for one in stems_of(text) for part in one.split("-"))
    return frozenset(root(stem(part)) for part in parts if len(part) > 1 and part not in _PREFIXES)


_KIN_ROOTS = {one: frozenset(root(stem(each)) for each in word_set(kin)) for one, kin in _KIN.items()}


def asking_part(question: str) -> str:
    """The part that asks, where what stands before a semicolon, colon or full stop only leads up to it."""
    sentences = [question[start:end] for start, end in spans_of_sentences(question)]
    return re.split(r"[;:]\s+", sentences[-1])[-1] if sentences else question


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks, with its words weighed by how rare they are in what was found."""

    weights: dict[str, float]
    """Roots of telling words; those that only name a document or lead up to the question weigh little."""
    pointed: frozenset[str]
    """Those that do more than name a document."""
    kinds: tuple[Callable[[Quantity], bool], ...]
    """What a figure must be to answer; none where no figure is asked for."""
    named: frozenset[object]
    """Values of the figures in the question itself: they answer nothing."""

    def share(self, text: str, headings: str = "") -> float:
        """The share, from 0 to 1, of what is asked that a text holds; its headings count half."""
        return self._share(self.weights, roots_of(text), roots_of(headings))

    def pointed_share(self, text: str, headings: str = "") -> float:
        """The same by the words that do more than name a document; 1 where the question has none."""
        weights = {one: weight for one, weight in self.weights.items() if one in self.pointed}
        return self._share(weights, roots_of(text), roots_of(headings)) if self.pointed else 1.0

    def figures(self, text: str) -> list[Quantity]:
        """The figures of a text that are of the kind asked for and not in the question."""
        return [q for q in extract(text) if q.value not in self.named and any(fit(q) for fit in self.kinds)]

    @staticmethod
    def _share(weights: dict[str, float], held: frozenset[str], above: frozenset[str]) -> float:
        total = sum(weights.values())
        if not total:
            return 0.0
        return sum(weight * _held(one, held, above) for one, weight in weights.items()) / total


def _held(one: str, held: frozenset[str], above: frozenset[str]) -> float:
    if one in held:
        return 1.0
    kin = _KIN_ROOTS.get(one, frozenset())
    in_headings = _HEADING_SHARE if one in above else 0.0
    return max(_KIN_SHARE if kin & held else 0.0, in_headings)


def asked_of(question: str, sources: Sequence[Source]) -> Asked:
    """Weigh a question's words against the passages found for it."""
    texts = [source.text[start:end] for source in sources for start, end in pieces(source.text)]
    asked = roots_of(question)
    telling = asked - frozenset(root(one) for one in _TELLING) or asked
    leading = asked - roots_of(asking_part(question))
    naming = leading | (asked & _names(sources[:8]))
    holders = Counter(one for text in texts for one in telling & roots_of(text))
    weights = {
        one: math.log(1 + len(texts) / (0.5 + holders[one])) * (_NAMING if one in naming else 1.0)
        for one in telling
        if holders[one] or any(_KIN_ROOTS.get(one, frozenset()) & roots_of(text) for text in texts)
    }
    return Asked(
        weights=weights,
        pointed=telling - naming,
        kinds=tuple(kinds_asked(question)),
        named=frozenset(quantity.value for quantity in extract(question)),
    )


def kinds_asked(question: str) -> Iterable[Callable[[Quantity], bool]]:
    """What a figure must be to answer the question: one test for each kind that it asks for."""
    if unit := _UNIT_ASKED.search(question):
        wanted = unit.group(1).lower()
        return (lambda q: q.unit == wanted,)
    return [fit for pattern, fit in _KINDS if pattern.search(question)]


def _names(sources: Sequence[Source]) -> frozenset[str]:
    return frozenset(one for source in sources for one in roots_of(source.passage.document))


def _is_small_or_year(quantity: Quantity) -> bool:
    return abs(quantity.value) < 100 or (1_900 <= quantity.value <= 2_100 and "," not in quantity.text)


_UNIT_ASKED = re.compile(r"\bhow\s+many\s+(?:\w+\s+)?(day|week|month|year|hour|minute)s?\b", re.IGNORECASE)
_KINDS: tuple[tuple[re.Pattern[str], Callable[[Quantity], bool]], ...] = (
    (
        re.compile(
            r"\b(?:how much|amount|price|costs?|fees?|rent|revenues?|income|salary|total|value)\b", re.I
        ),
        lambda q: q.kind is Kind.MONEY or (q.kind is Kind.NUMBER and not q.unit and not _is_small_or_year(q)),
    ),
    (
        re.compile(r"\b(?:when|what date|which date|what day|dated|effective date|expir\w*)\b", re.I),
        lambda q: q.kind is Kind.DATE,
    ),
    (
        re.compile(r"\b(?:how long|how many|period|number of|days|months|years|deadline)\b", re.I),
        lambda q: q.kind is Kind.NUMBER and (bool(q.unit) or not _is_small_or_year(q)),
    ),
    (
        re.compile(r"\b(?:what percent\w*|percentage|rates?|margin|interest)\b", re.I),
        lambda q: q.kind is Kind.PERCENT,
    ),
    (
        re.compile(r"\b(?:limit|cap|maximum)\b.{0,40}\bliab|\bliab\w+.{0,40}\b(?:limit|cap|maximum)", re.I),
        lambda q: q.kind in (Kind.MONEY, Kind.PERCENT),
    ),
)
