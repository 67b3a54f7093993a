"""Write down what each part of the search is worth, from the figures of `muniment eval all --ablate`.

python -m benchmarks.ablation

A column may be of several sets: its figure is the mean over all their questions, and the error of a
difference is added up from theirs, as of sets that were drawn apart.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_FIGURES = Path(__file__).resolve().parent / "results" / "eval_ablation.json"
_NORMAL_95 = 1.96
_OWN_PAGES = ("own pages, uda-reports", "own pages, erc2", "own pages, kgrag")
Sets = Mapping[str, Mapping[str, Any]]
"""By name, as the evaluation printed them."""


class Column(NamedTuple):
    """One measure of one subset, in one set or several."""

    title: str
    sets: Sequence[str]
    subset: str
    measure: str


COLUMNS = (
    Column("LegalBench-RAG P@1", ("legalbench-rag",), "mean of subsets", "P@1"),
    Column("R@8", ("legalbench-rag",), "mean of subsets", "R@8"),
    Column("R@64", ("legalbench-rag",), "mean of subsets", "R@64"),
    Column("document@1", ("legalbench-rag",), "mean of subsets", "document@1"),
    Column("ACORD NDCG@10", ("acord",), "clauses", "NDCG@10"),
    Column("own pages, page@1", _OWN_PAGES, "all questions", "page@1"),
    Column("page@5", _OWN_PAGES, "all questions", "page@5"),
    Column("KG-RAG all cited@5", ("kgrag",), "all questions", "all cited@5"),
    Column("document@1", ("kgrag",), "all questions", "document@1"),
)


class Cell(NamedTuple):
    """A mean, and whether it is sure to differ from the whole search's."""

    mean: float
    differs: bool


def main() -> None:
    print("\n".join(table(read())))


def read() -> Sets:
    """The committed figures."""
    return {one["set"]: one for one in json.loads(_FIGURES.read_text())["sets"]}


def table(sets: Sets) -> Iterator[str]:
    """A row for each setting, in per cent; bold where the paired interval to the first leaves out zero."""
    yield "| | " + " | ".join(one.title for one in COLUMNS) + " |"
    yield "|---|" + "---:|" * len(COLUMNS)
    for each in sets[COLUMNS[0].sets[0]]["settings"]:
        cells = [cell(sets, column, each["setting"]) for column in COLUMNS]
        shown = [f"**{100 * one.mean:.1f}**" if one.differs else f"{100 * one.mean:.1f}" for one in cells]
        yield f"| {each['setting']} | " + " | ".join(shown) + " |"


def cell(sets: Sets, column: Column, setting: str) -> Cell:
    """What a setting reaches in a column."""
    found = [_row(sets[one]["settings"], "setting", setting, column.subset) for one in column.sets]
    counts = [one["questions"] for one in found]
    mean = _weighted([one["figures"][column.measure]["mean"] for one in found], counts)
    if setting == sets[column.sets[0]]["settings"][0]["setting"]:
        return Cell(mean, differs=False)
    apart = [
        _row(sets[one]["compared"], "to", setting, column.subset)["figures"][column.measure]
        for one in column.sets
    ]
    if len(apart) == 1:
        return Cell(mean, differs=apart[0]["low"] > 0 or apart[0]["high"] < 0)
    errors = [(one["high"] - one["low"]) / (2 * _NORMAL_95) for one in apart]
    error = math.hypot(*(of * count for of, count in zip(errors, counts, strict=True))) / sum(counts)
    difference = _weighted([one["mean"] for one in apart], counts)
    return Cell(mean, differs=abs(difference) > _NORMAL_95 * error)


def _row(listed: Sequence[Mapping[str, Any]], key: str, setting: str, subset: str) -> Mapping[str, Any]:
    one = next(each for each in listed if each[key] == setting)
    found: Mapping[str, Any] = next(each for each in one["subsets"] if each["subset"] == subset)
    return found


def _weighted(values: Sequence[float], counts: Sequence[int]) -> float:
    return sum(value * count for value, count in zip(values, counts, strict=True)) / sum(counts)


if __name__ == "__main__":
    main()
