"""`muniment cost`, the speed of `muniment model show`, and the System page."""

import pytest

from app.wiring import build
from engine.models.scripted import ScriptedGenerator
from storage.embedding import HashingEmbedder
from storage.records import Role

from .pages import calm, open_page, words

QUESTION = "What notice must the tenant give to end the lease?"
PRICES = (
    "as_of = 2026-11-01\nsource = 'the contract'\ncurrency = 'USD'\n"
    "[[price]]\nname = 'endpoint A'\nprompt_per_1000 = 0.5\noutput_per_1000 = 2\n"
)


@pytest.fixture
def services(services, tmp_path):
    """The same with an hour's price and a list."""
    file = tmp_path / "prices.toml"
    file.write_text(PRICES)
    services.close()
    settings = services.settings.model_copy(update={"hourly_price": 3.0, "price_list": file})
    built = build(settings, embedder=HashingEmbedder(), generator=ScriptedGenerator())
    yield built
    built.close()


def test_costs_are_shown_once_an_answer_was_measured(muniment, lease):
    ran = muniment("cost", "--json")
    assert [one["name"] for one in ran.json["per_1000"]] == ["endpoint A"]
    assert "not yet measured" in muniment("model", "show").out
    assert muniment("ask", QUESTION, "--matter", "Lease").code == 0
    local, remote = muniment("cost", "--json").json["per_1000"]
    assert (local["local"], remote["local"]) == (True, False)
    assert local["prompt"] > 0
    assert remote["prompt"] <= remote["as_used_here"] <= remote["output"]
    shown = muniment("model", "show", "--json").json["tokens_per_s"]
    assert (shown["answers"], shown["read"] > 0) == (1, True)
    said = muniment("cost").out
    assert "1 Nov 2026, the contract" in said
    assert "3.00 USD an hour" in said


def test_the_system_page_says_what_the_model_is_and_what_it_costs(muniment, signed_in, person, lease):
    person("ada", Role.ADMINISTRATOR)
    signed_in("ada")
    said = words(calm(open_page("system")))
    assert "not yet measured" in said
    assert muniment("ask", QUESTION, "--matter", "Lease").code == 0
    said = words(calm(open_page("system")))
    for fact in (
        "scripted",
        "Quantization in memory",
        "tokens a second (1 answer)",
        "endpoint A",
        "Last checkpoint",
        "nothing leaves this machine",
    ):
        assert fact in said
    assert muniment("audit", "checkpoint").code == 0
    assert "none yet" not in words(calm(open_page("system")))


def test_only_an_administrator_sees_the_system(signed_in, person):
    person("sten")
    signed_in("sten")
    assert "administrator" in calm(open_page("system")).error[0].value
