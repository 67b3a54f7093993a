"""A question on its way out of the machine, as people meet it: command line, pages, and a real endpoint."""

import json

import httpx
import pytest

from app import presenting
from app import settings as app_settings
from app.settings import Settings, remote_key
from app.wiring import build
from engine.models.scripted import ScriptedGenerator
from storage.embedding import HashingEmbedder
from storage.errors import Broken, Refused, WrongUse
from storage.records import Role, Sending

from .pages import calm, open_page, words

_QUESTION = "What notice must the tenant give to end the lease?"


@pytest.fixture
def services(home, model_endpoint):
    """In place of the usual ones: with a remote model on loopback."""
    remote = {"remote_url": f"{model_endpoint}/fine/v1", "remote_model": "far-away"}
    built = build(
        Settings(home=home, sample=False, **remote), embedder=HashingEmbedder(), generator=ScriptedGenerator()
    )
    yield built
    built.close()


@pytest.fixture
def came(model_endpoint):
    """A function that says how many requests the endpoint has had since the test began."""
    ask = lambda: len(httpx.get(f"{model_endpoint}/fine/seen").json()["bodies"])  # noqa: E731
    before = ask()
    return lambda: ask() - before


def test_a_matter_is_local_only_until_somebody_says_otherwise(muniment, lease, came):
    assert muniment("matter", "sending", "Lease", "--json").json["sending"] == "local_only"
    assert muniment("ask", _QUESTION, "--matter", "Lease", "--json").json["model"]["runtime"] == "scripted"
    refused = muniment("ask", _QUESTION, "--matter", "Lease", "--send")
    assert (refused.code, "local only" in refused.err) == (3, True)
    assert came() == 0


def test_the_command_line_shows_what_would_be_sent_and_sends_it_when_told(muniment, lease, came):
    assert muniment("matter", "sending", "Lease", "remote_allowed").code == 0
    shown = muniment("ask", _QUESTION, "--matter", "Lease", "--json")
    assert shown.code == 3
    outgoing = json.loads(shown.out)["outgoing"]
    assert "ninety (90) days" in outgoing["messages"][-1]["content"]
    assert came() == 0
    sent = muniment("ask", _QUESTION, "--matter", "Lease", "--send", "--json")
    assert sent.json["model"]["runtime"] == "remote"
    assert outgoing["payload_sha256"] in sent.err
    assert came() == 1
    here = muniment("ask", _QUESTION, "--matter", "Lease", "--here", "--json")
    assert here.json["model"]["runtime"] == "scripted"
    assert came() == 1


def test_a_summary_is_written_here_whatever_the_policy(muniment, lease, came):
    muniment("matter", "sending", "Lease", "remote_allowed")
    assert muniment("summarise", "--matter", "Lease", "--json").code == 0
    assert came() == 0


def test_the_page_shows_what_would_leave_and_cancel_sends_nothing(
    services, signed_in, person, lease, muniment, came
):
    muniment("matter", "sending", "Lease", "redact_then_remote")
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value(_QUESTION).run())
    said = words(app)
    assert "This will leave the machine" in said
    assert "Redaction can miss names" in said
    assert "ninety (90) days" in said
    assert services.remote.identity.device in said
    calm(app.button(key="send-cancel").click().run())
    assert "This will leave the machine" not in words(app)
    assert came() == 0


def test_the_page_sends_on_confirmation_and_says_who_answered(
    services, signed_in, person, lease, muniment, came
):
    muniment("matter", "sending", "Lease", "remote_allowed")
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value(_QUESTION).run())
    calm(app.button(key="send-go").click().run())
    assert came() == 1
    assert "Answered by far-away, a remote model" in words(app)
    assert [one.kind for one in services.audit.entries(kinds=["question.sent"])] == ["question.sent"]


def test_the_page_asks_on_this_machine_instead_when_told(services, signed_in, person, lease, muniment, came):
    muniment("matter", "sending", "Lease", "remote_allowed")
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value(_QUESTION).run())
    calm(app.button(key="send-here").click().run())
    assert "Answered by scripted" in words(app)
    assert came() == 0


def test_an_administrator_in_the_matter_changes_its_policy_on_the_page(services, signed_in, person, lease):
    person("ada", Role.ADMINISTRATOR, matters=["Lease"])
    signed_in("ada")
    app = open_page("matters")
    assert "Local only: nothing of this matter leaves this machine" in words(app)
    calm(app.radio[0].set_value("redact_then_remote").run())
    assert "Redaction can miss names" in words(app)
    calm(next(one for one in app.button if str(one.key).startswith("sending-go")).click().run())
    assert "Redact, then remote" in words(app)
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    assert services.access.sending(scope) is Sending.REDACT


def test_a_member_cannot_change_it_and_is_not_offered_to(services, signed_in, person, lease):
    made = person("bea", matters=["Lease"])
    signed_in("bea")
    assert not open_page("matters").radio
    actor = services.accounts.actor_for(signed_in("bea"))
    assert actor.id == made.id
    with pytest.raises(Refused, match="only an administrator"):
        services.access.set_sending(services.access.scope(actor, "Lease"), Sending.ALLOWED)


def test_a_remote_model_that_gave_no_answer_is_named_since_it_may_have_what_was_sent(services):
    body = {"given": [1], "usage": {"prompt_tokens": 0}, "model": services.remote.identity.to_json()}
    assert presenting.answered_by(body) == (
        "far-away, a remote model, gave no answer; it may have what was sent"
    )
    assert presenting.answered_by(body | {"given": []}) == "No model was asked"


def test_the_system_page_says_where_questions_may_go_and_when_one_last_went(
    muniment, signed_in, person, lease, services
):
    person("ada", Role.ADMINISTRATOR)
    signed_in("ada")
    said = words(calm(open_page("system")))
    assert f"far-away at {services.remote.endpoint.host}" in said
    assert "never" in said
    muniment("matter", "sending", "Lease", "remote_allowed")
    assert muniment("ask", _QUESTION, "--matter", "Lease", "--send").code == 0
    assert "never" not in words(calm(open_page("system")))


@pytest.mark.parametrize(
    "part",
    [
        {"remote_url": "https://models.example/v1"},
        {"remote_model": "m"},
        {"remote_key": "secret"},
        {"remote_url": "http://models.example/v1", "remote_model": "m"},
    ],
)
def test_a_remote_model_that_is_set_in_part_or_in_the_open_is_refused_at_the_start(home, part):
    with pytest.raises(WrongUse, match="MUNIMENT_REMOTE"):
        build(Settings(home=home, **part), embedder=HashingEmbedder(), generator=ScriptedGenerator())


def test_the_key_comes_from_a_file_or_a_variable_and_not_from_both(tmp_path, home):
    file = tmp_path / "key"
    file.write_text("from-the-file\n")
    assert remote_key(Settings(home=home, remote_key_file=file)) == "from-the-file"
    assert remote_key(Settings(home=home, remote_key="from-the-variable")) == "from-the-variable"
    assert "from-the-variable" not in repr(Settings(home=home, remote_key="from-the-variable"))
    with pytest.raises(WrongUse, match="both set"):
        remote_key(Settings(home=home, remote_key="x", remote_key_file=file))
    file.write_text("\n")
    with pytest.raises(WrongUse, match="is empty"):
        remote_key(Settings(home=home, remote_key_file=file))
    with pytest.raises(Broken, match="MUNIMENT_REMOTE_KEY_FILE"):
        remote_key(Settings(home=home, remote_key_file=tmp_path / "none"))
    assert app_settings.remote_key(Settings(home=home)) is None
