"""A data folder of an earlier release is brought up to date with all that it holds."""

import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import storage
from storage.database import Database

_MATTER = ("matter_1", "Deal", "2026-11-01T00:00:00.000000Z", "user_1")
_VERSION = (
    *(
        "ver_1",
        "matter_1",
        "doc_1",
        "lease.pdf",
        "ab" * 32,
        5,
        "application/pdf",
        "Lease",
        "live",
        None,
        "[]",
    ),
    *("2026-11-01T00:00:00.000000Z", "user_1"),
)


@pytest.fixture
def earlier(tmp_path):
    """The database of a first release, with a document, its page and its chunk; gives its file."""
    config = Config()
    config.set_main_option("script_location", str(Path(storage.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{tmp_path / 'muniment.db'}")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.commit()
    engine.dispose()
    with sqlite3.connect(tmp_path / "muniment.db") as rows:
        rows.execute("INSERT INTO matter VALUES (?, ?, ?, ?)", _MATTER)
        rows.execute(
            "INSERT INTO document VALUES ('matter_1', 'doc_1', 'lease.pdf', 'ver_1', ?, 'user_1')",
            _MATTER[2:3],
        )
        rows.execute(f"INSERT INTO version VALUES ({', '.join('?' * len(_VERSION))})", _VERSION)
        rows.execute("INSERT INTO page VALUES ('ver_1', 1, 'The fee is $5.', 'text', 1.0, NULL)")
        rows.execute(
            "INSERT INTO chunk VALUES ('chunk_1', 'ver_1', 0, 1, 0, 14, '[]', 'The fee is $5.', '', x'00')"
        )
    return tmp_path / "muniment.db"


def test_documents_pages_and_chunks_of_the_first_release_are_all_there_afterwards(earlier):
    Database.in_folder(earlier.parent).close()
    with sqlite3.connect(earlier) as rows:
        assert rows.execute("SELECT id, state, reading, title FROM version").fetchall() == [
            ("ver_1", "live", 0, "Lease")
        ]
        assert rows.execute("SELECT text FROM page").fetchall() == [("The fee is $5.",)]
        assert rows.execute("SELECT id, text FROM chunk").fetchall() == [("chunk_1", "The fee is $5.")]
        assert rows.execute("PRAGMA foreign_key_check").fetchall() == []


def test_deleting_still_takes_everything_along_after_the_upgrade(earlier):
    database = Database.in_folder(earlier.parent)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM version")
    database.close()
    with sqlite3.connect(earlier) as rows:
        assert rows.execute("SELECT count(*) FROM page").fetchone() == (0,)
        assert rows.execute("SELECT count(*) FROM chunk").fetchone() == (0,)
