"""The Library as its user works with it: what was not read, the remedies, and one document with its past."""

import re

import pytest
from sqlalchemy import event

from app import state
from app.jobs import UploadedOriginal
from storage.records import JobState, VersionState
from tests.data import make, make_mail

from .pages import calm, open_page, wait_for, words

_SECRET = "Quayside-2026"


@pytest.fixture
def room(services, signed_in, person, muniment):
    """The scope of a matter whose member is looking at the pages."""
    assert muniment("matter", "create", "Quay").code == 0
    person("ada", matters=["Quay"])
    token = signed_in("ada")
    return services.access.scope(services.accounts.actor_for(token), "Quay")


@pytest.fixture
def add(muniment, room, tmp_path):
    """A function that puts files, as bytes by name, into the matter."""

    def put(files):
        folder = tmp_path / "in"
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return muniment("ingest", folder, "--matter", "Quay")

    return put


def _locked(tmp_path, line):
    return make.pdf(tmp_path / "made.pdf", [(line,)], encrypt=_SECRET).read_bytes()


def _button(app, label):
    return next(one for one in app.button if one.label == label)


def _settled(services, room):
    wait_for(
        lambda: all(one.state not in (JobState.QUEUED, JobState.RUNNING) for one in services.jobs.jobs(room))
    )


def _open(app, name):
    box = next(one for one in app.selectbox if one.label == "Open a document")
    return calm(box.select(next(one for one in box.options if one.endswith(name))).run())


def test_a_locked_file_opens_with_its_password_which_is_kept_nowhere(services, room, add, tmp_path, caplog):
    add({"side letter.pdf": _locked(tmp_path, "The guarantee is capped.")})
    app = calm(open_page("library"))
    assert "1 of 1 document needs a password" in words(app)
    services.jobs.start()
    next(one for one in app.text_input if one.label == "Password of the file").set_value(_SECRET)
    calm(_button(app, "Open with this password").click().run())
    _settled(services, room)
    [document] = services.library.documents(room)
    assert document.state is VersionState.LIVE
    assert "Every page was read" in words(calm(open_page("library")))
    assert _SECRET not in caplog.text
    stored = b"".join(one.read_bytes() for one in services.settings.home.rglob("*") if one.is_file())
    assert _SECRET.encode() not in stored


def test_one_password_is_tried_on_all_locked_files(services, room, add, tmp_path):
    add({f"{n}.pdf": _locked(tmp_path, f"Letter {n}") for n in (1, 2)})
    app = calm(open_page("library"))
    assert "2 of 2 documents need a password" in words(app)
    services.jobs.start()
    next(one for one in app.text_input if one.label == "Password of the file").set_value(_SECRET)
    calm(_button(app, "Try it on all 2").click().run())
    _settled(services, room)
    assert {one.state for one in services.library.documents(room)} == {VersionState.LIVE}


def test_a_file_that_cannot_be_read_is_named_with_the_reason_and_can_be_skipped(services, room, add):
    add(
        {"good.txt": b"The rent is $10.", "bad.pdf": b"%PDF-1.7 and no more", "odd.7z": b"7z\xbc\xaf\x27\x1c"}
    )
    app = calm(open_page("library"))
    said = words(app)
    assert "1 of 2 documents could not be read" in said
    assert "bad.pdf" in said
    calm(_button(app, "Skip it").click().run())
    assert [one.path for one in services.library.documents(room)] == ["good.txt"]


def test_a_file_that_was_not_taken_in_is_named_until_it_comes_in(services, room, tmp_path):
    odd = tmp_path / "odd"
    odd.write_bytes(b"7z\xbc\xaf\x27\x1c")
    services.jobs.start()
    services.jobs.submit_ingest(room, [UploadedOriginal("odd.7z", odd)])
    _settled(services, room)
    said = words(calm(open_page("library")))
    assert "1 file could not be taken in" in said
    assert "Is a 7z archive" in said


def test_hidden_text_is_looked_at_and_accepted_on_record(services, room, add):
    page = b"<html><body><p>The rent is $10.</p><p style='display:none'>Pay twice.</p></body></html>"
    add({"page.html": page})
    app = calm(open_page("library"))
    assert "Hides text" in words(app)
    services.jobs.start()
    app = calm(_button(app, "Look at the hidden text").click().run())
    assert "Pay twice." in words(app)
    calm(_button(app, "Accept it as part of the document").click().run())
    _settled(services, room)
    [document] = services.library.documents(room)
    assert "Pay twice." in services.library.page(room, document.id, 1).text
    [entry] = services.audit.entries(kinds=["document.hidden_accepted"])
    assert entry.actor == room.actor.id
    app = _open(open_page("library"), "page.html")
    assert any("part of the document" in one.label for one in app.expander)


def test_an_attachment_stands_under_its_mail_and_each_leads_to_the_other(services, room, add):
    mail = make_mail.mail("See the report.", files=[("report.txt", b"The roof is sound.")])
    add({"a.eml": bytes(mail)})
    app = calm(open_page("library"))
    names = list(app.dataframe[0].value["Document"])
    assert names[0] == "a.eml"
    assert re.fullmatch(r"\W*report\.txt", names[1])
    app = _open(app, "a.eml")
    app = calm(next(one for one in app.button if "report" in one.label).click().run())
    assert "The roof is sound." in words(app)
    app = calm(next(one for one in app.button if one.label == r"a\.eml").click().run())
    assert "See the report." in words(app)


def test_an_older_version_stays_readable_and_says_that_it_was_replaced(services, room, add):
    add({"lease.txt": b"The rent is $10."})
    add({"lease.txt": b"The rent is $12."})
    app = _open(open_page("library"), "lease.txt")
    assert "The rent is $12." in words(app)
    box = next(one for one in app.selectbox if one.label == "2 versions")
    app = calm(box.select_index(1).run())
    assert "The rent is $10." in words(app)
    assert "it was replaced on" in app.warning[0].value


def test_a_stopped_upload_says_so_and_is_tried_again(services, room, tmp_path):
    file = tmp_path / "note"
    file.write_text("The deposit is $5.")
    job = services.jobs.submit_ingest(room, [UploadedOriginal("note.txt", file)])
    services.jobs.cancel(room, job.id)
    app = calm(open_page("library"))
    assert "was stopped" in app.info[0].value
    calm(_button(app, "Try again").click().run())
    services.jobs.start()
    _settled(services, room)
    assert [one.path for one in services.library.documents(room)] == ["note.txt"]


def test_the_list_asks_the_database_no_more_for_many_documents_than_for_few(services, room, add):
    add({"a.txt": b"one"})
    counted = []

    def count(*_):
        counted.append(1)

    event.listen(services.database.engine, "before_cursor_execute", count)
    asked = []
    for files in ({}, {f"{n}.txt": f"text {n} of many".encode() for n in range(12)}):
        if files:
            add(files)
        counted.clear()
        calm(open_page("library"))
        asked.append(len(counted))
    assert asked[0] == asked[1]


def test_who_may_not_see_a_matter_has_no_open_document_of_it(services, signed_in, person, room, add):
    add({"a.txt": b"The rent is $10."})
    app = _open(open_page("library"), "a.txt")
    services.access.remove_member(
        services.access.scope(services.accounts.local_operator(), "Quay"), room.actor.id
    )
    app = calm(app.run())
    assert "The rent is $10." not in words(app)
    assert state.chosen_matter() is None
