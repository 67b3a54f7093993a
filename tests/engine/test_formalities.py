"""Lists of exhibits, contents, certificates and covers are told from what says something."""

import pytest

from engine.formalities import asks_for_formality, is_formality


@pytest.mark.parametrize(
    "text",
    [
        "10.1 Lease (incorporated by reference to Exhibit 10.1)\n10.2 Plan (filed herewith)",
        "PART I\nItem 1. Business 4\nItem 1A. Risk Factors 9\nItem 2. Properties 22\nItem 3. Legal 23",
        "Pursuant to 18 U.S.C. 1350 and the Sarbanes-Oxley Act of 2002, I, Ann Other, certify that",
        "Commission file number 1-2345\nTitle of each class Trading Symbol\nCommon stock ACME",
    ],
)
def test_what_only_says_what_stands_elsewhere_is_a_formality(text):
    assert is_formality(text)


@pytest.mark.parametrize(
    "text",
    [
        "ITEM 3. LEGAL PROCEEDINGS\nOf two lawsuits, one is incorporated by reference to Note 9.",
        "The tenant signs by its attorney-in-fact and pays the rent.",
        "Item 1 costs $ 4\nItem 2 costs $ 5",
    ],
)
def test_what_says_something_is_none(text):
    assert not is_formality(text)


@pytest.mark.parametrize("question", ["Which exhibits are filed?", "Under which symbol does it trade?"])
def test_who_asks_for_one_may_have_it(question):
    assert asks_for_formality(question)
    assert not asks_for_formality("What insurance is held?")
