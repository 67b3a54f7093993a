from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.numbers import Kind, extract, missing_from, unit_scale

SCALES = {"": 1, " thousand": 10**3, " million": 10**6, " billion": 10**9}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


def values(text: str) -> list[tuple[str, Decimal, str]]:
    return [(quantity.kind.value, quantity.value, quantity.currency) for quantity in extract(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value", "currency"),
    [
        ("ninety (90) days", "number", "90", ""),
        ("$2.5 million", "money", "2500000", "USD"),
        ("US$2.5 million", "money", "2500000", "USD"),
        ("2.5 million dollars", "money", "2500000", "USD"),
        ("\u20ac1.000", "money", "1", "EUR"),
        ("(1,186)", "number", "-1186", ""),
        ("net loss of $(1,186) million", "money", "-1186000000", "USD"),
        ("12%", "percent", "12", ""),
        ("12 percent", "percent", "12", ""),
        ("twelve per cent (12%)", "percent", "12", ""),
        ("1,200 basis points", "percent", "12", ""),
        ("two hundred fifty thousand dollars ($250,000)", "money", "250000", "USD"),
        ("the fifth anniversary", "number", "5", ""),
        ("October 30, 2022", "date", "20221030", ""),
        ("30 October 2022", "date", "20221030", ""),
        ("the 30th day of October, 2022", "date", "20221030", ""),
        ("2022-10-30", "date", "20221030", ""),
        ("10/30/2022", "date", "20221030", ""),
        ("Oct. 2022", "date", "20221000", ""),
        ("Form 10-K", "number", "10", ""),
        ("Section 8.2.1", "reference", "8002001", ""),
    ],
)
def test_one_figure_is_read_whatever_way_it_is_printed(
    text: str, kind: str, value: str, currency: str
) -> None:
    assert values(text) == [(kind, Decimal(value), currency)]


@pytest.mark.parametrize(
    "text", ["as stated [1][2, 3]", "one of the parties", "the second party", "it may end"]
)
def test_markers_and_everyday_words_are_no_quantities(text: str) -> None:
    assert extract(text) == ()


def test_a_span_points_at_the_figure_itself() -> None:
    text = "It pays (a total of) $2.5 million, then."
    (quantity,) = extract(text)
    assert text[quantity.start : quantity.end] == "$2.5 million" == quantity.text


def test_years_joined_by_a_dash_are_not_negative() -> None:
    assert [quantity.value for quantity in extract("fiscal years 2019-2022")] == [2019, 2022]


@settings(deadline=None)
@given(st.integers(0, 9_999_999), st.integers(0, 99), st.sampled_from(sorted(SCALES)), st.booleans())
def test_every_printed_form_of_an_amount_has_the_same_value(
    whole: int, cents: int, scale: str, negative: bool
) -> None:
    value = (Decimal(whole) + Decimal(cents) / 100) * SCALES[scale] * (-1 if negative else 1)
    bare = [f"{whole:,}.{cents:02d}", f"{whole}.{cents:02d}"]
    for figure in bare:
        forms = [f"$({figure}){scale}", f"-${figure}{scale}"] if negative else [
            f"${figure}{scale}", f"US$ {figure}{scale}", f"{figure}{scale} dollars", f"USD {figure}{scale}"
        ]  # fmt: skip
        for form in forms:
            assert values(f"an amount of {form} was booked") == [("money", value, "USD")], form


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 28), st.integers(1900, 2099))
def test_every_printed_form_of_a_date_is_the_same_date(month: int, day: int, year: int) -> None:
    name = MONTHS[month - 1]
    expected = [("date", Decimal(year * 10_000 + month * 100 + day), "")]
    for form in (
        f"{name} {day}, {year}",
        f"{day} {name} {year}",
        f"{year}-{month:02d}-{day:02d}",
        f"{month}/{day}/{year}",
    ):
        assert values(f"signed on {form} by both") == expected, form


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_can_be_read_and_holds_its_own_figures(text: str) -> None:
    for quantity in extract(text):
        assert text[quantity.start : quantity.end] == quantity.text
    if unit_scale(text) is None:
        assert missing_from(text, text) == []


@pytest.mark.parametrize(
    ("sentence", "evidence", "holds"),
    [
        ("90 days", "ninety (90) days' notice", True),
        ("90 months", "ninety (90) days' notice", False),
        ("$90", "ninety (90) days' notice", False),
        ("$5 million", "5 million dollars", True),
        ("\u20ac5 million", "$5 million", False),
        ("12%", "12 percent", True),
        ("12%", "12", False),
        ("in 2022", "on October 30, 2022", True),
        ("October 30, 2021", "October 30, 2022", False),
        ("in October 2022", "October 30, 2022", True),
        ("October 30, 2022", "Three Months Ended\nOctober 30, October 31,\n2022 2021", True),
        ("a loss of $1,186 million", "Net loss $(1,186) million", True),
        ("a gain of $1,186 million", "Result $(1,186) million", False),
        ("5,931 million", "5,931", False),
        ("Section 12.2", "12.2 Termination. Either party may leave.", True),
        ("Section 6", "other than under Section 2 or after 6 days", False),
        ("5 years", "Section 5 applies", False),
        ("Section 5", "Sections 4, 5 and 6 survive", True),
        ("signed on January 9, 2002", "Maura Gray 1/9/02", True),
        ("$5,931 million", "(in millions)\nRevenue 5,931 7,103", True),
        ("$5,931 thousand", "(in millions)\nRevenue 5,931 7,103", False),
        ("$5,931", "(in millions)\nRevenue 5,931 7,103", False),
    ],
)
def test_a_figure_holds_only_with_its_unit_scale_sign_and_currency(
    sentence: str, evidence: str, holds: bool
) -> None:
    assert (missing_from(sentence, evidence) == []) is holds


# Evidence as filings and contracts print it, and a true statement of each figure: {} is the figure.
CLEAN = [
    (
        "Either party may terminate upon {} days' prior written notice.",
        "{} days",
        ["ninety (90)", "30", "sixty (60)"],
    ),
    ("The fee is {} per year.", "{}", ["$2.5 million", "$250,000", "\u20ac1,200,000", "USD 75,000"]),
    ("Interest accrues at {} per annum.", "{}", ["5.25%", "12 percent", "250 basis points", "8%"]),
    (
        "This Agreement is dated {}.",
        "{}",
        ["October 30, 2022", "1 March 2021", "2019-06-15", "April 7, 2020"],
    ),
    ("Net revenue {} 7,103 2,464", "{}", ["5,931", "(1,186)", "26,974", "18,775"]),
    ("The term runs for {} years from the Effective Date.", "{} years", ["five (5)", "ten (10)", "3"]),
]


def _other_form(figure: str, chance: random.Random) -> str:
    """The same figure as a person might write it."""
    same = {
        "ninety (90)": ["90", "ninety"], "sixty (60)": ["60"],
        "$2.5 million": ["$2,500,000", "2.5 million dollars"],
        "$250,000": ["$250 thousand", "US$250,000"], "5.25%": ["5.25 percent"], "12 percent": ["12%"],
        "250 basis points": ["2.5%"], "October 30, 2022": ["30 October 2022", "2022-10-30"],
        "1 March 2021": ["March 1, 2021"], "2019-06-15": ["June 15, 2019"], "five (5)": ["5", "five"],
        "ten (10)": ["ten"], "30": ["thirty (30)"],
    }  # fmt: skip
    return chance.choice([figure, *same.get(figure, [])])


def _corrupted(figure: str, template: str, chance: random.Random) -> str:
    """A statement that is wrong in one way: digit, scale, sign, unit, currency or period."""
    value = extract(figure)[0]
    ways = ["digit"]
    if value.kind in (Kind.MONEY, Kind.NUMBER) and value.kind is not Kind.DATE:
        ways += ["scale"]
    if value.kind is Kind.MONEY:
        ways += ["currency"]
    if "days" in template or "years" in template:
        ways += ["unit"]
    if figure.startswith("("):
        ways += ["sign"]
    way = chance.choice(ways)
    if way == "digit":
        places = [at for at, letter in enumerate(figure) if letter.isdigit()]
        at = chance.choice(places)
        digit = chance.choice([other for other in "123456789" if other != figure[at]])
        changed = figure[:at] + digit + figure[at + 1 :]
        # A spelled-out number beside it would still be right: leave it out.
        changed = (
            changed[changed.index("(") + 1 : changed.index(")")]
            if "(" in changed and changed[0] != "("
            else changed
        )
        return template.format(changed)
    if way == "scale":
        number = f"{abs(value.value):f}"
        return template.format(f"{'$' if value.kind is Kind.MONEY else ''}{number} million")
    if way == "currency":
        return template.format(f"\u00a3{value.value:f}")
    if way == "sign":
        return template.format(figure.strip("()"))
    return template.format(figure).replace("days", "weeks").replace("years", "months")


def test_at_least_99_in_100_wrong_figures_are_caught() -> None:
    chance = random.Random(20240229)
    missed = []
    for _ in range(500):
        evidence, template, figures = chance.choice(CLEAN)
        figure = chance.choice(figures)
        wrong = _corrupted(figure, template, chance)
        if not missing_from(wrong, evidence.format(figure)):
            missed.append((wrong, evidence.format(figure)))
    assert len(missed) <= 5, missed


def test_at_most_2_in_100_true_figures_raise_an_alarm() -> None:
    chance = random.Random(20240301)
    alarms = []
    for _ in range(1_000):
        evidence, template, figures = chance.choice(CLEAN)
        figure = chance.choice(figures)
        true = template.format(_other_form(figure, chance))
        if missing_from(true, evidence.format(figure)):
            alarms.append((true, evidence.format(figure)))
    assert len(alarms) <= 20, alarms


@pytest.mark.timeout(30)
def test_a_line_of_white_space_is_read_in_passing():
    # With a pattern that tries every way to part the spaces this never ends, and the time limit tells.
    assert [one.value for one in extract("due" + " " * 5_000 + "(" + " " * 5_000 + "$ 12 today")] == [12]
