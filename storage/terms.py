"""The terms by which words are found: what a text holds, and what a query asks for.

Citations, section numbers and figures are terms of their own, in one spelling: `8.2(b)`, `10b-5`, `10-K`,
`U.S.C.`, `5,931`, `$1.5 million`. All else is a word's English stem without accents. A term is never cut in
two, and both sides of a search make terms here, so that what is written alike is found alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

_WORD = re.compile(
    r"""
      [^\W\d_]{2}[^\W_]*                                                  # most words, so they go first
    | (?=\d)(?:
          (?:\d{1,4}\.)?\d{1,3}[a-z]{1,2}\d{0,2}-\d{1,3}(?:-\d{1,3})?(?!\w)  # 10b-5, 240.10b-5
        | \d{1,2}-[a-z]{1,2}(?!\w)                                         # 10-K
        | \d+(?:\.\d+)*[a-z]?(?:\([0-9a-z]{1,4}\))+                        # 8.2(b)(iii), 1681b(a)
        | \d+(?:[.,]\d+)+                                                  # 5,931 and 8.2.1
      )
    | (?<!\w)[a-z](?:-\d{1,2}(?!\w) | \.(?:[a-z]\.)+)                     # S-1, U.S.C.
    | [^\W_]+
    | §
    """,
    re.VERBOSE | re.IGNORECASE,
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_AMOUNT = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s+(thousand|million|billion|trillion)\b", re.IGNORECASE)
_SCALE = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_STOP_WORDS = frozenset(
    """
    a about an and any are as at be been but by can could did do does for from had has have how i if in
    into is it its may me my of on or our please s shall should show so such t tell than that the their
    them then there these they this those to was we were what when where which who whom whose why will
    with would you your
    """.split()  # noqa: SIM905
)


def query_terms(query: str) -> list[str]:
    """The distinct words of a query that carry meaning, lower case, in order; all of them if none does."""
    words = list(dict.fromkeys(_WORD.findall(query.lower())))
    return [word for word in words if word not in _STOP_WORDS] or words


def sought(query: str) -> list[str]:
    """The distinct terms that a search for a query looks for."""
    words = query_terms(query)
    forms = [form for word in words for form in _forms(word)]
    return list(dict.fromkeys(stems([*forms, *_amounts(query)])))


def held(text: str) -> list[str]:
    """The terms that a text is found by, in order, before they are stemmed; a word may give several."""
    return _held(_WORD.findall(text), text)


def sequence(text: str) -> list[str]:
    """One term for each word of a text, in order, before they are stemmed: what phrases are found in."""
    return _sequence(_WORD.findall(text))


def held_and_sequence(text: str) -> tuple[list[str], list[str]]:
    """Both, for which the words are looked for once."""
    words = _WORD.findall(text)
    return _held(words, text), _sequence(words)


@lru_cache(maxsize=4_096)
def stem(word: str) -> str:
    """The term that stands for a query's word at the least: for a clause, its number without letters."""
    found = stems([_forms(word)[0]])
    return found[0] if found else word


def stems(words: Iterable[str]) -> list[str]:
    """Words without blanks, lower case, without accents and endings."""
    return list(_analyzer().analyze(" ".join(words)))


def stemming() -> TextAnalyzer:
    """What stems words that stand between blanks, for an index that does it itself."""
    parts = TextAnalyzerBuilder(Tokenizer.whitespace())
    for one in (Filter.lowercase(), Filter.ascii_fold(), Filter.stemmer("english")):
        parts = parts.filter(one)
    return parts.build()


@lru_cache(maxsize=1)
def _analyzer() -> TextAnalyzer:
    return stemming()


def _held(words: Iterable[str], text: str) -> list[str]:
    found: list[str] = []
    for word in words:
        if word.isalnum():
            found.append(word)
        else:
            found.extend(_forms(word))
    found.extend(_amounts(text))
    return found


def _sequence(words: Iterable[str]) -> list[str]:
    return [word if word.isalnum() else _forms(word)[0] for word in words]


def _forms(word: str) -> tuple[str, ...]:
    """The terms of one word: first the one that each way of writing it has, then the more exact ones."""
    if word.isalnum():
        return (word,)
    if word == "§":
        return ("section",)
    if "-" in word:
        whole = word.replace("-", "", 1)
        _, dot, rule = whole.partition(".")
        return (rule, whole) if dot else (whole,)
    if "(" in word:
        parts = word.split("(")
        return tuple("(".join(parts[: count + 1]) for count in range(len(parts)))
    if word[0].isalpha():
        return (word.replace(".", ""),)
    if _THOUSANDS.fullmatch(word):
        return (word.replace(",", ""),)
    levels = word.split(".")
    if "," not in word and len(levels) > 2:
        return (word, *(".".join(levels[:count]) for count in range(len(levels) - 1, 1, -1)))
    return (word,)


def _amounts(text: str) -> Iterator[str]:
    """Amounts such as `1.5 million` written out, so that `1,500,000` is found by them."""
    for number, scale in _AMOUNT.findall(text):
        amount = Decimal(number.replace(",", "")) * _SCALE[scale.lower()]
        if amount == amount.to_integral_value():
            yield str(int(amount))
