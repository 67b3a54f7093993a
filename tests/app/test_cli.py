"""The commands keep their contract: JSON of the promised shape, exit codes, one-line errors."""

import json
import zipfile

import pytest
from sqlalchemy import event

ASK_KEYS = {
    "answer",
    "outcome",
    "sentences",
    "citations",
    "passages",
    "route",
    "searched",
    "model",
    "usage",
    "timings_ms",
    "audit",
}
PASSAGE_KEYS = {
    "rank",
    "score",
    "scores",
    "document",
    "document_id",
    "page",
    "start",
    "end",
    "text",
    "ranks",
    "also_in",
    "why",
}


def _one_line(ran, code):
    assert ran.code == code
    assert ran.out == ""
    [line] = ran.err.splitlines()
    assert line.startswith("muniment: ")
    return line


def test_ingest_reports_every_document_in_the_promised_form(lease):
    assert set(lease) == {"matter", "documents", "seconds", "pages_per_second"}
    assert [one["document"] for one in lease["documents"]] == ["lease.md", "letter.txt"]
    for one in lease["documents"]:
        assert set(one) == {
            "document",
            "document_id",
            "status",
            "pages",
            "pages_read",
            "ocr_pages",
            "chunks",
            "problems",
            "flags",
        }
        assert (one["status"], one["pages"], one["pages_read"]) == ("complete", 1, 1)


def test_ingesting_again_changes_nothing_and_says_so(lease, muniment, tmp_path):
    again = muniment("ingest", tmp_path / "lease", "--matter", "Lease", "--json")
    assert [one["status"] for one in again.json["documents"]] == ["unchanged", "unchanged"]
    assert again.code == 0


def test_search_points_into_the_page_text(lease, muniment):
    ran = muniment("search", "notice to end the lease", "--matter", "Lease", "--k", "3", "--json")
    assert set(ran.json) == {"passages", "route", "timings_ms"}
    first = ran.json["passages"][0]
    assert set(first) == PASSAGE_KEYS
    page = muniment("page", first["document"], "--matter", "Lease", "--json").json["pages"][first["page"] - 1]
    assert page["text"][first["start"] : first["end"]] == first["text"]


def test_the_offsets_of_a_text_file_index_the_file_itself(lease, muniment, tmp_path):
    text = (tmp_path / "lease" / "letter.txt").read_text()
    ran = muniment("search", "deposit received", "--matter", "Lease", "--document", "letter.txt", "--json")
    for passage in ran.json["passages"]:
        assert text[passage["start"] : passage["end"]] == passage["text"]


def test_an_answer_has_the_promised_form_and_its_quotes_are_the_pages_words(lease, muniment):
    ran = muniment("ask", "What notice must the tenant give to end the lease?", "--matter", "Lease", "--json")
    answer = ran.json
    assert set(answer) == ASK_KEYS
    assert answer["outcome"] in ("grounded", "partial", "quoted")
    assert set(answer["model"]) == {"id", "runtime", "quantization", "digest"}
    assert set(answer["usage"]) == {"prompt_tokens", "analysis_tokens", "output_tokens", "reused_tokens"}
    assert set(answer["timings_ms"]) == {"retrieve", "first_token", "total"}
    assert set(answer["audit"]) == {"index", "head"}
    assert answer["citations"]
    for citation in answer["citations"]:
        page = muniment("page", citation["document"], "--matter", "Lease", "--json").json["pages"][0]
        assert page["text"][citation["start"] : citation["end"]] == citation["quote"]
    for sentence in answer["sentences"]:
        assert set(sentence) == {"text", "citations", "verdict", "reason"}


def test_a_batch_answers_line_by_line_and_goes_on_after_a_bad_one(lease, muniment, tmp_path):
    batch = tmp_path / "questions.jsonl"
    lines = [
        {"id": 1, "query": "What is the annual rent?"},
        {"id": 2, "query": "What is the deposit?", "document": "nowhere.txt"},
        {"id": "c", "query": "What is the deposit?", "document": "letter.txt"},
    ]
    batch.write_text("\n".join(json.dumps(line) for line in lines))
    for command in ("search", "ask"):
        ran = muniment(command, "--batch", batch, "--matter", "Lease", "--json")
        results = [json.loads(line) for line in ran.out.splitlines()]
        assert [one["id"] for one in results] == [1, 2, "c"]
        assert "nowhere.txt" in results[1]["error"]
        assert {one["document"] for one in results[2]["passages"]} == {"letter.txt"}


def test_an_unknown_matter_is_wrong_use(muniment):
    assert "'Nowhere'" in _one_line(muniment("search", "x", "--matter", "Nowhere"), 2)


def test_an_unknown_command_and_an_unknown_option_are_wrong_use(muniment):
    assert _one_line(muniment("aks"), 2).endswith("`muniment --help` says what there is")
    missing = _one_line(muniment("search", "x"), 2)
    assert "--matter" in missing
    assert "`muniment search --help`" in missing
    assert "'index'" in _one_line(muniment("audit", "show", "x"), 2)


def test_a_path_that_is_not_there_is_wrong_use(lease, muniment):
    assert "gone.pdf" in _one_line(muniment("ingest", "gone.pdf", "--matter", "Lease"), 2)


def test_loading_into_a_matter_that_is_not_there_makes_it_and_says_so(muniment, tmp_path):
    (tmp_path / "note.txt").write_text("The fee is due on the first day of each month.")
    _one_line(muniment("ingest", "gone.txt", "--matter", "New"), 2)
    assert muniment("matter", "list", "--json").json == {"matters": []}
    ran = muniment("ingest", "note.txt", "--matter", "New")
    assert ran.code == 0
    assert "'New' did not exist and was created" in ran.err
    assert muniment("ingest", "--matter", "Newer").code == 2


def test_a_question_of_twenty_thousand_characters_is_refused_before_anything_runs(lease, muniment, services):
    assert "characters" in _one_line(muniment("ask", "why " * 5_000, "--matter", "Lease"), 3)
    assert services.audit.entries(kinds=["question.asked"], limit=1) == []


def test_a_question_about_something_else_is_not_found_without_a_model(lease, muniment):
    ran = muniment("ask", "zyxwv utsrq ponml", "--matter", "Lease", "--json")
    assert (ran.code, ran.json["outcome"]) == (1, "abstained")
    assert ran.json["answer"].startswith("Not found in these documents.")
    assert ran.json["usage"]["output_tokens"] == 0
    assert ran.json["searched"]["documents"] == 2
    assert "abstained; no model was asked" in muniment("ask", "zyxwv utsrq ponml", "--matter", "Lease").out


@pytest.fixture
def bad_files(tmp_path):
    """Files that cannot be read, by what must be said of each."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "truncated.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog")
    (folder / "letter.docx").write_bytes(b"this is no Word file\x00\x01\x02")
    (folder / "huge.txt").write_bytes(b"x" * 3_000_000)
    with zipfile.ZipFile(folder / "slip.zip", "w") as archive:
        archive.writestr("../outside.txt", "escaped")
        archive.writestr("inside.txt", "This one is fine.")
    return folder


def test_bad_files_are_named_one_by_one_and_the_good_one_is_kept(muniment, bad_files, tmp_path):
    muniment("matter", "create", "Mixed")
    ran = muniment("ingest", bad_files, "--matter", "Mixed", "--json")
    assert ran.code == 1
    status = {one["document"]: one["status"] for one in ran.json["documents"]}
    assert status.pop("slip/inside.txt") == "complete"
    assert set(status.values()) == {"failed"}
    assert len(status) == 5
    for one in ran.json["documents"]:
        if one["status"] == "failed":
            [problem] = one["problems"]
            assert problem["reason"]
            assert "\n" not in problem["reason"]
    assert not list(tmp_path.rglob("outside.txt"))


def test_files_that_a_rule_keeps_out_are_a_refusal_with_one_line_each(muniment, bad_files, tmp_path):
    muniment("matter", "create", "Mixed")
    with zipfile.ZipFile(tmp_path / "slip.zip", "w") as archive:
        archive.writestr("../outside.txt", "escaped")
    for path, words in (("bad/huge.txt", "larger than"), ("slip.zip", "leads out of its folder")):
        ran = muniment("ingest", path, "--matter", "Mixed")
        assert ran.code == 3
        assert words in ran.err.splitlines()[-1]


def test_a_file_that_cannot_be_read_is_one_plain_line(muniment, bad_files):
    muniment("matter", "create", "Mixed")
    for name in ("empty.pdf", "truncated.pdf", "letter.docx"):
        ran = muniment("ingest", bad_files / name, "--matter", "Mixed")
        assert ran.code == 1
        [line] = [one for one in ran.err.splitlines() if one.startswith("muniment: ")]
        assert name in line


def test_a_matter_shows_what_could_not_be_read(muniment, bad_files):
    muniment("matter", "create", "Mixed")
    muniment("ingest", bad_files, "--matter", "Mixed")
    shown = muniment("matter", "show", "Mixed", "--json").json
    assert shown["unfinished"] == []
    assert [one["document"] for one in shown["documents"] if one["problem"]] == ["truncated.pdf"]


def test_a_full_disk_stops_the_run_and_the_next_one_completes_it(muniment, services, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}.txt").write_text(f"Clause {number}. " + "The tenant shall pay. " * 200)
    muniment("matter", "create", "Full")
    with services.database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    room = [pages + 12]

    @event.listens_for(services.database.engine, "checkout")
    def limit(connection, *_):
        # Each connection has a limit of its own, and several threads take one.
        connection.execute(f"PRAGMA max_page_count={room[-1]}")

    line = _one_line_of(muniment("ingest", folder, "--matter", "Full"), 4)
    assert "full" in line
    room.append(1_000_000)
    again = muniment("ingest", folder, "--matter", "Full", "--json")
    assert again.code == 0
    shown = muniment("matter", "show", "Full", "--json").json
    assert [one["state"] for one in shown["documents"]] == ["live"] * 6
    assert shown["unfinished"] == []


def _one_line_of(ran, code):
    assert ran.code == code
    return ran.err.splitlines()[-1]


def test_a_summary_is_made_kept_and_exported(lease, muniment, tmp_path):
    ran = muniment("summarise", "--matter", "Lease", "--out", "lease.md", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["pages_covered"], ran.json["pages_total"]) == (2, 2)
    assert "2 of 2 pages" in (tmp_path / "lease.md").read_text()
    kinds = [one["kind"] for one in muniment("audit", "list", "--json").json["entries"]]
    assert {"summary.started", "summary.finished", "export.made"} <= set(kinds)


def test_a_summary_format_that_is_not_made_is_refused_before_the_work(lease, muniment):
    assert ".docx" in _one_line(muniment("summarise", "--matter", "Lease", "--out", "lease.exe"), 2)


def test_people_are_added_listed_and_disabled(muniment):
    added = muniment("user", "add", "ada", "--role", "administrator", "--json").json
    assert len(added["password"]) >= 12
    muniment("user", "add", "ben")
    assert muniment("user", "disable", "ben").code == 0
    users = {one["name"]: one for one in muniment("user", "list", "--json").json["users"]}
    assert (users["ada"]["role"], users["ben"]["disabled"]) == ("administrator", True)


def test_a_password_comes_from_standard_input_and_is_never_printed(muniment):
    muniment("user", "add", "ada", "--role", "administrator")
    ran = muniment("user", "passwd", "ada", "--password-stdin", stdin="correct horse battery\n")
    assert ran.code == 0
    assert "battery" not in ran.out + ran.err


def test_the_log_verifies_until_one_byte_of_it_changes(lease, muniment, services, home):
    ran = muniment("audit", "verify", "--json")
    assert set(ran.json) == {"ok", "size", "first_bad", "reason", "anchored", "unanchored"}
    assert (ran.code, ran.json["ok"]) == (0, True)
    with services.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit_entry SET kind = 'matter.creatdd' WHERE idx = 0")
    bad = muniment("audit", "verify", "--json")
    assert (bad.code, bad.json["ok"], bad.json["first_bad"]) == (1, False, 0)


def test_an_export_proves_itself_and_a_checkpoint_finds_its_tail_cut_off(lease, muniment, tmp_path):
    assert muniment("audit", "checkpoint", "--out", "checkpoint.json").code == 0
    assert muniment("audit", "export", "--out", "log.jsonl").code == 0
    whole = muniment("audit", "verify", "--export", "log.jsonl", "--checkpoint", "checkpoint.json", "--json")
    assert (whole.code, whole.json["ok"]) == (0, True)
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    (tmp_path / "cut.jsonl").write_text("\n".join(lines[:3]) + "\n")
    cut = muniment("audit", "verify", "--export", "cut.jsonl", "--checkpoint", "checkpoint.json", "--json")
    assert (cut.code, cut.json["ok"]) == (1, False)


def test_the_doctor_finds_every_part(lease, muniment):
    ran = muniment("doctor", "--json")
    assert ran.json["ok"], ran.json
    assert ran.code == 0


def test_the_models_are_listed_and_the_one_that_answers_is_shown(muniment):
    names = [one["name"] for one in muniment("model", "list", "--json").json["models"]]
    assert {"gpt-oss-20b", "gpt-oss-120b", "embedded"} <= set(names)
    assert muniment("model", "show", "--json").json["runtime"] == "scripted"


def test_a_matter_is_erased_only_when_asked_twice(lease, muniment, home):
    assert "--yes" in _one_line(muniment("matter", "delete", "Lease"), 3)
    assert muniment("matter", "delete", "Lease", "--yes").code == 0
    assert muniment("matter", "list", "--json").json == {"matters": []}
    assert list((home / "matters").iterdir()) == []


def test_indexes_are_rebuilt_from_sql_on_request(lease, muniment):
    before = muniment("search", "annual rent", "--matter", "Lease", "--json").json["passages"]
    assert muniment("reindex", "--matter", "Lease").code == 0
    assert muniment("search", "annual rent", "--matter", "Lease", "--json").json["passages"] == before


def test_indexes_are_compared_with_sql_and_told_apart_from_those_that_disagree(lease, muniment):
    whole = muniment("reconcile", "--json").json
    assert whole["ok"]
    [one] = whole["matters"]
    assert (one["matter"], one["missing_vectors"], one["extra_words"], one["rebuilt"]) == ("Lease", 0, 0, 0)
    assert one["recall"] == 1.0
    looked = muniment("reindex", "--matter", "Lease", "--check", "--json")
    assert (looked.code, looked.json["ok"], looked.json["chunks"]) == (0, True, one["chunks"])


def test_members_of_a_matter_are_named_when_it_is_made_and_added_and_removed_later(muniment):
    for name in ("ada", "bo"):
        assert muniment("user", "add", name).code == 0
    made = muniment("matter", "create", "Deal", "--member", "ada", "--member", "bo", "--json").json
    assert made["members"] == ["ada", "bo"]
    assert muniment("matter", "remove-member", "Deal", "bo", "--json").json["members"] == ["ada"]
    assert muniment("matter", "add-member", "Deal", "bo", "--json").json == {
        "matter": "Deal",
        "members": ["ada", "bo"],
    }


def test_a_matter_with_a_member_whom_nobody_knows_is_not_made(muniment):
    _one_line(muniment("matter", "create", "Deal", "--member", "nobody", "--json"), 2)
    assert muniment("matter", "list", "--json").json["matters"] == []


def test_a_person_who_is_not_in_a_matter_cannot_be_removed_from_it(muniment):
    assert muniment("user", "add", "ada").code == 0
    assert muniment("matter", "create", "Deal").code == 0
    _one_line(muniment("matter", "remove-member", "Deal", "ada"), 2)


def test_plain_text_under_the_name_of_a_word_document_is_not_taken_for_the_document(muniment, tmp_path):
    muniment("matter", "create", "Mixed")
    (tmp_path / "contract.docx").write_text("Sorry, the download failed.")
    ran = muniment("ingest", "contract.docx", "--matter", "Mixed")
    assert ran.code == 1
    assert "holds plain text" in ran.err


def test_a_question_about_every_document_lists_every_document(lease, muniment):
    ran = muniment("ask", "Which documents mention rent?", "--matter", "Lease", "--json")
    assert ran.code == 0, ran.err
    answer = ran.json
    assert set(answer) == ASK_KEYS | {"documents", "coverage"}
    assert {one["document"] for one in answer["documents"]} == {one["document"] for one in lease["documents"]}
    assert answer["outcome"] == "quoted"
    assert answer["usage"]["prompt_tokens"] == 0
    assert "Looked at 2 of 2 documents" in answer["coverage"]
    cited = [one["citation"] for one in answer["documents"] if one["status"] == "found"]
    assert sorted(cited) == [one["n"] for one in answer["citations"]]
    plain = muniment("ask", "Which documents mention rent?", "--matter", "Lease")
    assert "no model was asked" in plain.out
