"""The table of what each part of the search is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.ablation import Column, cell, read, table

ROOT = Path(__file__).parents[2]


def test_the_table_in_the_docs_is_written_from_the_committed_figures() -> None:
    assert "\n".join(table(read())) in (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")


def _set(questions: int, mean: float, difference: tuple[float, float, float]) -> dict[str, Any]:
    def row(figures: dict[str, float]) -> list[dict[str, Any]]:
        return [{"subset": "all", "questions": questions, "figures": {"found": figures}}]

    low, apart, high = difference
    return {
        "settings": [
            {"setting": "fused", "subsets": row({"mean": 0.9})},
            {"setting": "less", "subsets": row({"mean": mean})},
        ],
        "compared": [{"to": "less", "subsets": row({"low": low, "mean": apart, "high": high})}],
    }


@pytest.mark.parametrize(
    ("sets", "mean", "differs"),
    [
        ({"a": _set(10, 0.5, (-0.6, -0.4, -0.2))}, 0.5, True),
        ({"a": _set(10, 0.8, (-0.3, -0.1, 0.1))}, 0.8, False),
        # Neither is sure of its own, and both together are.
        ({one: _set(10, 0.8, (-0.22, -0.1, 0.02)) for one in ("a", "b")}, 0.8, True),
        # The larger set counts for more.
        ({"a": _set(30, 0.8, (-0.3, -0.1, 0.1)), "b": _set(10, 0.4, (-1.0, -0.5, 0.0))}, 0.7, True),
    ],
)
def test_a_cell_is_the_mean_over_all_questions_and_says_what_is_sure(
    sets: dict[str, Any], mean: float, differs: bool
) -> None:
    column = Column("found", tuple(sets), "all", "found")
    found = cell(sets, column, "less")
    assert found.mean == pytest.approx(mean)
    assert found.differs is differs
    assert cell(sets, column, "fused") == (0.9, False)
