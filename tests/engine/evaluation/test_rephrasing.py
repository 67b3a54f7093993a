"""Questions in other forms name the same documents."""

from __future__ import annotations

import pytest

from engine.evaluation.questions import Pages, Question, QuestionSet
from engine.evaluation.rephrasing import FORMS, rephrased

GOLD = Pages((frozenset({("a", 1)}),))
BETWEEN = (
    "Consider the Supply Agreement between Brimstone LLC, Haverley Ltd and others; Who insures the goods?"
)
OWNED = "Consider Brimstone's Mutual Non-Disclosure Agreement; Does it end?"
QUOTED = 'Consider "Brimstone: Notes"\'s privacy policy; what is kept?'


@pytest.mark.parametrize(
    ("form", "text", "other"),
    [
        (
            "name-last",
            BETWEEN,
            "Who insures the goods in the Supply Agreement between Brimstone LLC, Haverley Ltd and others?",
        ),
        (
            "short-name",
            BETWEEN,
            "Under the Supply Agreement between Brimstone LLC, Haverley Ltd, who insures the goods?",
        ),
        ("short-name", OWNED, "Under Brimstone's agreement, does it end?"),
        ("short-name", QUOTED, "Under Brimstone's policy, what is kept?"),
        ("bare", OWNED, "brimstone's agreement does it end"),
    ],
)
def test_a_question_is_asked_in_another_form(form: str, text: str, other: str) -> None:
    asked = QuestionSet("set", (), (Question("1", text, "s", "g", GOLD),))

    assert [one.text for one in rephrased(asked, form).questions] == [other]


def test_a_question_of_another_build_is_left_out() -> None:
    asked = QuestionSet("set", (), (Question("1", "Who insures the goods?", "s", "g", GOLD),))

    assert all(not rephrased(asked, form).questions for form in FORMS)
