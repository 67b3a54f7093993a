"""Would a trained map of the question's direction find passages better? No document is embedded again.

A linear map says, from a question's direction, where to move it: towards the chunks that answer and away from
those of the same document that only look alike, as the gradient of a softmax over all its chunks says. It is
fitted in closed form, pulled towards no move at all. Each question is scored by a map that saw neither its
document's company nor, where it says so, its form or its set. Result: docs/decisions/0027-trained-parts.md.

    muniment eval legalbench-rag --data DIR --keep HOME
    python -m benchmarks.training.query_adapter --data DIR --home HOME
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from app.settings import keep_libraries_at_home
from benchmarks.training.corpus_pairs import corpus_pairs
from benchmarks.training.held_out import MEASURES, Array, Asked, Book, bucket, compared, opened

TEMPERATURE = 0.05
DOCUMENT_FOLDS, FORM_FOLDS = 3, 10
LEAST_DOCUMENTS = 3
"""A form that is asked of fewer is learnt by heart: it is scored, and nothing is fitted to it."""
PULLS = (1.0, 0.1)
"""How strongly the map is pulled towards none, against the mean square of a direction's parts."""


def wanted_move(rest: Array, book: Book, relevance: Array) -> Array:
    """From the chunks that the direction finds to those that answer."""
    alike = book.vectors @ rest / TEMPERATURE
    found = np.exp(alike - alike.max())
    move: Array = (relevance / relevance.sum() - found / found.sum()) @ book.vectors
    return move


def fitted(rests: Array, moves: Array, weights: Array, pull: float) -> Array:
    known, shares = _with_one(rests), (weights / weights.sum())[:, None]
    held_back = np.full(known.shape[1], pull / rests.shape[1])
    held_back[-1] = 1e-6
    solved: Array = np.linalg.solve(
        known.T @ (known * shares) + np.diag(held_back), known.T @ (moves * shares)
    )
    return solved


def moved(rests: Array, adapter: Array) -> Array:
    there = rests + _with_one(rests) @ adapter
    unit: Array = there / np.linalg.norm(there, axis=1, keepdims=True)
    return unit


def _with_one(rests: Array) -> Array:
    return np.hstack([rests, np.ones((len(rests), 1))])


def question_weights(asked: Sequence[Asked]) -> Array:
    """Every set counts alike, and a form that is asked of many documents only as its square root."""
    forms = Counter(one.form for one in asked)
    raw = np.array([forms[one.form] ** -0.5 for one in asked])
    totals = {one.subset: 0.0 for one in asked}
    for one, weight in zip(asked, raw, strict=True):
        totals[one.subset] += weight
    return raw / np.array([totals[one.subset] for one in asked])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True, help="what `muniment eval --keep` has left")
    given = parser.parse_args()
    keep_libraries_at_home()
    with opened(given.data, given.home) as (books, asked, embedder):
        pairs = corpus_pairs(books)
        pair_rests = embedder.embed([one.asking for one in pairs]).astype(np.float64)
    pair_moves = np.array(
        [
            wanted_move(rest, one.book, np.isin(np.arange(len(one.book.texts)), one.answers).astype(float))
            for one, rest in zip(pairs, pair_rests, strict=True)
        ]
    )
    rests = np.stack([one.rest for one in asked]).astype(np.float64)
    moves = np.array([wanted_move(one.rest, one.book, one.relevance + 1e-9) for one in asked])
    pair_fold = np.array([bucket(one.book.group, DOCUMENT_FOLDS) for one in pairs])
    fold = np.array([bucket(one.book.group, DOCUMENT_FOLDS) for one in asked])
    form = np.array([bucket(one.form, FORM_FOLDS) for one in asked])
    subset = np.unique([one.subset for one in asked], return_inverse=True)[1]
    asked_of: dict[str, set[str]] = defaultdict(set)
    for one in asked:
        asked_of[one.form].add(one.book.name)
    common = np.array([len(asked_of[one.form]) >= LEAST_DOCUMENTS for one in asked])
    # What is unseen besides the document: nothing, the form, the whole set.
    unseen = {"documents": np.zeros(len(asked), dtype=int), "and forms": form, "and sets": subset}

    def crossed(parts: Array, fit: Callable[[Array, int], Array]) -> Array:
        out = rests.copy()
        for document_fold in range(DOCUMENT_FOLDS):
            for part in np.unique(parts):
                scored = np.flatnonzero((fold == document_fold) & (parts == part))
                others = (parts != part) | (parts.max() == 0)
                seen = np.flatnonzero((fold != document_fold) & others & common)
                if len(scored):
                    out[scored] = moved(rests[scored], fit(seen, document_fold))
        return out

    print(f"{len(books)} documents, {len(asked)} questions, {dict(Counter(one.kind for one in pairs))}")
    print("| trained on | unseen | pull | " + " | ".join(MEASURES) + " |")
    row, base = compared(asked, rests)
    print(f"| nothing | | | {row} |", flush=True)
    for pull in PULLS:

        def on_pairs(_: Array, document_fold: int, pull: float = pull) -> Array:
            kept = pair_fold != document_fold
            return fitted(pair_rests[kept], pair_moves[kept], np.ones(kept.sum()), pull)

        def on_questions(seen: Array, _: int, pull: float = pull) -> Array:
            weights = question_weights([asked[n] for n in seen])
            return fitted(rests[seen], moves[seen], weights, pull)

        out = crossed(unseen["documents"], on_pairs)
        print(f"| corpus pairs | documents and forms | {pull} | {compared(asked, out, base)[0]} |")
        for name, parts in unseen.items():
            out = crossed(parts, on_questions)
            print(f"| questions | {name} | {pull} | {compared(asked, out, base)[0]} |", flush=True)
        out = moved(rests, on_questions(np.flatnonzero(common), 0))
        print(f"| questions | nothing | {pull} | {compared(asked, out, base)[0]} |", flush=True)


if __name__ == "__main__":
    main()
