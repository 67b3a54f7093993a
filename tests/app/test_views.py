"""The pages of a matter as Streamlit runs them, over real services with a scripted model."""

import pytest
from streamlit.testing.v1 import AppTest

from app import answering, state, suggesting
from app.jobs import SummaryRequest, UploadedOriginal
from engine.answer_events import Finished
from storage.records import JobState, Role

from .pages import TIMEOUT_S, calm, main, open_page, wait_for, words

_QUESTION = "What notice must the tenant give to end the lease?"


def test_the_frame_names_the_matter_the_person_and_the_model(services, signed_in, person, lease):
    person("ada", Role.ADMINISTRATOR, matters=["Lease"])
    signed_in("ada")
    app = calm(AppTest.from_function(main, default_timeout=TIMEOUT_S).run())
    assert app.sidebar.selectbox[0].value.name == "Lease"
    said = words(app)
    assert "ada" in said
    assert services.generator.identity.id in said


def test_who_is_in_no_matter_is_told_what_to_do_and_shown_nothing(services, signed_in, person, lease):
    person("sten")
    signed_in("sten")
    for name in ("ask", "library", "summaries"):
        said = words(calm(open_page(name)))
        assert "You are in no matter yet" in said
        assert "lease.md" not in said


def test_a_matter_is_created_and_chosen(services, signed_in, person):
    person("ada", Role.ADMINISTRATOR)
    signed_in("ada")
    app = open_page("matters")
    app.text_input[0].set_value("Northgate")
    calm(next(one for one in app.button if one.label == "Create matter").click().run())
    assert "Northgate" in words(app)
    assert app.session_state["matter_id"] == services.library.matters()[0].id


def test_a_name_that_is_refused_stays_to_be_mended_and_goes_once_it_is_taken(services, signed_in, person):
    person("ada", Role.ADMINISTRATOR)
    signed_in("ada")
    for name, button, bad in (("matters", "Create matter", "M" * 130), ("people", "Add", "P" * 70)):
        app = open_page(name)
        app.text_input[0].set_value(bad)
        next(one for one in app.button if one.label == button).click().run()
        assert app.error
        assert app.text_input[0].value == bad
        # The browser would empty the box even so, and send nothing at a second click.
        assert not any(one.proto.form.clear_on_submit for one in app.get("form"))
        app.text_input[0].set_value("Good")
        next(one for one in app.button if one.label == button).click().run()
        assert not calm(app).text_input[0].value


def test_a_summary_is_ordered_once_by_two_clicks(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("summaries")
    for _ in range(2):
        calm(next(one for one in app.button if one.label == "Summarise").click().run())
    scope = services.access.scope(services.accounts.actor_for(state.session_token()), "Lease")
    assert len(services.jobs.jobs(scope)) == 1


def test_who_cannot_make_a_matter_is_not_told_to(services, signed_in, person):
    for name, role, said in (("sten", Role.MEMBER, False), ("ada", Role.ADMINISTRATOR, True)):
        person(name, role)
        signed_in(name)
        assert ("Create one" in words(calm(open_page("ask")))) is said


def test_a_reload_stays_in_the_matter_that_was_chosen(services, signed_in, person, lease, muniment):
    assert muniment("matter", "create", "Alder").code == 0
    person("ada", matters=["Lease", "Alder"])
    signed_in("ada")
    app = AppTest.from_function(main, default_timeout=TIMEOUT_S).run()
    assert app.sidebar.selectbox[0].value.name == "Alder"
    lease_matter = next(one for one in services.library.matters() if one.name == "Lease")
    calm(app.sidebar.selectbox[0].select(lease_matter).run())
    assert app.query_params["matter"] == lease_matter.id
    # A reload is a new session with the same address.
    again = AppTest.from_function(main, default_timeout=TIMEOUT_S)
    again.query_params["matter"] = lease_matter.id
    calm(again.run())
    assert again.sidebar.selectbox[0].value.name == "Lease"
    assert "is not open to you" not in words(again)


def test_an_address_of_a_matter_that_is_not_ones_own_says_so_and_shows_nothing_of_it(
    services, signed_in, person, lease, muniment
):
    assert muniment("matter", "create", "Hidden deal").code == 0
    hidden = next(one for one in services.library.matters() if one.name == "Hidden deal")
    person("ada", matters=["Lease"])
    signed_in("ada")
    for wanted in (hidden.id, "matter_of_nobody"):
        app = AppTest.from_function(main, default_timeout=TIMEOUT_S)
        app.query_params["matter"] = wanted
        said = words(calm(app.run()))
        assert "The matter of this address is not open to you. This is Lease." in said
        assert "Hidden deal" not in said


def test_the_library_lists_documents_with_pages_read_and_state(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = calm(open_page("library"))
    table = app.dataframe[0].value
    assert list(table["Document"]) == ["lease.md", "letter.txt"]
    assert list(table["Read"]) == ["1 of 1", "1 of 1"]
    assert list(table["State"]) == ["ready", "ready"]


def test_a_text_document_is_opened_as_text_and_that_is_on_record(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("library")
    box = next(one for one in app.selectbox if one.label == "Open a document")
    calm(box.select_index(0).run())
    assert "The annual rent is $2.5 million" in words(app)
    assert len(services.audit.entries(kinds=["document.opened"])) == 1


def test_a_document_is_deleted_only_on_confirmation_and_leaves_the_search(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("library")
    next(one for one in app.selectbox if one.label == "Open a document").select_index(0).run()
    calm(next(one for one in app.button if one.label == "Delete it for good").click().run())
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    assert [one.path for one in services.library.documents(scope)] == ["letter.txt"]
    assert all(one.document != "lease.md" for one in services.retriever.search(scope, "annual rent").passages)


def test_an_answer_is_shown_with_its_verdict_its_sources_and_its_model(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value(_QUESTION).run())
    said = words(app)
    assert _QUESTION in said
    assert "Searched 2 documents, 2 pages" in said
    assert services.generator.identity.id in said
    sources = [one for one in app.button if str(one.key).startswith("source-")]
    assert sources
    calm(sources[0].click().run())
    assert "<mark>" in words(app)


def test_what_was_searched_stands_as_it_was_when_the_question_was_asked(
    services, signed_in, person, lease, muniment, tmp_path
):
    person("ada", matters=["Lease"])
    signed_in("ada")
    bad = tmp_path / "more"
    bad.mkdir()
    (bad / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing follows")
    muniment("ingest", bad, "--matter", "Lease")
    app = open_page("ask")
    calm(app.chat_input[0].set_value(_QUESTION).run())
    told = "Searched 2 documents, 2 pages; 1 document could not be read"
    assert told in words(app)
    assert "Lease: 2 documents, 2 pages; 1 document cannot be searched" in words(app)
    (bad / "broken.pdf").unlink()
    (bad / "later.txt").write_text("The deposit is returned after thirty (30) days.")
    assert muniment("ingest", bad, "--matter", "Lease").code == 0
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    broken = services.library.document(scope, "broken.pdf")
    services.rooms.delete_document(scope, broken.id)
    assert told in words(calm(app.run()))


def test_a_reload_stays_in_the_thread_and_another_matter_leaves_it(
    services, signed_in, person, lease, muniment
):
    assert muniment("matter", "create", "Alder").code == 0
    person("ada", matters=["Lease", "Alder"])
    signed_in("ada")
    alder, of_lease = sorted(services.library.matters(), key=lambda one: one.name)
    app = AppTest.from_function(main, default_timeout=TIMEOUT_S)
    app.query_params["matter"] = of_lease.id
    calm(app.run().chat_input[0].set_value(_QUESTION).run())
    named = dict(app.query_params)
    assert set(named) == {"matter", "thread"}
    for thread, kept in ((named["thread"], True), ("thread_<b>", False)):
        again = AppTest.from_function(main, default_timeout=TIMEOUT_S)
        again.query_params["matter"] = of_lease.id
        again.query_params["thread"] = thread
        assert (_QUESTION in words(calm(again.run()))) is kept
    calm(app.sidebar.selectbox[0].select(alder).run())
    assert dict(app.query_params) == {"matter": alder.id}


def test_a_thread_belongs_to_its_asker(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    person("bo", matters=["Lease"])
    signed_in("ada")
    open_page("ask").chat_input[0].set_value(_QUESTION).run()
    signed_in("bo")
    assert _QUESTION not in words(calm(open_page("ask")))


def test_a_question_that_is_too_long_is_one_line_of_error(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value("why " * 6_000).run())
    [error] = app.error
    assert "\n" not in error.value
    # Nothing is under way, and nothing there says so.
    assert "Stop" not in [one.label for one in app.button]
    assert "Searching" not in words(app)


def test_an_unexpected_error_shows_a_reference_and_none_of_its_words(
    services, signed_in, person, lease, monkeypatch, caplog
):
    person("ada", matters=["Lease"])
    signed_in("ada")

    told = " ".join(("the", "secret", "clause"))

    def broken(*_):
        raise ValueError(told)

    monkeypatch.setattr(type(services.library), "documents", broken)
    app = calm(open_page("library"))
    [error] = app.error
    assert "reference" in error.value
    assert told not in error.value
    assert told not in caplog.text


def test_a_finished_summary_is_shown_with_its_coverage(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    scope = services.access.scope(services.accounts.actor_for(state.session_token()), "Lease")
    services.jobs.start()
    job = services.jobs.submit_summary(scope, SummaryRequest(title="Lease"))
    wait_for(lambda: services.jobs.job(scope, job.id).state not in (JobState.QUEUED, JobState.RUNNING))
    assert services.jobs.job(scope, job.id).state is JobState.DONE
    said = words(calm(open_page("summaries")))
    assert "Covers 2 of 2 pages of 2 documents" in said


def test_an_upload_that_was_submitted_is_in_the_library_without_the_page(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    scope = services.access.scope(services.accounts.actor_for(state.session_token()), "Lease")
    file = services.settings.home / "upload"
    file.write_text("The deposit is returned after thirty (30) days.")
    services.jobs.start()
    job = services.jobs.submit_ingest(scope, [UploadedOriginal("letters/deposit.txt", file)])
    wait_for(lambda: services.jobs.job(scope, job.id).state is JobState.DONE)
    app = calm(open_page("library"))
    assert "letters/deposit.txt" in list(app.dataframe[0].value["Document"])
    assert any("1 read" in one.label for one in app.expander)


def test_suggested_questions_come_from_the_documents_own_headings(services, lease):
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    suggested = suggesting.questions(services.library, scope)
    assert suggested
    assert all(one.endswith("?") for one in suggested)
    assert len(suggested) <= 3


def test_leaving_an_answer_cancels_it_in_the_engine(services, lease):
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    coming = answering.events(
        services.assistant,
        scope,
        "How many days of notice?",
        thread_id="thread_1",
        allowed=lambda: True,
        attention=services.attention,
    )
    next(coming)
    coming.close()
    wait_for(
        lambda: (
            len(services.audit.entries(kinds=["answer.given", "answer.failed"]))
            == len(services.audit.entries(kinds=["question.asked"]))
            == 1
        )
    )


def test_an_answer_runs_to_its_end_as_events(services, lease):
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    come = [
        one
        for one in answering.events(
            services.assistant,
            scope,
            "How many days of notice?",
            thread_id="thread_1",
            allowed=lambda: True,
            attention=services.attention,
        )
        if one is not None
    ]
    assert isinstance(come[-1], Finished)


def test_an_engine_error_reaches_the_page_as_it_is(services, lease):
    scope = services.access.scope(services.accounts.local_operator(), "Lease")
    with pytest.raises(Exception, match="question"):
        list(
            answering.events(
                services.assistant,
                scope,
                "",
                thread_id="thread_1",
                allowed=lambda: True,
                attention=services.attention,
            )
        )


def test_a_file_over_the_limit_is_named_with_what_to_do_and_the_others_can_be_added(
    services, signed_in, person, lease
):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("library")
    large = b"x" * (services.limits.max_file_bytes + 1)
    app.file_uploader[0].set_value([("large.txt", large, "text/plain"), ("small.txt", b"ok", "text/plain")])
    calm(app.run())
    assert "large" in app.error[0].value
    assert "limit" in app.error[0].value
    assert any(one.label.startswith("Add 1 file to this matter") for one in app.button)


def test_a_question_about_every_document_is_answered_by_a_table(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value("Which documents mention rent?").run())
    said = words(app)
    assert "Looked at 2 of 2 documents" in said
    assert "Nearest passage" in said
    assert "No model was asked" in said


def test_each_passage_says_why_it_was_found(services, signed_in, person, lease):
    person("ada", matters=["Lease"])
    signed_in("ada")
    app = open_page("ask")
    calm(app.chat_input[0].set_value(_QUESTION).run())
    assert "Found because: says" in words(app)
