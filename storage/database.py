"""Connections and transactions.

SQLite by default: WAL, `synchronous=FULL` (an acknowledged write survives a power cut), foreign keys,
`secure_delete` (deleted text is overwritten), and one writer at a time. PostgreSQL by a URL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from storage.errors import Broken
from storage.prepared import Prepared
from storage.read_ahead import ReadAhead
from storage.turns import Turns

_BUSY_TIMEOUT_S = 30


class Database:
    """The store's SQL side. Opening it brings the schema up to date."""

    def __init__(self, url: str) -> None:
        """Open the database at an SQLAlchemy URL such as `sqlite:////var/lib/muniment/muniment.db`.

        Raises:
            Broken: the database cannot be opened or brought up to date.
        """
        self.engine = _engine(url)
        self._turns = Turns()
        file = self.engine.url.database if self.engine.dialect.name == "sqlite" else None
        self._ahead = ReadAhead(Path(file)) if file else None
        with _explained():
            _migrate(self.engine)

    @property
    def engine_name(self) -> str:
        """Which engine this is, with its version."""
        with self.engine.connect() as connection:
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
        return f"{self.engine.dialect.name} {version}"

    @classmethod
    def in_folder(cls, folder: Path) -> Database:
        """The SQLite database of a data folder; the file is made readable to its owner alone."""
        path = folder / "muniment.db"
        path.touch(mode=0o600, exist_ok=True)
        return cls(f"sqlite:///{path}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state."""
        with _explained(), self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            yield connection

    def ask(self, question: Prepared, **values: str | int) -> list[tuple[Any, ...]]:
        """All rows that one statement gives, as the driver has them; they are of one consistent state."""
        statement, parameters = question.filled(self.engine.dialect, values)
        failure = self.engine.dialect.loaded_dbapi.Error
        with _explained():
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute(statement, parameters)
                return cast("list[tuple[Any, ...]]", cursor.fetchall())
            except failure as error:
                # Whatever state it is in now, nobody else gets it.
                connection.invalidate(error)
                raise DBAPIError.instance(statement, None, error, failure, hide_parameters=True) from error
            finally:
                connection.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is durable when the block ends, or none of it when the block raises.

        Threads write in the order in which they came; one that writes may not begin another transaction.
        """
        alone = self._turns if self.engine.dialect.name == "sqlite" else nullcontext()
        with _explained(), alone, self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                # Taken at once: upgrading a read lock later would fail under a concurrent writer.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def read_ahead(self) -> None:
        """Have the system fetch SQLite's file, beside whatever goes on: searches read all over it."""
        if self._ahead is not None:
            self._ahead.begin()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()
        if self._ahead is not None:
            self._ahead.close()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        # SQLAlchemy then sends BEGIN itself, so that `write` can choose BEGIN IMMEDIATE.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            # Without it INSERT OR REPLACE deletes a row unseen by the triggers that forbid it.
            "recursive_triggers=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(_connection: Connection) -> None:
        """Deferred: a read takes its snapshot at its first statement, `write` begins by itself."""

    return engine


def _migrate(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig)
        if "full" in reason:
            raise Broken(
                "the disk that holds the data folder is full; free some space and try again"
            ) from error
        if "readonly" in reason or "unable to open" in reason:
            raise Broken(
                f"the data folder cannot be written ({reason}); check its owner and its mount"
            ) from error
        raise Broken(f"the database refused the work ({reason}); run `muniment doctor`") from error
    except DBAPIError as error:
        if "malformed" in str(error.orig) or "not a database" in str(error.orig):
            raise Broken("the database file is damaged; restore it from a backup") from error
        raise
