"""An amount that was rounded is found where it is printed in full, in whatever unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rounded import rounded

MILLION = 10**6


def of(plain, scale=MILLION):
    made = rounded(plain, scale)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("plain", "scale", "text", "above"),
    [
        ("512.9", MILLION, "Total assets $ 512,941 $ 480,002", "(in thousands)"),
        ("1.24", 10**9, "Prepaid expenses 1,235 791", "(In millions)"),
        ("1672200", 10**3, "Floor plan 1,672.2 1,178.6", "(Dollars in millions)"),
        ("188.4", MILLION, "Expense 188,420", "amounts in $000's"),
    ],
)
def test_it_is_found_in_the_unit_that_a_table_says(plain, scale, text, above):
    assert of(plain, scale).fit(text, above) == 0.9


def test_without_a_unit_it_may_be_meant():
    assert 0 < of("512.9").fit("Total assets 512,941", "") < 0.9


@pytest.mark.parametrize(
    "text", ["Total assets 513,041", "Total assets 51,294", "Growth 512.9%", "512,941,300"]
)
def test_another_figure_is_not_taken_for_it(text):
    assert of("512.9").fit(text, "(in thousands)") == 0


@pytest.mark.parametrize("plain", ["5", "12", "4.5"])
def test_fewer_than_three_digits_are_no_rounded_figure(plain):
    assert rounded(plain, MILLION) is None


@given(st.integers(100_000, 999_999_999))
def test_any_figure_in_thousands_is_found_by_its_millions_to_one_decimal(thousands):
    asked = of(f"{(Decimal(thousands) / 1000).quantize(Decimal('0.1'))}")
    assert asked.fit(f"Line {thousands:,} {thousands * 3:,}", "In thousands") == 0.9


@given(st.integers(1_000, 99_999))
def test_the_words_that_are_searched_for_hold_the_figure_itself(thousands):
    asked = of(f"{(Decimal(thousands) / 1000).quantize(Decimal('0.01'))}")
    assert str(thousands) in asked.words.split()
