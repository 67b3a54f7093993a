"""`muniment audit replay` and the Audit page's button, on the whole product with a scripted model."""

import json
from types import SimpleNamespace

import pytest

from app.attention import Attention
from app.repeating import replayed
from app.replay_text import headline
from app.wiring import build
from engine.models.base import Conversation
from engine.models.scripted import ScriptedGenerator
from storage.embedding import HashingEmbedder
from storage.errors import Broken, NotFound

QUESTION = "What notice must the tenant give to end the lease?"


@pytest.fixture
def asked(muniment, lease):
    """The index of an answer about the lease."""
    ran = muniment("ask", QUESTION, "--matter", "Lease", "--json")
    assert ran.code == 0, ran.err
    return ran.json["audit"]["index"]


def differing(ran):
    return [one["name"] for one in ran.json["inputs"] if not one["same"]]


def newest(services, kind):
    return json.loads(services.audit.entries(kinds=[kind], limit=1)[0].canonical)["data"]


def another_home(services, generator):
    """The same data folder with another model."""
    services.close()
    return build(services.settings, embedder=HashingEmbedder(), generator=generator)


def test_an_answer_is_made_again_from_its_record_each_time(muniment, asked):
    for _ in range(10):
        ran = muniment("audit", "replay", asked, "--json")
        assert (ran.code, ran.json["confirmed"], ran.json["output"]) == (0, True, "equal"), ran.out
        assert all(one["same"] for one in (*ran.json["inputs"], *ran.json["surroundings"]))
    assert "the model wrote the same again: greedy" in muniment("audit", "replay", asked).out


def test_a_replay_is_on_record_and_holds_no_words(services, muniment, asked):
    assert muniment("audit", "replay", asked).code == 0
    kept = newest(services, "answer.replayed")
    assert (kept["entry"], kept["confirmed"], kept["output"], kept["calls"]) == (asked, True, "equal", 1)
    assert "tenant" not in json.dumps(kept).lower()
    assert muniment("audit", "verify").code == 0


def test_the_record_holds_what_is_needed_to_make_the_answer_again(services, asked):
    kept = newest(services, "answer.given")
    assert set(kept["made_with"]) == {
        "muniment", "code_sha256", "python", "machine", "search", "libraries", "form_sha256", "runs",
    }  # fmt: skip
    assert {"page", "start", "end", "text_sha256", "version_id"} <= set(kept["passages"][0])
    assert set(kept["reply"]["times_ms"]) == {"waited", "read", "wrote"}
    assert kept["prompt"]["tokens_sha256"]
    assert kept["sampling"] == {"temperature": 0, "seed": 0, "effort": "low"}


def test_a_new_version_of_the_document_changes_nothing_for_an_old_answer(muniment, asked, tmp_path):
    file = tmp_path / "lease" / "lease.md"
    file.write_text(file.read_text().replace("ninety (90)", "thirty (30)"))
    assert muniment("ingest", tmp_path / "lease", "--matter", "Lease").code == 0
    assert "thirty (30)" in muniment("ask", QUESTION, "--matter", "Lease", "--json").json["answer"]
    assert muniment("audit", "replay", asked, "--json").code == 0


def test_a_deleted_document_is_named_and_the_model_is_not_asked(services, muniment, asked, lease):
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    [document_id] = [one["document_id"] for one in lease["documents"] if one["document"] == "lease.md"]
    services.rooms.delete_document(scope, document_id)
    ran = muniment("audit", "replay", asked, "--json")
    assert (ran.code, ran.json["output"], differing(ran)) == (1, "not compared", ["passages"])
    assert document_id in next(one["detail"] for one in ran.json["inputs"] if not one["same"])


def test_another_model_is_named_and_its_words_are_not_compared(services, asked):
    other = another_home(services, ScriptedGenerator("Something else [1]."))
    scope = other.access.scope(other.accounts.local_operator(), "Lease")
    made = other.replayer.replay(scope, asked)
    assert [one.name for one in made.inputs if not one.same] == ["model"]
    assert made.output == "not compared"
    assert not made.confirmed
    other.close()


def test_the_first_token_that_differs_is_named_with_its_place(services, asked):
    first = services.generator._model

    def other(conversation: Conversation) -> str:
        text = first._replies[0](conversation)
        return text.replace("ninety", "thirty")

    other.__qualname__ = first._replies[0].__qualname__
    changed = another_home(services, ScriptedGenerator(other))
    scope = changed.access.scope(changed.accounts.local_operator(), "Lease")
    made = changed.replayer.replay(scope, asked)
    assert (made.output, made.inputs_equal, made.confirmed) == ("differs", True, False)
    assert made.first_difference is not None
    assert f"token {made.first_difference} (character" in made.detail
    changed.close()


def test_changed_rules_and_another_form_are_inputs_that_differ(services, muniment, asked, monkeypatch):
    monkeypatch.setattr(
        "engine.replaying.template",
        lambda name: SimpleNamespace(name=name, rules="Be brief.", digest="0" * 64),
    )
    ran = muniment("audit", "replay", asked, "--json")
    assert (ran.code, differing(ran)) == (1, ["rules", "prompt"])


def test_other_libraries_are_told_and_do_not_make_equal_words_differ(muniment, asked, monkeypatch):
    monkeypatch.setattr("engine.circumstances.platform.python_version", lambda: "3.99.0")
    ran = muniment("audit", "replay", asked, "--json")
    assert (ran.code, ran.json["confirmed"]) == (0, True)
    [other] = [one for one in ran.json["surroundings"] if not one["same"]]
    assert other["detail"].endswith("3.99.0 now")


def test_an_answer_without_a_model_is_checked_as_far_as_there_is_something(muniment, lease):
    ran = muniment("ask", "Which documents mention a deposit?", "--matter", "Lease", "--json")
    ran = muniment("audit", "replay", ran.json["audit"]["index"], "--json")
    assert (ran.code, ran.json["output"], ran.json["inputs_equal"]) == (0, "no model", True)


def test_what_is_no_answer_is_refused_in_one_line(services, muniment, asked):
    [question] = services.audit.entries(kinds=["question.asked"], limit=1)
    assert muniment("audit", "verify").code == 0
    [verified] = services.audit.entries(kinds=["audit.verified"], limit=1)
    for index in (question.index, verified.index, 9_999):
        ran = muniment("audit", "replay", index)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (2, "", 1)


def test_a_summary_is_repeated_section_by_section(services, muniment, lease):
    ran = muniment("summarise", "--matter", "Lease", "--json")
    assert ran.code == 0, ran.err
    index = ran.json["audit"]["index"]
    ran = muniment("audit", "replay", index, "--json")
    assert (ran.code, ran.json["output"]) == (0, "equal"), ran.out
    assert ran.json["calls"] == ran.json["calls_equal"] >= 2
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    [letter] = [one["document_id"] for one in lease["documents"] if one["document"] == "letter.txt"]
    services.rooms.delete_document(scope, letter)
    ran = muniment("audit", "replay", index, "--json")
    assert (ran.code, differing(ran), ran.json["calls"]) == (1, ["passages"], 0)


def test_nobody_replays_what_is_in_a_matter_that_they_are_not_in(services, muniment, person, asked):
    assert muniment("matter", "create", "Other").code == 0
    person("sten", matters=["Other"])
    actor = services.accounts.sign_in("sten", "a-long-passphrase-for-tests").actor
    with pytest.raises(NotFound):
        services.replayer.replay(services.access.scope(actor, "Other"), asked)
    assert not services.audit.entries(kinds=["answer.replayed"])


def test_a_colleague_in_the_matter_may_replay_what_another_asked(services, person, asked):
    person("ada", matters=["Lease"])
    actor = services.accounts.sign_in("ada", "a-long-passphrase-for-tests").actor
    scope = services.access.scope(actor, "Lease")
    *waiting, made = replayed(services.replayer, scope, asked, attention=Attention())
    assert set(waiting) <= {None}
    assert made.confirmed
    assert headline(made) == "All inputs are those on record; the model wrote the same again: greedy."


def test_a_replay_that_fails_is_on_record_as_such(services, asked, monkeypatch):
    scope = services.access.scope(services.accounts.local_operator(), "Lease")

    def broken(*_args, **_options):
        raise Broken("the model failed")

    monkeypatch.setattr(services.generator, "submit", broken)
    with pytest.raises(Broken):
        services.replayer.replay(scope, asked)
    assert newest(services, "answer.replayed")["error"] == "Broken"
