"""Sentences of real documents made false in one way each, or said otherwise and still true.

`python -m tests.engine.corruptions` prints how many false ones the citation check catches and how many true
ones it turns down, over the shipped samples and, where it is there, the corpus beside this project.
"""

from __future__ import annotations

import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from engine.citing import check
from engine.evidence import Source, stems_of
from engine.numbers import extract
from engine.sentences import MarkedSentence, looks_like_row, spans_of_sentences, split_reply
from storage.records import Chunk, Passage, Span

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "app" / "samples" / "sources"
CORPUS = ROOT.parent / "shared" / "data" / "legalbench_rag" / "corpus"
PASSAGE = 1_200

FALSE = ("number", "qualifier", "role", "row", "join", "cut")
TRUE = ("verbatim", "paraphrase", "row stated")

# Written apart from the engine's own list, so that a gap in that one shows here.
_OTHER = [
    ("annual", "monthly"), ("monthly", "annual"), ("quarterly", "monthly"), ("yearly", "weekly"),
    ("a year", "a month"), ("per year", "per month"), ("per annum", "per month"), ("daily", "weekly"),
    ("gross", "net"), ("net", "gross"), ("total", "average"), ("aggregate", "average"), ("average", "total"),
    ("maximum", "minimum"), ("minimum", "maximum"), ("at least", "at most"),
    ("not less than", "not more than"),
    ("not more than", "not less than"), ("no more than", "at least"), ("before", "after"),
    ("after", "before"),
    ("prior to", "after"), ("exclusive", "non-exclusive"), ("non-exclusive", "exclusive"), ("all", "any"),
    ("each", "any"), ("either", "both"), ("both", "either"), ("any", "all"), ("initial", "renewal"),
    ("renewal", "initial"), ("estimated", "actual"), ("actual", "estimated"), ("basic", "diluted"),
    ("diluted", "basic"), ("increase", "decrease"), ("decrease", "increase"), ("rose", "fell"),
    ("fell", "rose"),
    ("includes", "excludes"), ("including", "excluding"), ("may", "shall"),
    ("must", "may"), ("assets", "liabilities"),
]  # fmt: skip
_PAIRS = [
    ("Customer", "Supplier"), ("Landlord", "Tenant"), ("Buyer", "Seller"), ("Purchaser", "Vendor"),
    ("Licensor", "Licensee"), ("Lessor", "Lessee"), ("Lender", "Borrower"), ("Distributor", "Company"),
    ("Contractor", "Company"), ("Provider", "Customer"), ("Franchisor", "Franchisee"),
    ("Consultant", "Company"), ("Supplier", "Buyer"), ("Recipient", "Discloser"),
    ("Receiving Party", "Disclosing Party"), ("Manufacturer", "Distributor"),
]  # fmt: skip
_SHORT = [("does not", "doesn't"), ("is not", "isn't"), ("are not", "aren't"), ("cannot", "can't")]


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence, of what kind it is, and what it is checked against."""

    kind: str
    sentence: MarkedSentence
    sources: tuple[Source, ...]


def texts(*, corpus: int, characters: int) -> Iterator[tuple[str, str]]:
    """Name and text of each sample, then of that many contracts of the corpus."""
    paths = sorted(SAMPLES.glob("*.txt"))
    contracts = sorted((CORPUS / "cuad").glob("*.txt")) + sorted((CORPUS / "contractnli").glob("*.txt"))
    paths += random.Random(7).sample(contracts, corpus) if corpus else []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        yield path.name, re.sub(r"^(?:[#=]+ |---.*$)", "", text, flags=re.MULTILINE)[:characters]


def cases(*, corpus: int = 0, seed: int = 1, characters: int = 40_000) -> Iterator[Case]:
    """Each sentence in each of its false and true forms, beside its passage and the two around it."""
    chance = random.Random(seed)
    for name, text in texts(corpus=corpus, characters=characters):
        passages = list(_passages(text))
        sources = [_source(n, name, passage) for n, passage in enumerate(passages, start=1)]
        for at, passage in enumerate(passages):
            around = tuple(sources[max(0, at - 1) : at + 2])
            true = {
                one.text
                for kind, said in _forms(passage, random.Random(0))
                if kind == "verbatim"
                for one in split_reply(said)
            }
            for kind, said in _forms(passage, chance):
                if kind in FALSE and {one.text for one in split_reply(said) if one.ended} & true:
                    continue  # Only the mark of a list was changed, and that is not part of a sentence.
                for one in split_reply(said):
                    yield Case(kind, MarkedSentence(one.text, (at + 1,), one.ended), around)


def shares(found: Iterator[Case]) -> tuple[dict[str, tuple[int, int]], list[Case]]:
    """For each kind how many of how many were supported, and the cases that came out wrong."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    wrong: list[Case] = []
    for case in found:
        supported = check(case.sentence, case.sources).supported
        counts[case.kind][0] += supported
        counts[case.kind][1] += 1
        if supported is (case.kind in FALSE):
            wrong.append(case)
    return {kind: (a, b) for kind, (a, b) in counts.items()}, wrong


def _passages(text: str) -> Iterator[str]:
    held = ""
    for paragraph in re.split(r"\n\s*\n", text):
        if held and len(held) + len(paragraph) > PASSAGE:
            yield held
            held = ""
        held += ("\n\n" if held else "") + paragraph[: 2 * PASSAGE]
    if held.strip():
        yield held


def _source(n: int, name: str, text: str) -> Source:
    chunk = Chunk(f"chunk_{n}", "doc_1", "version_1", n, Span(1, 0, len(text)), (), text, "")
    return Source(n, Passage(chunk, name, n, 1.0), text)


def _forms(passage: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    parts = [passage[a:b] for a, b in spans_of_sentences(passage)]
    prose = [
        " ".join(part.split())
        for part in parts
        if part.endswith(".") and not looks_like_row(part) and len(stems_of(part)) >= 5
    ]
    # One sentence to the splitter, or the forms below would be checked in pieces.
    prose = [one for one in prose if len(split_reply(one)) == 1]
    for sentence in prose:
        yield "verbatim", sentence
        for other in {_said_otherwise(sentence), _shorter(sentence)} - {sentence}:
            yield "paraphrase", other
        yield from (("number", wrong) for wrong in _wrong_figure(sentence, chance))
        yield from (("qualifier", wrong) for wrong in _wrong_qualifier(sentence, chance))
        yield from (("role", wrong) for wrong in _wrong_role(sentence, chance))
        tokens = sentence.split()
        yield "cut", " ".join(tokens[: chance.randrange(4, len(tokens))]) if len(tokens) > 5 else "The fee of"
    for one, other in pairwise(prose):
        if (joined := _joined(one, other)) is not None:
            yield "join", joined
    yield from _rows(parts, chance)


def _wrong_figure(sentence: str, chance: random.Random) -> Iterator[str]:
    """One figure with a digit changed, its spelled-out twin left out."""
    figures = [q for q in extract(sentence) if any(letter.isdigit() for letter in q.text)]
    if figures:
        figure = chance.choice(figures)
        at = chance.choice([place for place, letter in enumerate(figure.text) if letter.isdigit()])
        digit = chance.choice([one for one in "123456789" if one != figure.text[at]])
        changed = figure.text[:at] + digit + figure.text[at + 1 :]
        yield sentence[: figure.start] + changed + sentence[figure.end :]


def _wrong_qualifier(sentence: str, chance: random.Random) -> Iterator[str]:
    found = [
        (old, new) for old, new in _OTHER if re.search(rf"(?<![\w-]){old}(?![\w-])", sentence, re.IGNORECASE)
    ]
    if found:
        old, new = chance.choice(found)
        yield re.sub(rf"(?<![\w-]){old}(?![\w-])", new, sentence, flags=re.IGNORECASE)


def _wrong_role(sentence: str, chance: random.Random) -> Iterator[str]:
    """One party put for the other once, or each for the other throughout."""
    for one, other in _PAIRS:
        here = list(re.finditer(rf"\b(?:{one}|{other})\b", sentence))
        if not here:
            continue
        match = chance.choice(here)
        once = sentence[: match.start()] + (other if match.group() == one else one) + sentence[match.end() :]
        yield once
        if len(here) > 1:
            to = {one: other, other: one}
            pieces = re.split(rf"\b({one}|{other})\b", sentence)
            swapped = "".join(to.get(piece, piece) for piece in pieces)
            if swapped != once:
                yield swapped
        return


def _joined(one: str, other: str) -> str | None:
    """The first clause of a sentence with the end of the next one: both true, the whole not."""
    first, last = one.split(", ")[0].rstrip("."), other.split(", ")[-1]
    if first == one.rstrip(".") or last == other or min(len(stems_of(first)), len(stems_of(last))) < 3:
        return None
    return f"{first} {last}"


def _rows(parts: list[str], chance: random.Random) -> Iterator[tuple[str, str]]:
    rows = []
    for part in parts:
        figures = [q for q in extract(part) if re.fullmatch(r"\(?[\d,.]{3,}\)?%?", q.text)]
        label = re.split(r"\s*\|\s*|\s{2,}|\t", part.strip(" |"))[0].strip(" *")
        if looks_like_row(part) and figures and stems_of(label) and not extract(label):
            rows.append((label, figures[0].text, {q.value for q in figures}))
    for label, figure, values in rows:
        yield "row stated", f"{label} was {figure}."
        others = [o for o in rows if o[0] != label and extract(o[1])[0].value not in values]
        if others:
            yield "row", f"{label} was {chance.choice(others)[1]}."


def _said_otherwise(sentence: str) -> str:
    """Defined terms in small letters, short forms, and figures for the words that they repeat."""
    said = re.sub(
        r"\b(Agreement|Services|Premises|Party|Parties|Term|Fee|Charges)\b",
        lambda m: m.group().lower(),
        sentence,
    )
    said = re.sub(r"\b[a-z]+(?:[ -][a-z]+){0,3} \((\d+)(?:st|nd|rd|th)?\)", _digits, said)
    for long, short in _SHORT:
        said = said.replace(long, short)
    return said[:1].upper() + said[1:]


def _digits(match: re.Match[str]) -> str:
    spelled = match.group().rsplit(" (", 1)[0]
    for words in (spelled.split(" ")[at:] for at in range(len(spelled.split(" ")))):
        figures = extract(" ".join(words))
        if len(figures) == 1 and figures[0].start == 0 and figures[0].value == int(match.group(1)):
            kept = spelled.removesuffix(" ".join(words))
            return f"{kept}{match.group(1)}"
    return match.group()


def _shorter(sentence: str) -> str:
    """Without a last clause that only adds to what is said."""
    return re.sub(r", (?:which|with|as|being|including|in) [^,;]{10,120}\.$", ".", sentence)


def main() -> None:
    """Write the shares of both collections, and some of what came out wrong, to standard output."""
    lines: list[str] = []
    contracts = 8 if CORPUS.is_dir() else 0
    for label, corpus in (("samples", 0), (f"samples and {contracts} contracts", contracts)):
        counts, wrong = shares(cases(corpus=corpus))
        lines.append(label)
        for kind in (*FALSE, *TRUE):
            supported, of = counts.get(kind, (0, 0))
            right = of - supported if kind in FALSE else supported
            lines.append(f"  {kind:12} {right}/{of} right ({right / max(1, of):.1%})")
        some = random.Random(1).sample(wrong, min(20, len(wrong)))
        lines += [f"    {case.kind}: {case.sentence.text[:200]}" for case in some]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
