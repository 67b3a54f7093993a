"""Lists of exhibits, contents, certificates and covers are told from what says something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


PHRASES = st.sampled_from(
    [
        [
            "incorporated by reference to",
            "incorporated herein by reference from",
            "filed as an exhibit",
            "filed herewith",
            "furnished herewith",
            "previously filed",
        ],
        [
            "Sarbanes-Oxley Act",
            "18 U.S.C",
            "18 USC",
            "I, Ann Other, certify",
            "power of attorney",
            "attorney-in-fact",
            "pursuant to the requirements of Section 13",
        ],
        [
            "check mark",
            "commission file number",
            "trading symbol",
            "securities registered pursuant",
            "accelerated filer",
            "employer identification",
            "exact name of registrant",
        ],
    ]
)


@given(
    PHRASES.flatmap(lambda kind: st.permutations(kind)),
    st.sampled_from([str, str.upper, str.lower, str.title]),
)
def test_any_two_phrases_of_a_kind_make_a_formality_in_small_letters_and_in_capitals(kind, printed):
    assert is_formality(printed(f"{kind[0]}; and {kind[1]}"))


@given(st.permutations(["Item 1. Business 4", "PART II 7", "item 1a 9", "Part iv - Exhibits 40"]))
def test_lines_of_contents_are_known_in_any_order(lines):
    assert is_formality("\n".join(lines))
    assert not is_formality("\n".join(lines[:3]))
