"""The audit log is dense, durable, refuses change, and every kind of change is found."""

from __future__ import annotations

import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from storage.audit import AuditLog, Checkpoint, parse_checkpoints, verify_export
from storage.database import Database
from storage.errors import Broken, NotFound, WrongUse
from storage.records import Actor, Role
from storage.tables import setting

ANNA = Actor("user_anna", "Anna", Role.MEMBER, "browser", "session_1", "10.0.0.7")
SEED = 20_240
ROOT = Path(__file__).parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.in_folder(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def log(database: Database) -> AuditLog:
    return AuditLog(database)


def fill(log: AuditLog, count: int) -> list[Checkpoint]:
    """So many entries, with the checkpoint after each."""
    checkpoints = []
    for number in range(count):
        matter = f"matter_{number % 3}" if number % 3 else None
        log.append(
            "question.asked", ANNA, matter_id=matter, data={"number": number, "text": f"Frage {number} ü"}
        )
        checkpoints.append(log.checkpoint())
    return checkpoints


def attack(folder: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """Change the file as somebody who holds it can: first the triggers go."""
    with closing(sqlite3.connect(folder / "muniment.db")) as connection:
        for trigger in ("audit_no_update", "audit_no_delete", "audit_next_index"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            sql, values = (statement, ()) if isinstance(statement, str) else statement
            connection.execute(sql, values)
        connection.commit()


def rewrite_from(folder: Path, index: int, change: Callable[[dict[str, object]], None]) -> None:
    """Change one entry and make all hashes agree again: what only a checkpoint can show."""
    with closing(sqlite3.connect(folder / "muniment.db")) as connection:
        rows = connection.execute("SELECT canonical FROM audit_entry ORDER BY idx").fetchall()
    entries = [json.loads(row[0]) for row in rows]
    change(entries[index])
    attack(folder, "DELETE FROM audit_entry")
    forged = AuditLog(database := Database.in_folder(folder))
    for entry in entries:
        who = entry["actor"]
        actor = Actor(who["id"], who["name"], Role(who["role"]), who["via"], who["session"], who["address"])
        forged._clock = lambda at=entry["at"]: datetime.fromisoformat(at)  # type: ignore[misc]
        forged.append(entry["kind"], actor, matter_id=entry["matter"], data=entry["data"])
    database.close()


def test_an_entry_says_all_in_its_canonical_bytes(log: AuditLog) -> None:
    entry = log.append("document.opened", ANNA, matter_id="matter_1", data={"page": 3, "document": "a.pdf"})
    assert entry.canonical.startswith(b'{"actor":{"address":"10.0.0.7","id":"user_anna","name":"Anna"')
    assert json.loads(entry.canonical) == {
        "index": 0,
        "at": entry.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "kind": "document.opened",
        "actor": {
            "id": "user_anna",
            "name": "Anna",
            "role": "member",
            "via": "browser",
            "session": "session_1",
            "address": "10.0.0.7",
        },
        "matter": "matter_1",
        "data": {"page": 3, "document": "a.pdf"},
    }
    assert log.entry(0) == entry


def test_clean_logs_verify_at_every_size(log: AuditLog) -> None:
    assert log.verify().to_json() == {
        "ok": True, "size": 0, "first_bad": None, "reason": None, "anchored": None, "unanchored": 0,
    }  # fmt: skip
    for size in range(1, 20):
        checkpoints = fill(log, 1)
        found = log.verify(checkpoints=checkpoints)
        assert (found.ok, found.size, found.unanchored) == (True, size, 0)


def test_what_lies_after_the_last_checkpoint_is_said(log: AuditLog) -> None:
    checkpoints = fill(log, 7)
    found = log.verify(checkpoints=[checkpoints[1], checkpoints[4]])
    assert found.to_json()["anchored"] == {"size": 5, "at": checkpoints[4].at}
    assert found.unanchored == 2


COLUMNS = ("at", "kind", "actor", "matter_id", "canonical", "leaf_hash", "head")


def test_one_changed_byte_in_any_column_is_found_at_its_entry(tmp_path: Path, log: AuditLog) -> None:
    fill(log, 12)
    dice = random.Random(SEED)
    for trial in range(140):
        column, index = COLUMNS[trial % len(COLUMNS)], dice.randrange(12)
        with closing(sqlite3.connect(tmp_path / "muniment.db")) as connection:
            connection.text_factory = bytes
            query = f"SELECT {column} FROM audit_entry WHERE idx = ?"
            old: bytes | None = connection.execute(query, (index,)).fetchone()[0]
        new = bytearray(old or b"m")
        new[dice.randrange(len(new))] ^= 1 << dice.randrange(8)
        kind = "BLOB" if column == "canonical" else "TEXT"
        put = f"UPDATE audit_entry SET {column} = CAST(? AS {kind}) WHERE idx = ?"
        attack(tmp_path, (put, (bytes(new), index)))
        found = log.verify()
        assert (found.ok, found.first_bad) == (False, index), (trial, column, found)
        back = put if old is not None else put.replace(f"CAST(? AS {kind})", "?")
        attack(tmp_path, (back, (old, index)))
    assert log.verify().ok


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("DELETE FROM audit_entry WHERE idx = 0", 0),
        ("DELETE FROM audit_entry WHERE idx = 4", 4),
        ("UPDATE audit_entry SET idx = 40 WHERE idx = 5", 5),
        ("UPDATE audit_entry SET idx = -5 WHERE idx = 5", 0),
        ("UPDATE audit_entry SET kind = CAST(kind AS BLOB) WHERE idx = 3", 3),
        ("UPDATE audit_entry SET matter_id = 'matter_9' WHERE idx = 3", 3),
        ("INSERT INTO audit_entry SELECT 9, at, kind, actor, matter_id, canonical, leaf_hash, head"
         " FROM audit_entry WHERE idx = 8", 9),
        ("UPDATE audit_entry SET canonical = (SELECT canonical FROM audit_entry WHERE idx = 1)"
         " WHERE idx = 2", 2),
        ("UPDATE audit_entry SET canonical = X'7B226B223A20317D' WHERE idx = 6", 6),
    ],
)  # fmt: skip
def test_loss_moving_repeating_and_hiding_are_found(
    tmp_path: Path, log: AuditLog, statement: str, first_bad: int
) -> None:
    fill(log, 9)
    attack(tmp_path, statement)
    found = log.verify()
    assert (found.ok, found.first_bad) == (False, first_bad)
    assert found.reason


def test_a_tail_that_was_cut_off_is_found_with_a_checkpoint_only(tmp_path: Path, log: AuditLog) -> None:
    checkpoints = fill(log, 9)
    attack(tmp_path, "DELETE FROM audit_entry WHERE idx >= 6")
    assert log.verify().ok
    found = log.verify(checkpoints=checkpoints)
    assert (found.ok, found.first_bad, found.size) == (False, 6, 6)
    assert found.anchored == checkpoints[5]
    assert "cut off" in (found.reason or "")


def test_a_log_that_is_gone_is_found_with_a_checkpoint(tmp_path: Path, log: AuditLog) -> None:
    checkpoints = fill(log, 3)
    attack(tmp_path, "DELETE FROM audit_entry")
    found = log.verify(checkpoints=checkpoints[-1:])
    assert (found.ok, found.first_bad, found.size) == (False, 0, 0)


def test_a_rewrite_with_fresh_hashes_is_found_with_a_checkpoint_only(tmp_path: Path, log: AuditLog) -> None:
    checkpoints = fill(log, 9)
    rewrite_from(tmp_path, 5, lambda entry: entry.update(kind="document.opened"))
    assert log.verify().ok
    found = log.verify(checkpoints=[checkpoints[3], checkpoints[8]])
    assert (found.ok, found.first_bad, found.unanchored) == (False, 4, 5)


def test_another_log_in_its_place_is_found_with_a_checkpoint(tmp_path: Path, log: AuditLog) -> None:
    checkpoints = fill(log, 4)
    rewrite_from(tmp_path, 0, lambda entry: entry.update(data={}))
    found = log.verify(checkpoints=checkpoints[-1:])
    assert "another log" in (found.reason or "")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET kind = 'x' WHERE idx = 1",
        "DELETE FROM audit_entry WHERE idx = 2",
        "INSERT INTO audit_entry SELECT 1, at, kind, actor, matter_id, canonical, leaf_hash, head"
        " FROM audit_entry",
        "INSERT OR REPLACE INTO audit_entry SELECT 1, at, kind, actor, matter_id, canonical, leaf_hash, head"
        " FROM audit_entry WHERE idx = 0",
        "INSERT INTO audit_entry SELECT 7, at, kind, actor, matter_id, canonical, leaf_hash, head"
        " FROM audit_entry WHERE idx = 0",
    ],
)
def test_the_database_refuses_change_loss_and_reuse_of_an_index(
    database: Database, log: AuditLog, statement: str
) -> None:
    fill(log, 3)
    before = log.entries()
    with pytest.raises(IntegrityError, match="audit"), database.write() as connection:
        connection.execute(text(statement))
    assert log.entries() == before


def test_a_change_and_its_record_are_kept_both_or_neither(database: Database, log: AuditLog) -> None:
    fill(log, 2)
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        connection.execute(insert(setting).values(key="a", value="1"))
        log.append_in(connection, "first", ANNA, data={})
        log.append_in(connection, "second", ANNA, data={})
        raise ZeroDivisionError
    assert log.size() == 2
    with database.write() as connection:
        log.append_in(connection, "third", ANNA, data={})
        assert log.append_in(connection, "fourth", ANNA, data={}).index == 3
    fill(log, 1)
    assert [entry.kind for entry in log.entries(limit=3)] == ["question.asked", "fourth", "third"]
    assert log.verify().ok


def test_two_logs_on_one_database_take_turns(database: Database) -> None:
    first, second = AuditLog(database), AuditLog(database)
    indexes = [log.append("turn", ANNA, data={}).index for _ in range(6) for log in (first, second, second)]
    assert indexes == list(range(18))
    assert first.verify(checkpoints=[second.checkpoint()]).unanchored == 0


def test_threads_make_one_dense_line(log: AuditLog) -> None:
    threads = [threading.Thread(target=fill, args=(log, 15)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = log.verify()
    assert (found.ok, found.size) == (True, 90)


_WRITER = """
import sys
from pathlib import Path
from storage.audit import AuditLog
from storage.database import Database
from storage.records import Actor, Role
log = AuditLog(Database.in_folder(Path(sys.argv[1])))
for number in range(25):
    log.append("written", Actor(sys.argv[2], "P", Role.MEMBER, "browser"), data={"number": number})
"""


def test_three_processes_make_one_dense_line(tmp_path: Path, log: AuditLog) -> None:
    fill(log, 1)
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    running = [subprocess.Popen([*command, f"process_{number}"], cwd=ROOT) for number in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    found = log.verify()
    assert (found.ok, found.size) == (True, 76)
    for number in range(3):
        told = [
            json.loads(entry.canonical)["data"]["number"] for entry in log.entries(actor=f"process_{number}")
        ]
        assert told == list(reversed(range(25)))


def test_what_cannot_be_written_is_an_error_and_leaves_nothing(database: Database, log: AuditLog) -> None:
    fill(log, 1)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(Broken, match="cannot be written"):
        log.append("question.asked", ANNA, data={})
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
    assert (log.size(), log.append("question.asked", ANNA, data={}).index) == (1, 1)


def test_a_full_disk_is_an_error_and_the_log_goes_on_when_there_is_room(
    database: Database, log: AuditLog
) -> None:
    fill(log, 1)
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with pytest.raises(Broken, match="full"):
        log.append("answer.given", ANNA, data={"answer": "x" * 100_000})
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    fill(log, 1)
    found = log.verify()
    assert (found.ok, found.size) == (True, 2)


@pytest.mark.parametrize(
    "damage",
    [
        "leaf_hash = 'zz'",
        "leaf_hash = CAST(X'FF' AS TEXT)",
        "canonical = X'FF00'",
        "head = CAST(X'FF' AS TEXT)",
        "idx = 9",
    ],
)
@pytest.mark.parametrize("index", [2, 4])
def test_a_damaged_log_goes_on_and_the_damage_stays_to_be_found(
    tmp_path: Path, database: Database, log: AuditLog, damage: str, index: int
) -> None:
    fill(log, 5)
    attack(tmp_path, f"UPDATE audit_entry SET {damage} WHERE idx = {index}")
    for writer in (log, AuditLog(database)):
        writer.append("question.asked", ANNA, data={})
    found = log.verify()
    assert (found.ok, found.first_bad, found.size) == (False, index, 7)
    assert verify_export(exported(log, tmp_path / "export.jsonl")).first_bad == index


@pytest.mark.parametrize("column", ["leaf_hash", "canonical"])
def test_mending_the_damage_from_a_backup_makes_all_agree_again(
    tmp_path: Path, database: Database, log: AuditLog, column: str
) -> None:
    fill(log, 5)
    kept = getattr(log.entry(2), column)
    attack(tmp_path, f"UPDATE audit_entry SET {column} = substr({column}, 2) WHERE idx = 2")
    AuditLog(database).append("question.asked", ANNA, data={})
    attack(tmp_path, (f"UPDATE audit_entry SET {column} = ? WHERE idx = 2", (kept,)))
    found = log.verify()
    assert (found.ok, found.size) == (True, 6)


def test_data_without_a_json_form_are_refused(log: AuditLog) -> None:
    with pytest.raises(WrongUse, match=r"document\.received"):
        log.append("document.received", ANNA, data={"path": "bad-\udcff-name"})
    assert log.size() == 0


def test_entries_are_found_by_who_what_when_where_and_text(database: Database) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    hours = iter(range(100))
    log = AuditLog(database, clock=lambda: start + timedelta(hours=next(hours)))
    bob = Actor("user_bob", "Bob", Role.MEMBER, "browser")
    log.append("matter.created", ANNA, matter_id="matter_1", data={"name": 'Roe "v." Wade 100%'})
    log.append("question.asked", bob, matter_id="matter_1", data={"text": "Fee?"})
    log.append("question.asked", bob, matter_id="matter_2", data={"text": "Wer haftet für Müller?"})
    log.append("session.closed", ANNA, data={})

    def found(**options: object) -> list[int]:
        return [entry.index for entry in log.entries(**options)]  # type: ignore[arg-type]

    assert found() == [3, 2, 1, 0]
    assert found(kinds=["question.asked", "matter.created"]) == [2, 1, 0]
    assert found(actor="user_bob", matter_ids=["matter_1"]) == [1]
    assert found(matter_ids=[]) == []
    assert found(matter_ids=[None]) == [3]
    assert found(matter_ids=[None, "matter_2"]) == [3, 2]
    assert found(matter_ids=[None], text="fee") == []
    assert found(since=start + timedelta(hours=1), until=start + timedelta(hours=3)) == [2, 1]
    assert found(text='roe "V."') == [0]
    assert found(text="100%") == [0]
    assert found(text="%") == [0]
    assert found(text="für Müller") == [2]
    assert found(limit=2) == [3, 2]
    assert found(limit=2, before=2) == [1, 0]


def test_an_entry_that_is_not_there_is_not_found(log: AuditLog) -> None:
    with pytest.raises(NotFound):
        log.entry(0)


def test_a_long_check_tells_its_progress_and_can_be_cancelled(database: Database, log: AuditLog) -> None:
    with database.write() as connection:
        for _ in range(2_100):
            log.append_in(connection, "many", ANNA, data={})
    told: list[int] = []
    assert log.verify(on_progress=told.append).ok
    assert told == [1_000, 2_000, 2_100]
    stopped = log.verify(cancelled=lambda: True)
    assert (stopped.ok, stopped.size, stopped.first_bad) == (False, 1_000, None)


def exported(log: AuditLog, path: Path) -> Path:
    with path.open("w", encoding="utf-8") as stream:
        log.export(stream)
    return path


def test_an_export_is_checked_without_a_database(tmp_path: Path, log: AuditLog) -> None:
    checkpoints = fill(log, 8)
    path = exported(log, tmp_path / "export.jsonl")
    found = verify_export(path, checkpoints)
    assert found.to_json() == log.verify(checkpoints=checkpoints).to_json()
    assert found.ok


def test_a_changed_byte_in_an_export_is_found_at_its_entry(tmp_path: Path, log: AuditLog) -> None:
    fill(log, 8)
    path = exported(log, tmp_path / "export.jsonl")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    dice = random.Random(SEED)
    for _ in range(150):
        row = dice.randrange(1, 9)
        changed = bytearray(lines[row])
        changed[dice.randrange(len(changed) - 1)] ^= 1 << dice.randrange(7)
        path.write_bytes(b"".join([*lines[:row], bytes(changed), *lines[row + 1 :]]))
        found = verify_export(path)
        if not found.ok:
            assert found.first_bad == row - 1
        else:  # JSON has more than one way to write the same value: then nothing was changed.
            assert json.loads(changed) == json.loads(lines[row])
    path.write_bytes(b"".join(lines[:6]))
    assert (verify_export(path).ok, verify_export(path).first_bad) == (False, 5)


def test_a_tampered_log_exports_as_tampered(tmp_path: Path, log: AuditLog) -> None:
    fill(log, 4)
    attack(tmp_path, "UPDATE audit_entry SET canonical = X'FF00' WHERE idx = 2")
    assert verify_export(exported(log, tmp_path / "export.jsonl")).first_bad == 2


@pytest.mark.parametrize("content", ["", "hello", "{}", '{"origin": 1}', "[[[["])
def test_a_file_that_is_no_export_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    (path := tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(WrongUse, match="not an export"):
        verify_export(path)
    with pytest.raises(NotFound):
        verify_export(tmp_path / "nothing.jsonl")


def test_checkpoints_are_read_back_from_their_text(log: AuditLog) -> None:
    kept = fill(log, 3)
    assert parse_checkpoints("\n".join(one.text() for one in kept)) == kept
    assert parse_checkpoints(json.dumps(kept[0].to_json(), indent=2)) == kept[:1]
    with pytest.raises(WrongUse):
        parse_checkpoints("not one")
    with pytest.raises(WrongUse):
        parse_checkpoints('{"size": -1}')


def test_the_program_in_the_documentation_agrees_with_us(tmp_path: Path, log: AuditLog) -> None:
    page = (ROOT / "docs" / "audit-log.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert program
    (script := tmp_path / "by_hand.py").write_text(program[1], encoding="utf-8")
    fill(log, 11)
    path = exported(log, tmp_path / "export.jsonl")

    def by_hand() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(script), str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert by_hand().stdout.strip() == f"11 entries, head {log.head()}"
    path.write_text(path.read_text(encoding="utf-8").replace("Frage 4", "Frage 5"), encoding="utf-8")
    assert by_hand().returncode == 1
    assert "entry 4" in by_hand().stderr
