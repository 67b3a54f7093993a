"""What is near the question, and what is not."""

from __future__ import annotations

from engine.closeness import coverage


def test_coverage_weighs_what_is_rare_and_what_is_missing() -> None:
    held, nowhere = frozenset({"one"}), frozenset[str]()

    assert coverage({"rent": held}, {"rent": 1}, 10) == 1.0
    assert coverage({}, {}, 10) == 0.0
    rare_held = coverage({"rent": nowhere, "anthrax": held}, {"rent": 9, "anthrax": 1}, 10)
    rare_missing = coverage({"rent": held, "anthrax": nowhere}, {"rent": 9, "anthrax": 0}, 10)
    assert rare_held > 0.5 > rare_missing
