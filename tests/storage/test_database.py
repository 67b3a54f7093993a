"""Transactions are whole, and what the disk refuses is said plainly."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import bindparam, insert, select

from storage import tables
from storage.database import Database
from storage.errors import Broken
from storage.prepared import Prepared


def _keys(database):
    with database.read() as connection:
        return list(connection.execute(select(tables.setting.c.key)).scalars())


def test_a_transaction_that_raises_leaves_nothing(database):
    with pytest.raises(KeyError), database.write() as connection:
        connection.execute(insert(tables.setting).values(key="a", value="1"))
        raise KeyError
    assert _keys(database) == []


def test_what_was_committed_is_there_for_the_next_opening(tmp_path):
    first = Database.in_folder(tmp_path)
    with first.write() as connection:
        connection.execute(insert(tables.setting).values(key="a", value="1"))
    first.close()
    second = Database.in_folder(tmp_path)
    assert _keys(second) == ["a"]
    second.close()


def test_threads_that_write_never_meet_the_lock_that_makes_a_writer_give_up(tmp_path, monkeypatch):
    # Without patience the first meeting would be an error.
    monkeypatch.setattr("storage.database._BUSY_TIMEOUT_S", 0)
    database = Database.in_folder(tmp_path)

    def write(thread):
        for number in range(25):
            with database.write() as connection:
                connection.execute(insert(tables.setting).values(key=f"{thread} {number}", value="1"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))

    assert len(_keys(database)) == 100
    database.close()


def test_a_power_cut_cannot_lose_an_acknowledged_write(database):
    with database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "recursive_triggers")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "recursive_triggers": 1,
    }


def test_a_prepared_statement_is_answered_with_what_was_committed_last(database):
    values = Prepared(select(tables.setting.c.value).where(tables.setting.c.key == bindparam("wanted")))
    assert database.ask(values, wanted="a") == []
    with database.write() as connection:
        connection.execute(insert(tables.setting).values(key="a", value="1"))
        assert database.ask(values, wanted="a") == []
    assert database.ask(values, wanted="a") == [("1",)]


def test_a_prepared_statement_that_cannot_be_answered_is_a_plain_error_and_harms_no_other(database):
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE setting RENAME TO elsewhere")
    with pytest.raises(Broken, match="run `muniment doctor`"):
        database.ask(Prepared(select(tables.setting.c.key)))
    assert database.ask(Prepared(select(tables.matter.c.id))) == []


def test_a_full_disk_is_a_plain_error_and_no_half_write(database):
    with database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    with (
        pytest.raises(Broken, match="the data folder is full"),
        database.write() as connection,
    ):
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        for number in range(100):
            connection.execute(insert(tables.setting).values(key=str(number), value="x" * 10_000))
    assert _keys(database) == []


def test_a_file_that_is_no_database_is_named_as_damaged(tmp_path):
    (tmp_path / "muniment.db").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(Broken, match="damaged"):
        Database.in_folder(tmp_path)


def test_the_database_file_is_its_owners_alone(tmp_path):
    Database.in_folder(tmp_path).close()
    assert (tmp_path / "muniment.db").stat().st_mode & 0o777 == 0o600
