"""The SQL side keeps its promises on PostgreSQL too: a real server, in a folder of the test's own."""

import threading

import pytest
from sqlalchemy.exc import DBAPIError

from storage.accounts import Accounts
from storage.audit import AuditLog
from storage.cards import card_of
from storage.database import Database
from storage.jobs import Jobs
from storage.records import JobState, Role, Scope, VersionState
from tests.servers import postgres

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def server():
    with postgres() as url:
        yield url


@pytest.fixture
def database(server, request):
    name = f"test_{abs(hash(request.node.name))}"
    admin = Database(f"{server}/postgres")
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.close()
    opened = Database(f"{server}/{name}")
    yield opened
    opened.close()


def test_a_document_goes_live_and_is_found_again(library, scope, load):
    got = load("leases/2019.txt", "Six months' notice.")
    assert library.document(scope, "leases/2019.txt").state is VersionState.LIVE
    assert [chunk.text for chunk, _ in library.live_chunks(scope)] == ["Six months' notice."]
    load("leases/2019.txt", "Nine months' notice.")
    assert [chunk.text for chunk, _ in library.live_chunks(scope)] == ["Nine months' notice."]
    library.delete_document(scope, got.document_id)
    assert library.documents(scope) == []


def test_what_a_search_reads_is_read_there_too(library, scope, load):
    got = load("leases/2019.txt", "Six months' notice.")
    ((chunk, vector),) = library.live_chunks(scope)
    ((read, same),) = library.chunks_with_vectors(scope, [chunk.id, "unknown"])
    assert (read, same.tolist()) == (chunk, vector.tolist())
    assert library.paths(scope, [got.document_id]) == {got.document_id: "leases/2019.txt"}
    live = library.live_versions(scope, [got.document_id])[got.document_id]
    ((headings, vectors),) = library.contents_of(scope, [live.version_id], characters=3).values()
    assert headings == [(chunk.id, chunk.heading_path, "Six")]
    assert vectors.tolist() == [vector.tolist()]
    assert library.beginnings(scope, [live.version_id], characters=9) == {
        live.version_id: (chunk.context, "Six month")
    }
    assert library.cards(scope, [live.version_id]) == {live.version_id: card_of(chunk.context, chunk.text)}
    assert library.live(scope).paths([got.document_id, "unknown"]) == {got.document_id: "leases/2019.txt"}
    assert library.live(scope).total() == 1
    load("leases/2019.txt", "Nine months' notice.")
    assert library.chunks_with_vectors(scope, [chunk.id]) == []


def test_an_erased_matter_takes_its_rows_with_it(library, scope, load, actor):
    load("a.txt", "text")
    library.delete_matter(scope)
    assert library.matters() == []
    assert Scope(library.create_matter(scope.matter.name, actor), actor).matter.id != scope.matter.id


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET kind = 'x' WHERE idx = 0",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "INSERT INTO audit_entry SELECT idx + 5, at, kind, actor, matter_id, canonical, leaf_hash, head"
        " FROM audit_entry WHERE idx = 0",
    ],
)
def test_the_log_cannot_be_changed_shortened_or_skipped_in(database, audit, actor, statement):
    audit.append("matter.created", actor, data={})
    with pytest.raises(DBAPIError, match="audit"), database.write() as connection:
        connection.exec_driver_sql(statement)
    assert audit.verify().ok


def test_concurrent_writers_make_one_line(database, actor):
    def write():
        log = AuditLog(database)
        for _ in range(20):
            log.append("document.opened", actor, data={})

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    result = AuditLog(database).verify()
    assert (result.ok, result.size) == (True, 80)


def test_people_sign_in_and_a_disabled_one_is_out_at_once(database, audit):
    accounts = Accounts(database, audit)
    operator = accounts.local_operator()
    accounts.add_user("ada", Role.ADMINISTRATOR, by=operator, password=PASSWORD)
    ben = accounts.add_user("ben", Role.MEMBER, by=operator, password=PASSWORD)
    token = accounts.sign_in("ben", PASSWORD).token
    assert accounts.actor_for(token).name == "ben"
    accounts.disable(ben.user.id, by=operator)
    assert accounts.actor_for(token) is None


def test_jobs_are_claimed_and_finished(database, scope):
    jobs = Jobs(database)
    made = jobs.add(scope, "ingest", {"paths": []})
    assert jobs.claim("ingest").id == made.id
    jobs.finish(made.id, JobState.DONE, result={"documents": []})
    assert jobs.job(scope, made.id).state is JobState.DONE
