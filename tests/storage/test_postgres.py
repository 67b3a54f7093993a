"""The SQL side keeps its promises on PostgreSQL too: a real server, in a folder of the test's own."""

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from storage.accounts import Accounts
from storage.audit import AuditLog
from storage.database import Database
from storage.jobs import Jobs
from storage.records import JobState, Role, Scope, VersionState

pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed; make test installs it")

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
pytestmark = pytest.mark.skipif(
    not _BINARIES, reason="PostgreSQL's server is not installed (apt-get install postgresql)"
)
PASSWORD = "correct horse battery"


def _as_server(*words):
    """Run a server program; as root, under the user that Debian's package made: the server refuses root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    program = _BINARIES[-1].parent / words[0]
    subprocess.run([*prefix, str(program), *words[1:]], check=True, capture_output=True, cwd="/")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # Not under pytest's own folder: only its user may enter that, and the server runs as another.
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    _as_server("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "muniment")
    _as_server("pg_ctl", "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")
    yield f"postgresql+psycopg://muniment@127.0.0.1:{port}"
    _as_server("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "stop")
    shutil.rmtree(folder)


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
