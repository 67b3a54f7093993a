"""Costs come from measured speed and given prices, and there are none before there is something measured."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.costs import Price, PriceList, Speed, cost_of, measured_speed, price_list, speeds_by_day
from engine.models.base import ModelIdentity
from storage.errors import WrongUse

MODEL = ModelIdentity("small", "llama.cpp", "Q4_1", "d" * 64, "cpu")
SPEED = Speed(answers=2, read_tokens=2_000, read_s=4.0, written_tokens=100, write_s=5.0)


def answer(log, actor, *, digest="d" * 64, prompt=1_000, output=51, read=2_000.0, wrote=2_500.0, times=True):
    log.append(
        "answer.given",
        actor,
        data={
            "model": {**MODEL.to_json(), "digest": digest},
            "usage": {"prompt_tokens": prompt, "analysis_tokens": 0, "output_tokens": output},
            "reply": {"times_ms": {"waited": 9_000, "read": read, "wrote": wrote}} if times else None,
        },
    )


def test_speed_is_that_of_this_models_answers_and_waiting_is_not_in_it(audit, actor):
    answer(audit, actor)
    answer(audit, actor)
    answer(audit, actor, digest="e" * 64, wrote=1.0)
    answer(audit, actor, times=False)
    speed = measured_speed(audit, "d" * 64)
    assert (speed.answers, speed.read_per_s, speed.write_per_s) == (2, 500.0, 20.0)
    [(_, of_today)] = speeds_by_day(audit, "d" * 64, days=3).items()
    assert of_today == speed


def test_before_anything_is_measured_there_is_no_speed_and_no_cost(audit):
    speed = measured_speed(audit, "d" * 64)
    assert (speed.read_per_s, speed.write_per_s) == (None, None)
    cost = cost_of(MODEL, speed, hourly_price=3.0, currency="USD")
    assert cost.local is None
    assert cost.to_json()["per_1000"] == []


def test_an_hours_price_is_shared_out_by_measured_speed():
    cost = cost_of(MODEL, SPEED, hourly_price=3.6, currency="EUR")
    assert cost.local is not None
    # 500 read and 20 written in a second that costs 0.001.
    assert cost.local.prompt_per_1000 == pytest.approx(0.002)
    assert cost.local.output_per_1000 == pytest.approx(0.05)
    assert cost.mixed(cost.local) == pytest.approx(1_000 * (4 + 5) * 0.001 / 2_100)


def test_a_model_behind_an_endpoint_has_no_local_cost():
    remote = ModelIdentity("large", "remote", "unknown", "f" * 64, "remote")
    assert cost_of(remote, SPEED, hourly_price=3.0, currency="USD").local is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 10), st.floats(0, 10))
def test_a_mixture_costs_between_its_two_prices(prompt, written, read, wrote):
    speed = Speed(1, prompt, 1.0, written, 1.0)
    price = Price("somewhere", read, wrote)
    mixed = cost_of(MODEL, speed, hourly_price=None, currency="USD").mixed(price)
    assert (mixed is None) == (prompt + written == 0)
    if mixed is not None:
        assert min(read, wrote) - 1e-9 <= mixed <= max(read, wrote) + 1e-9


def test_the_example_list_is_read_and_says_that_it_is_an_example(pytestconfig):
    found = price_list(pytestconfig.rootpath / "docs" / "prices.example.toml")
    assert "example" in found.source
    assert all("example" in one.name for one in found.prices)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "as_of = 2026-01-01\nsource = 's'\ncurrency = 'USD'\n",
        "as_of = 'soon'\nsource = 's'\ncurrency = 'USD'\nprice = []\n",
        "as_of = 2026-01-01\nsource = 's'\ncurrency = 'USD'\n[[price]]\nname = 'x'\nprompt_per_1000 = -1\n"
        "output_per_1000 = 1\n",
        "= broken",
    ],
)
def test_a_list_in_another_form_is_refused_with_its_name(tmp_path, text):
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(WrongUse, match=r"prices\.toml"):
        price_list(file)


def test_prices_in_two_currencies_are_not_compared():
    prices = PriceList("USD", date(2026, 1, 1), "the contract", (Price("x", 1, 1),))
    with pytest.raises(WrongUse, match="MUNIMENT_CURRENCY"):
        cost_of(MODEL, SPEED, hourly_price=1.0, currency="EUR", prices=prices)
