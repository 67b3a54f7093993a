"""A signature says how much two texts share, however their pages end."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.families import Signature

CLAUSES = [f"clause {n} the tenant pays {n * 7} dollars on day {n}" for n in range(200)]


def signature(*pages):
    made = Signature()
    for page in pages:
        made.feed(page)
    return made.packed()


def likeness(one, other):
    return float(np.mean(np.frombuffer(one, "<u4") == np.frombuffer(other, "<u4")))


def test_a_draft_with_a_changed_clause_is_like_and_another_text_is_not():
    text = "\n".join(CLAUSES)
    draft = "\n".join([*CLAUSES[:100], "a new clause about the deposit", *CLAUSES[101:]])
    other = " ".join(f"revenue of quarter {n} rose by {n * 3} percent in region {n}" for n in range(200))
    assert likeness(signature(text), signature(draft)) > 0.9
    assert likeness(signature(text), signature(other)) < 0.1


@given(st.integers(0, 199))
def test_where_a_page_ends_does_not_matter(cut):
    parts = "\n".join(CLAUSES[:cut]), "\n".join(CLAUSES[cut:])
    assert signature(*parts) == signature("\n".join(CLAUSES))


def test_a_text_of_few_words_has_none():
    assert signature("four words are few") is None
