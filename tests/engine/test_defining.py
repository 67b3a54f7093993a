"""How exactly a text defines a term."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.defining import defined


@pytest.mark.parametrize(
    ("text", "exactness"),
    [
        ('"Closing Date" means the third Business Day after signing.', 1.0),
        ("'Closing Date' (in this Part), as amended, shall mean the day of payment.", 1.0),
        ('"closing  date" has the meaning given in Section 2.', 1.0),
        ('"Closing Dates" means all of them.', 1.0),
        ('"Closing Date" of a sale, in any event, means its last day.', 0.95),
        ("\u201cSeller\u2019s Closing Date\u201d means the day of delivery.", 0.95),
        ('the third Business Day after signing (the "Closing Date").', 0.9),
        ("Notes\n  Closing Date: 3 May 2024", 0.9),
        ('Payment follows "Closing Date" without delay.', 0.4),
        ("Payment falls due on the Closing Date, which means soon.", 0.0),
        ("The Closing Date: 3 May 2024", 0.0),
    ],
)
def test_a_term_is_defined_before_means_nearly_by_its_owner_and_hardly_by_quotes_alone(text, exactness):
    assert defined("Closing Date")(text) == exactness


def test_the_best_place_of_a_text_counts_wherever_it_stands():
    text = 'the Closing Date is said; "Closing Date" too; and "Closing Date" means the last day.'
    assert defined("Closing Date")(text) == 1.0
    assert defined("Opening Date")(text) == 0.0


@given(
    st.sampled_from(("aa", "Aa aA", "Kiss", "\u0130s", "Closing  Date", "K\u00f6ln B.V.", "?", "sa")),
    st.lists(
        st.sampled_from(
            (*"aAsSkK?", "\u212a", "\u017f", "\u0131", "\u00d6", " ", "\n", '"', "closing", "date")
        )
    ),
)
def test_a_term_is_found_in_whatever_letters_it_is_printed(term, parts):
    text = "".join(parts)
    places = [
        one.span() for one in re.finditer(r"\s+".join(map(re.escape, term.split())), text, re.IGNORECASE)
    ]

    # In passing, where a quote is closed behind it and another opened before.
    closed = [re.match("s?[\"']", text[end:], re.IGNORECASE) for _, end in places]
    quoted = [start > 0 and text[start - 1] == '"' for start, _ in places]
    assert (defined(term)(text) > 0) == any(one and begun for one, begun in zip(closed, quoted, strict=True))
