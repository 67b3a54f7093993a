"""What an evaluation says: a row per subset with intervals, paired differences, and the worst questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from engine.evaluation.bootstrap import Estimate, Sample, estimate
from engine.evaluation.questions import QuestionSet
from engine.evaluation.running import Outcome
from storage.records import JsonValue

_EXCERPT = 160


@dataclass(frozen=True, slots=True)
class Row:
    """A subset's figures."""

    subset: str
    questions: int
    drawn: str
    """What the intervals draw anew: documents or questions."""
    figures: Mapping[str, Estimate]

    def to_json(self) -> dict[str, JsonValue]:
        """As an object."""
        return {
            "subset": self.subset,
            "questions": self.questions,
            "drawn": self.drawn,
            "figures": {
                name: {"mean": round(one.mean, 4), "low": round(one.low, 4), "high": round(one.high, 4)}
                for name, one in self.figures.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One set under one setting."""

    setting: str
    rows: tuple[Row, ...]
    passage_characters: float
    """Mean length of a passage that came back."""
    median_ms: float
    p95_ms: float
    worst: tuple[Outcome, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """As an object."""
        return {
            "setting": self.setting,
            "subsets": [one.to_json() for one in self.rows],
            "passage_characters": round(self.passage_characters, 1),
            "ms": {"median": round(self.median_ms, 1), "p95": round(self.p95_ms, 1)},
            "worst": [_worst_json(one) for one in self.worst],
        }


def evaluation(asked: QuestionSet, setting: str, outcomes: Sequence[Outcome], *, worst: int) -> Evaluation:
    """The figures of a set's outcomes, and its `worst` questions."""
    times = [one.milliseconds for one in outcomes]
    lengths = [length for one in outcomes for length in one.lengths]
    return Evaluation(
        setting=setting,
        rows=tuple(_rows(asked, outcomes, lambda one: one.values)),
        passage_characters=mean(lengths) if lengths else 0.0,
        median_ms=float(np.percentile(times, 50)),
        p95_ms=float(np.percentile(times, 95)),
        worst=tuple(sorted(outcomes, key=_badness)[:worst]),
    )


def differences(asked: QuestionSet, first: Sequence[Outcome], second: Sequence[Outcome]) -> tuple[Row, ...]:
    """What the second gains over the first, question by question."""
    before = {(one.question.id, one.question.subset): one.values for one in first}

    def gained(one: Outcome) -> dict[str, float]:
        values = before[one.question.id, one.question.subset]
        return {name: value - values[name] for name, value in one.values.items()}

    return tuple(_rows(asked, second, gained))


def table(rows: Sequence[Row], *, signed: bool = False) -> Iterator[str]:
    """A Markdown table of percentages, each with its interval."""
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    yield f"| subset | n | {' | '.join(names)} |"
    yield f"|---|---:|{'---:|' * len(names)}"
    for row in rows:
        cells = " | ".join(_percent(row.figures[name], signed=signed) for name in names)
        yield f"| {row.subset} | {row.questions} | {cells} |"


def worst_lines(worst: Sequence[Outcome]) -> Iterator[str]:
    """Each question with its values and the first passages that came back."""
    for one in worst:
        values = ", ".join(f"{name} {100 * value:.0f}" for name, value in one.values.items())
        yield f"- {one.question.id} ({one.question.subset}): {one.question.text}"
        yield f"  {values}; in {', '.join(sorted(one.question.gold.documents)[:3])}"
        for found in one.shown:
            yield f"  > {found.document}, p. {found.page}: {_excerpt(found.text)}"


def _rows(
    asked: QuestionSet, outcomes: Sequence[Outcome], values: Callable[[Outcome], Mapping[str, float]]
) -> Iterator[Row]:
    by_subset: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        by_subset[one.question.subset].append(one)
    for subset, members in sorted(by_subset.items()):
        yield _row(subset, {subset: members}, values)
    if asked.overall and len(by_subset) > 1:
        together: dict[str, Sequence[Outcome]] = {asked.overall: outcomes}
        yield _row(asked.overall, by_subset if asked.overall == "mean of subsets" else together, values)


def _row(
    subset: str,
    parts: Mapping[str, Sequence[Outcome]],
    values: Callable[[Outcome], Mapping[str, float]],
) -> Row:
    """The figures of parts that weigh the same, each drawn anew on its own."""
    samples = {
        name: {
            part: Sample([values(one)[name] for one in members], [one.question.group for one in members])
            for part, members in parts.items()
        }
        for name in values(next(iter(parts.values()))[0])
    }
    drawn = sorted({one.drawn for per_part in samples.values() for one in per_part.values()})
    return Row(
        subset=subset,
        questions=sum(len(members) for members in parts.values()),
        drawn=" or ".join(drawn),
        figures={name: estimate(per_part) for name, per_part in samples.items()},
    )


def _badness(one: Outcome) -> tuple[float, ...]:
    # The deepest measure first: what is not even among the last passages is the worst.
    of_the_set = [value for name, value in one.values.items() if not name.startswith("document")]
    return tuple(reversed(of_the_set))


def _percent(one: Estimate, *, signed: bool) -> str:
    sign = "+" if signed else ""
    return f"{100 * one.mean:{sign}.1f} ({100 * one.low:{sign}.1f} to {100 * one.high:{sign}.1f})"


def _excerpt(text: str) -> str:
    return " ".join(text.split())[:_EXCERPT]


def _worst_json(one: Outcome) -> dict[str, JsonValue]:
    return {
        "id": one.question.id,
        "subset": one.question.subset,
        "question": one.question.text,
        "documents": tuple(sorted(one.question.gold.documents)),
        "values": {name: round(value, 4) for name, value in one.values.items()},
        "found": [
            {"document": found.document, "page": found.page, "text": _excerpt(found.text)}
            for found in one.shown
        ],
    }
