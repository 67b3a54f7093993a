"""Draw what each part of the search is worth, from the figures of `muniment eval --ablate`.

python -m benchmarks.plots
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_FIGURES = _ROOT / "benchmarks" / "results" / "eval_ablation.json"
_PICTURE = _ROOT / "docs" / "ablation.svg"
PANELS = (
    ("legalbench-rag", "mean of subsets", "P@1", "LegalBench-RAG P@1"),
    ("legalbench-rag", "mean of subsets", "R@8", "R@8"),
    ("legalbench-rag", "mean of subsets", "R@64", "R@64"),
    ("kgrag", "all questions", "document@1", "KG-RAG document@1"),
)
_LABELS, _PANEL, _GAP, _ROW, _TOP = 120, 155, 32, 19, 44
_INK, _QUIET, _LINE, _MARK = "#1f2328", "#59636e", "#d1d9e0", "#0a5a9c"


def main() -> None:
    sets = {one["set"]: one["settings"] for one in json.loads(_FIGURES.read_text())["sets"]}
    _PICTURE.write_text(picture(sets), encoding="utf-8")


def picture(sets: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The whole drawing as SVG: a row for each setting, a column for each of `PANELS`."""
    names = [one["setting"] for one in sets[PANELS[0][0]]]
    width, height = _LABELS + len(PANELS) * (_PANEL + _GAP), _TOP + _ROW * len(names) + 26
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="11" fill="{_INK}">',
        "<title>Search with all parts, with single rankings, and without one part each</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for at, name in enumerate(names):
        weight = ' font-weight="600"' if at == 0 else ""
        y = _TOP + _ROW * at + 4
        lines.append(f'<text x="{_LABELS - 10}" y="{y}" text-anchor="end"{weight}>{escape(name)}</text>')
    for at, (of, subset, measure, title) in enumerate(PANELS):
        found = {one["setting"]: _figure(one, subset, measure) for one in sets[of]}
        left = _LABELS + at * (_PANEL + _GAP)
        lines += _panel([found[name] for name in names], left, title)
    return "\n".join([*lines, "</svg>", ""])


def _figure(setting: Mapping[str, Any], subset: str, measure: str) -> Mapping[str, float]:
    row = next(one for one in setting["subsets"] if one["subset"] == subset)
    found: Mapping[str, float] = row["figures"][measure]
    return found


def _panel(figures: Sequence[Mapping[str, float]], left: float, title: str) -> Iterator[str]:
    bottom = _TOP + _ROW * (len(figures) - 1) + 12
    yield f'<text x="{left}" y="18" font-weight="600">{escape(title)}</text>'
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = left + share * _PANEL
        yield f'<line x1="{x:.1f}" y1="{_TOP - 14}" x2="{x:.1f}" y2="{bottom}" stroke="{_LINE}"/>'
        if share in (0, 0.5, 1):
            mark = f'y="{bottom + 14}" text-anchor="middle" fill="{_QUIET}"'
            yield f'<text x="{x:.1f}" {mark}>{share:.0%}</text>'
    whole = left + figures[0]["mean"] * _PANEL
    yield (
        f'<line x1="{whole:.1f}" y1="{_TOP - 14}" x2="{whole:.1f}" y2="{bottom}" stroke="{_MARK}" '
        'stroke-dasharray="2 3"/>'
    )
    for at, one in enumerate(figures):
        y = _TOP + _ROW * at
        low, mean, high = (left + one[name] * _PANEL for name in ("low", "mean", "high"))
        yield f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{_QUIET}" stroke-width="1.5"/>'
        yield f'<circle cx="{mean:.1f}" cy="{y}" r="3.5" fill="{_MARK}"/>'


if __name__ == "__main__":
    main()
