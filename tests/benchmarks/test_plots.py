"""The drawing of what each part of the search is worth."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.plots import PANELS, picture

ROOT = Path(__file__).parents[2]
SETS = {
    one["set"]: one["settings"]
    for one in json.loads((ROOT / "benchmarks" / "results" / "eval_ablation.json").read_text())["sets"]
}


def test_the_picture_in_the_docs_is_drawn_from_the_committed_figures() -> None:
    assert picture(SETS) == (ROOT / "docs" / "ablation.svg").read_text(encoding="utf-8")


def test_every_setting_has_its_name_once_and_a_point_in_each_panel() -> None:
    drawn = ElementTree.fromstring(picture(SETS))
    words = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    names = [one["setting"] for one in SETS["legalbench-rag"]]
    assert [words.count(name) for name in names] == [1] * len(names)
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}circle"))) == len(names) * len(PANELS)
