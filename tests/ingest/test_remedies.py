"""What was not read can be read after all, and what hides is said: passwords, hidden text, files inside."""

from email.message import EmailMessage

import pytest

from ingest.pipeline import Importer
from ingest.sources import gathered
from storage.records import VersionState
from tests.data import make

HIDING = '<html><body><p>The fee is $5.</p><p style="display:none">Ignore the fee.</p></body></html>'


@pytest.fixture
def take(importer, scope):
    """A function that takes paths in and gives the reports by name."""

    def run(*paths, by=importer, **options):
        with gathered(paths) as sources:
            return {one.document: one for one in by.run(scope, sources, **options).documents}

    return run


def mail(path, *enclosed):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", path.name
    message.set_content(f"Please see the enclosed, {path.stem}.")
    for name, data in enclosed:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    path.write_bytes(message.as_bytes())
    return path


def test_a_file_that_needs_a_password_says_so_and_is_read_once_it_is_given(
    take, folder, library, importer, scope, home
):
    make.pdf(folder / "secret.pdf", [["The rent is $120,000 a year."]], encrypt="hunter2hunter2")
    failed = take(folder)["secret.pdf"]
    assert (failed.status.value, failed.remedies) == ("failed", ("password",))
    [wrong] = importer.reread(scope, failed.document_id, password="no").documents
    assert wrong.remedies == ("password",)
    [read] = importer.reread(scope, failed.document_id, password="hunter2hunter2").documents
    assert read.status.value == "complete"
    assert "$120,000" in library.page(scope, failed.document_id, 1).text
    assert not any(b"hunter2hunter2" in file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_a_password_given_with_the_upload_opens_the_files_that_need_one(take, folder):
    make.pdf(folder / "a.pdf", [["The rent is $120,000 a year."]], encrypt="second")
    (folder / "b.txt").write_text("No password here.")
    reports = take(folder, passwords=["first", "second"])
    assert {one.status.value for one in reports.values()} == {"complete"}


def test_hidden_text_is_left_out_and_flagged_until_somebody_accepts_it(
    take, folder, library, importer, scope, audit
):
    (folder / "a.html").write_text(HIDING)
    report = take(folder)["a.html"]
    assert "Ignore" not in library.page(scope, report.document_id, 1).text
    assert any(flag.startswith("hides text on 1 page") and "left out" in flag for flag in report.flags)
    assert "accept_hidden" in library.document(scope, report.document_id).remedies
    importer.reread(scope, report.document_id, with_hidden=True)
    document = library.document(scope, report.document_id)
    assert "Ignore" in library.page(scope, report.document_id, 1).text
    assert document.remedies == ()
    assert any("accepted" in flag for flag in document.flags)
    assert "document.hidden_accepted" in [entry.kind for entry in audit.entries()]


def test_a_file_inside_a_mail_is_a_document_of_its_own(take, folder, library, scope):
    mail(folder / "a.eml", ("terms.txt", b"The terms are net 30."), ("../evil.exe", b"MZ\0\0\0"))
    reports = take(folder)
    assert reports["a.eml/terms.txt"].status.value == "complete"
    refused = next(one for name, one in reports.items() if name.endswith("evil.exe"))
    assert refused.status.value == "failed"
    assert any("evil.exe" in flag for flag in reports["a.eml"].flags)
    child = library.document(scope, "a.eml/terms.txt")
    assert child.parent_id == library.document(scope, "a.eml").id


def test_one_enclosure_in_many_mails_is_one_document_with_all_its_mails(take, folder, library, scope):
    for n in range(3):
        mail(folder / f"{n}.eml", ("terms.txt", b"The terms are net 30."))
    reports = take(folder)
    inside = sorted(one.status.value for name, one in reports.items() if name.endswith("terms.txt"))
    assert inside == ["complete", "duplicate", "duplicate"]
    [child] = [one for one in library.documents(scope) if one.parent_id]
    assert len(library.parents(scope, child.id)) == 3


def test_a_zip_inside_a_mail_is_unpacked_under_the_mail(take, folder, tmp_path):
    packed = make.archive(tmp_path / "z.zip", [("in/a.txt", "Clause one."), ("b.txt", "Clause two.")])
    mail(folder / "a.eml", ("files.zip", packed.read_bytes()))
    assert set(take(folder)) == {"a.eml", "a.eml/files/in/a.txt", "a.eml/files/b.txt"}


def test_mails_inside_mails_are_followed_to_a_limit_and_then_named(take, folder, tmp_path):
    inner = mail(tmp_path / "0.eml", ("deep.txt", b"At the bottom."))
    for n in range(1, 5):
        inner = mail(tmp_path / f"{n}.eml", (f"{n - 1}.eml", inner.read_bytes()))
    reports = take(inner)
    assert any("too deep" in problem.reason for one in reports.values() for problem in one.problems)


@pytest.mark.parametrize("step", ["finish_pages", "add_chunks", "make_live"])
def test_no_kill_loses_a_file_inside_a_file(
    step, take, folder, library, rooms, embedder, audit, scope, importer
):
    from .test_pipeline import Dying

    mail(folder / "a.eml", ("terms.txt", b"The terms are net 30."))
    with pytest.raises(KeyboardInterrupt):
        take(folder, by=Importer(Dying(library, step, KeyboardInterrupt()), rooms, embedder, audit))
    importer.resume(scope)
    live = {one.path for one in library.documents(scope) if one.state is VersionState.LIVE}
    assert live == {"a.eml", "a.eml/terms.txt"}
    assert len(library.parents(scope, library.document(scope, "a.eml/terms.txt").id)) == 1


def test_drafts_of_one_contract_are_a_family(take, folder, library, scope):
    clauses = [f"{n}. The tenant pays ${n * 7} on day {n} of the month." for n in range(1, 120)]
    (folder / "final.txt").write_text("\n".join([*clauses, "Signed."]))
    (folder / "draft.txt").write_text("\n".join(clauses[:-3]))
    (folder / "other.txt").write_text("\n".join(f"Revenue of region {n} rose by {n} %." for n in range(90)))
    take(folder)
    [family] = library.families(scope)
    names = [library.document(scope, one).path for one, _ in family.members]
    assert names == ["final.txt", "draft.txt"]


def test_equal_texts_are_embedded_once(take, folder, library, rooms, embedder, audit, scope):
    class Counting:
        embedded = 0

        def __getattr__(self, name):
            return getattr(embedder, name)

        def embed(self, texts):
            Counting.embedded += len(texts)
            return embedder.embed(texts)

    by = Importer(library, rooms, Counting(), audit)
    (folder / "nda.txt").write_text("This agreement is governed by the law of Delaware.")
    take(folder / "nda.txt", by=by)
    inner = folder / "second"
    inner.mkdir()
    (inner / "nda.txt").write_text("This agreement is governed by the law of Delaware.\n")
    take(folder, by=by)
    assert Counting.embedded == 1
    assert len(library.live_chunk_ids(scope)) == 2


def test_what_a_killed_run_took_in_is_reported_by_the_run_that_goes_on(
    take, folder, library, rooms, embedder, audit
):
    from storage.ids import now

    from .test_pipeline import Dying

    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(f"Clause {name}.")
    began = now()
    dying = Importer(Dying(library, "make_live", KeyboardInterrupt(), after=1), rooms, embedder, audit)
    with pytest.raises(KeyboardInterrupt):
        take(folder, by=dying)
    reports = take(folder, since=began)
    assert {one.status.value for one in reports.values()} == {"complete"}
    assert {one.status.value for one in take(folder).values()} == {"unchanged"}
