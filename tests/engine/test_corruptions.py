from __future__ import annotations

import pytest

from tests.engine.corruptions import CORPUS, FALSE, cases, shares


@pytest.fixture(scope="module")
def samples() -> dict[str, tuple[int, int]]:
    counts, _wrong = shares(cases())
    return counts


@pytest.mark.parametrize(("kind", "least"), [(kind, 0.99 if kind == "number" else 0.95) for kind in FALSE])
def test_sentences_of_the_samples_made_false_are_caught(
    samples: dict[str, tuple[int, int]], kind: str, least: float
) -> None:
    supported, of = samples[kind]
    assert of >= 10
    assert of - supported >= least * of


@pytest.mark.parametrize(("kind", "most"), [("verbatim", 0.03), ("paraphrase", 0.1), ("row stated", 0.05)])
def test_true_sentences_of_the_samples_seldom_raise_an_alarm(
    samples: dict[str, tuple[int, int]], kind: str, most: float
) -> None:
    supported, of = samples[kind]
    assert of >= 50
    assert of - supported <= most * of


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of contracts does not stand beside this project")
def test_sentences_of_other_contracts_come_out_alike() -> None:
    counts, _wrong = shares(cases(corpus=2, characters=6_000))
    caught = {kind: 1 - counts[kind][0] / counts[kind][1] for kind in ("number", "qualifier", "role")}
    assert min(caught.values()) >= 0.95
    assert counts["verbatim"][0] >= 0.97 * counts["verbatim"][1]
