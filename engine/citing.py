"""Check a sentence against the passages that it cites.

A sentence is supported only when some contiguous stretch of a passage holds every number, date, amount and
quoted word of it, most of its other words, its names, parties and qualifiers, and does not say the opposite;
that stretch becomes the citation. This is a check of words, not of meaning: it does not see every false
whole made of true halves, and it turns down free paraphrase. When in doubt it says no.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.answers import Verdict
from engine.evidence import Source, Stretch, pieces, stems_of, windows
from engine.numbers import extract, missing_from
from engine.qualifiers import substituted, swapped_party, unsaid, without_qualifiers
from engine.sentences import MarkedSentence, is_cut_off, looks_like_row
from engine.wording import contradicts, flattened, lacks_names, lacks_quotes
from engine.words import words

MIN_COVERAGE = 0.6
"""Least share of a sentence's content words that must stand in the quote, its headings or document name."""
MIN_IN_QUOTE = 0.45
"""Least share of them that must stand in the quote itself."""

MIN_JOINED = 0.8
"""Least share of them where they are gathered from two sentences or more."""
MAX_BORROWED = 0.2
"""Largest share of them that may come from another clause than the one that holds most of them."""
MIN_IN_FIGURE = 0.3
"""Least share of them that must stand in the very sentence that holds a figure."""

RUN = 5
"""Words in a row that stand in one sentence of the text and not in another: they were taken from there."""

_FULL_STOP = re.compile(r"[.!?:;][\"\u201d\u2019)\]]*\s*$")
_PARTS_BREAK = re.compile(r"[,;:](?=\s)|\b(?:and|but|while|whereas|against|compared)\b")
_NUMBERING = re.compile(r"\W*(?:\w{1,4}[.)]|\d+(?:\.\d+)*)?\W*")
_CLAUSE_END = re.compile(r";\s")


@dataclass(frozen=True, slots=True)
class Finding:
    """What checking one sentence came to, and where its support stands."""

    verdict: Verdict
    reason: str
    evidence: tuple[Stretch, ...] = ()

    @property
    def supported(self) -> bool:
        return self.verdict is Verdict.SUPPORTED


def check(sentence: MarkedSentence, sources: Sequence[Source]) -> Finding:
    """The verdict on a sentence of a reply, given every passage that the model was given.

    A sentence without a marker, or with a wrong one, is attributed to the passage that does support it, and
    the reason says so: the reader never sees the model's marker, only the citation found here.
    """
    if not sentence.ended or is_cut_off(sentence.text):
        return Finding(Verdict.UNSUPPORTED, "it was cut off")
    known = {source.n: source for source in sources}
    strangers = [n for n in sentence.markers if n not in known]
    cited = [known[n] for n in sentence.markers if n in known]
    if cited and not strangers:
        finding = _against(sentence.text, cited)
        if finding.supported:
            return finding
    others = [source for source in sources if source not in cited]
    for source in others:
        finding_elsewhere = _against(sentence.text, [source])
        if finding_elsewhere.supported:
            why = "the model named another passage" if sentence.markers else "the model named no passage"
            return Finding(Verdict.SUPPORTED, f"{why}; this one holds it", finding_elsewhere.evidence)
    if strangers:
        return Finding(Verdict.UNSUPPORTED, f"[{strangers[0]}] names no passage that the model was given")
    if not cited:
        return Finding(Verdict.UNCITED, "no passage is named, and none holds it")
    return finding


def _against(text: str, cited: Sequence[Source]) -> Finding:
    """The verdict against these sources: one of them alone where possible, else all of them together."""
    # A bare figure stands somewhere in most tables; what it is the figure of has to be said to be checked.
    if not stems_of(text):
        return Finding(Verdict.UNSUPPORTED, "it says nothing that can be checked")
    whole = "\n".join(source.text for source in cited)
    units = "\n".join(source.unit_context for source in cited)
    if missing := missing_from(text, whole, unit_context=units):
        return Finding(Verdict.NUMBER_MISMATCH, f"{missing[0].text} does not stand in the cited text")
    if problem := lacks_quotes(text, whole) or lacks_names(text, cited):
        return Finding(Verdict.UNSUPPORTED, problem)
    best = Finding(Verdict.UNSUPPORTED, "the cited text does not say this in these words")
    for source in cited:
        found = _narrowest(text, source)
        if isinstance(found, Stretch):
            return Finding(Verdict.SUPPORTED, "", (found,))
        best = Finding(Verdict.UNSUPPORTED, found)
    return _jointly(text, cited) or best if len(cited) > 1 else best


def _stops_short(text: str, stretch: Stretch) -> bool:
    """Whether a sentence without a full stop leaves out how the quote goes on after its last words."""
    if _FULL_STOP.search(text):
        return False
    last = " ".join(flattened(text).lower().split()[-3:])
    return re.search(rf"{re.escape(last)} [a-z]", flattened(stretch.text).lower()) is not None


def _narrowest(text: str, source: Source) -> Stretch | str:
    """The shortest stretch that carries the sentence, or why there is none."""
    asked = stems_of(text)
    reason = "the cited text does not say this in these words"
    for stretch in windows(source):
        if not _covers(asked, [stretch]) or missing_from(
            text, stretch.text, unit_context=source.unit_context
        ):
            continue
        if lacks_quotes(text, stretch.text):
            continue
        if _is_verbatim(text, stretch):
            return stretch
        if _goes_round(text, stretch.text):
            reason = "it repeats itself"
            continue
        if problem := contradicts(text, stretch.text) or _altered(text, stretch):
            reason = problem
            continue
        if _joins_clauses(asked, stretch.text):
            reason = "its words stand in separate clauses of the cited text"
            continue
        if not _figures_belong(text, stretch):
            reason = "its figures stand beside these words in the cited text, not with them"
            continue
        if _stops_short(text, stretch):
            reason = "it was cut off"
            continue
        return stretch
    return reason


def _parts(evidence: str) -> list[str]:
    return [part for a, b in pieces(evidence) for part in _CLAUSE_END.split(evidence[a:b]) if part.strip()]


def _joins_clauses(asked: frozenset[str], evidence: str) -> bool:
    """Whether a sentence takes words from a second clause: small models make one falsehood of two truths.

    Words that stand nowhere in the evidence are the sentence's own way of saying it; words that stand in
    another clause than most of it are borrowed. A subject may be (one word), more may not.
    """
    parts = _parts(evidence)
    if any(looks_like_row(part) for part in parts):
        return False
    held = [asked & stems_of(part) for part in parts]
    borrowed = frozenset().union(*held) - max(held, key=len)
    return len(borrowed) > max(1, MAX_BORROWED * len(asked))


def _carriers(text: str, parts: Sequence[str]) -> tuple[list[frozenset[str]], list[int]]:
    """What each part holds of the sentence, and which of them hold most."""
    asked = stems_of(without_qualifiers(text)) or stems_of(text)
    held = [asked & stems_of(part) for part in parts]
    most = max(map(len, held))
    return held, [at for at, found in enumerate(held) if len(found) == most]


def _of_another(text: str, parts: list[str], at: int) -> str:
    return swapped_party(text, parts, at) or substituted(text, parts[at])


def _goes_on(text: str, part: str, source: Source) -> str:
    """Why the sentence is two that were joined: it begins as one sentence does and goes on as another."""
    strange = frozenset() if looks_like_row(part) else _runs(text) - _runs(part)
    others = (source.text[a:b] for a, b in pieces(source.text)) if strange else ()
    if any(strange & _runs(other) for other in others if part not in other and not looks_like_row(other)):
        return "it joins the words of separate sentences of the cited text"
    return ""


def _goes_round(text: str, evidence: str) -> bool:
    """Whether four words in a row stand more often than in the text: small models run in a loop."""
    said, held = _fours(text), _fours(evidence)
    return any(count > 1 and count > held[four] for four, count in said.items())


@lru_cache(maxsize=8_192)
def _fours(text: str) -> Counter[tuple[str, ...]]:
    said = [word.lower() for word in words(text)]
    return Counter(tuple(said[at : at + 4]) for at in range(len(said) - 3))


@lru_cache(maxsize=8_192)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    """Every few words in a row: so many are not the same by chance."""
    said = [word.lower() for word in words(text)]
    return frozenset(tuple(said[at : at + RUN]) for at in range(len(said) - RUN + 1))


def _altered(text: str, stretch: Stretch) -> str:
    """Why the parts of the quote that carry the sentence qualify it otherwise or speak of another party."""
    whole = [stretch.text[a:b] for a, b in pieces(stretch.text)]
    # A sentence that has a semicolon itself is not held against the halves of one.
    parts = whole if ";" in text else _parts(stretch.text)
    held, carriers = _carriers(text, parts)
    problems = [_of_another(text, parts, at) or _goes_on(text, parts[at], stretch.source) for at in carriers]
    if all(problems):
        return problems[0]
    best = held[carriers[problems.index("")]]
    bearing = [part for part, found in zip(parts, held, strict=True) if found == best or found - best]
    # A row is qualified by the head of its table.
    said = stretch.text if any(looks_like_row(part) for part in parts) else "\n".join(bearing)
    return unsaid(text, said, beside=stretch.source.context)


def _is_verbatim(text: str, stretch: Stretch) -> bool:
    """Whether the sentence is a whole sentence of the page, its clause number or not."""
    said, printed = flattened(text).rstrip(".;"), flattened(stretch.text).rstrip(".;")
    return printed.endswith(said) and _NUMBERING.fullmatch(printed.removesuffix(said)) is not None


def _figures_belong(text: str, stretch: Stretch) -> bool:
    """Each figure's own sentence or row must speak of the matter: two neighbours can make a falsehood."""
    parts = [stretch.text[a:b] for a, b in pieces(stretch.text)]
    asked = stems_of(text)
    if not asked:
        return True
    near = [
        part
        for part in parts
        if looks_like_row(part) or len(asked & stems_of(part)) >= MIN_IN_FIGURE * len(asked)
    ]
    if len(parts) > 1 and missing_from(text, "\n".join(near), unit_context=stretch.source.unit_context):
        return False
    return _rows_belong(text, stretch)


def _rows_belong(text: str, stretch: Stretch) -> bool:
    """Each figure must stand in the row, or clause, whose label the sentence says, and not beside it."""
    context = stretch.source.unit_context
    shown = [stretch.text[a:b] for a, b in pieces(stretch.text)]
    every = [stretch.source.text[a:b] for a, b in pieces(stretch.source.text)]
    rows = [(part, stems_of(part)) for part in every if looks_like_row(part) and extract(part)]
    for clause, said in _clauses(text):
        for figure in extract(clause):
            holders = [part for part in shown if not missing_from(figure.text, part, unit_context=context)]
            if holders and not any(_is_its_row(said, part, rows) for part in holders):
                return False
    return True


def _clauses(text: str) -> list[tuple[str, frozenset[str]]]:
    """The clauses of a sentence, each with its words; one that has none is of the clause before it."""
    found: list[tuple[str, frozenset[str]]] = []
    for clause in _PARTS_BREAK.split(text):
        said = stems_of(clause)
        found.append((clause, said or (found[-1][1] if found else stems_of(text))))
    return found


def _is_its_row(said: frozenset[str], part: str, rows: Sequence[tuple[str, frozenset[str]]]) -> bool:
    """Whether no other row's label is said better; a row without one is named by what stands around it."""
    if not looks_like_row(part):
        return True
    label = stems_of(part)
    if not label:
        return True
    own = len(said & label), -len(label - said)
    best = max(
        ((len(said & other), -len(other - said)) for _row, other in rows if other != label), default=own
    )
    return own[0] > 0 and best <= own


def _jointly(text: str, cited: Sequence[Source]) -> Finding | None:
    """A sentence drawn from several passages: each gives its best stretch; together they must carry it."""
    asked = stems_of(text)
    chosen: list[Stretch] = []
    for source in cited:
        candidates = [stretch for stretch in windows(source) if asked & stems_of(stretch.text)]
        if not candidates:
            return None

        def value(stretch: Stretch) -> tuple[int, int, int]:
            context = stretch.source.unit_context
            missing = len(missing_from(text, stretch.text, unit_context=context))
            return -missing, len(asked & stems_of(stretch.text)), -len(stretch.text)

        chosen.append(max(candidates[:60], key=value))
    joined = "\n".join(stretch.text for stretch in chosen)
    units = "\n".join(source.unit_context for source in cited)
    if not _covers(asked, chosen) or missing_from(text, joined, unit_context=units):
        return None
    if lacks_quotes(text, joined) or any(contradicts(text, stretch.text) for stretch in chosen):
        return None
    parts = [stretch.text[a:b] for stretch in chosen for a, b in pieces(stretch.text)]
    if all(_of_another(text, parts, at) for at in _carriers(text, parts)[1]):
        return None
    if unsaid(text, joined) or not all(_rows_belong(text, stretch) for stretch in chosen):
        return None
    return Finding(Verdict.SUPPORTED, "", tuple(chosen))


def _covers(asked: frozenset[str], stretches: Sequence[Stretch]) -> bool:
    if not asked:
        return True
    quote = frozenset().union(*(stems_of(stretch.text) for stretch in stretches))
    context = frozenset().union(*(stems_of(stretch.source.context) for stretch in stretches))
    inside, beside = len(asked & quote), len(asked & (quote | context))
    if inside < MIN_IN_QUOTE * len(asked) or beside < MIN_COVERAGE * len(asked):
        return False
    parts = [stretch.text[a:b] for stretch in stretches for a, b in pieces(stretch.text)]
    prose = [part for part in parts if not looks_like_row(part)]
    # Words gathered from several sentences prove less than the same words in one.
    return len(prose) < 2 or beside >= MIN_JOINED * len(asked)
