"""A room whose indexes lie on servers: the same answers, the same trust, and nothing left once erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import chromadb
import pytest
from chromadb.config import Settings

from storage.chroma_server import ChromaServer
from storage.database import Database
from storage.engines import Engines
from storage.errors import WrongUse
from storage.postgres_keywords import PostgresWords
from tests.servers import chroma, postgres

from .test_room_damage import MATTER, SYSTEM, Home, unit_vectors


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Database]]:
    with chroma(tmp_path_factory.mktemp("chroma")) as vectors, postgres() as words:
        database = Database(f"{words}/postgres")
        yield vectors, database
        database.close()


def engines_on(servers: tuple[str, Database]) -> Engines:
    url, database = servers
    return Engines(vectors=ChromaServer(url), keywords=PostgresWords(database))


@pytest.fixture
def home(servers: tuple[str, Database], tmp_path: Path) -> Iterator[Home]:
    opened = Home(tmp_path, engines_on(servers))
    opened.library.create_matter(MATTER, SYSTEM)
    for number in range(4):
        opened.load(number)
    yield opened
    opened.close()


def other_client(servers: tuple[str, Database]) -> chromadb.ClientAPI:
    host, port = servers[0].removeprefix("http://").split(":")
    return chromadb.HttpClient(host=host, port=int(port), settings=Settings(anonymized_telemetry=False))


def test_servers_answer_what_files_answer(home: Home, tmp_path_factory: pytest.TempPathFactory) -> None:
    local = Home(tmp_path_factory.mktemp("local"))
    local.library.create_matter(MATTER, SYSTEM)
    for number in range(4):
        local.load(number)

    here, there = ([[score for _, score in part] for part in one.answers()] for one in (local, home))

    # By meaning to the last digit shown; by words each engine counts in its own way.
    assert here[:3] == there[:3]
    assert [len(part) for part in here] == [len(part) for part in there]
    local.close()


def test_what_was_changed_on_a_server_behind_our_back_is_found_at_opening(
    home: Home, servers: tuple[str, Database]
) -> None:
    expected = home.answers()
    name = home.scope.matter.id
    home.rooms.room(home.scope).close()
    collection = other_client(servers).get_collection(name)
    collection.delete(ids=collection.get(limit=3, include=[])["ids"])

    assert home.answers() == expected
    assert home.rooms.room(home.scope).rebuilt == 1

    home.rooms.room(home.scope).close()
    with servers[1].write() as connection:
        connection.exec_driver_sql(f'DELETE FROM "{name}".chunk WHERE id LIKE %s', ("%-7",))
    assert home.answers() == expected
    assert home.rooms.room(home.scope).rebuilt == 2


def test_an_index_that_goes_while_the_room_is_open_is_made_anew(
    home: Home, servers: tuple[str, Database]
) -> None:
    expected = home.answers()
    name = home.scope.matter.id
    other_client(servers).delete_collection(name)

    assert home.answers() == expected

    with servers[1].write() as connection:
        connection.exec_driver_sql(f'DROP SCHEMA "{name}" CASCADE')
    assert home.answers() == expected
    assert home.rooms.room(home.scope).rebuilt == 2


def test_an_erased_matter_leaves_nothing_to_be_found_on_the_servers(
    home: Home, servers: tuple[str, Database]
) -> None:
    name = home.scope.matter.id
    home.rooms.delete_matter(home.scope)

    assert name not in [one.name for one in other_client(servers).list_collections()]
    with servers[1].read() as connection:
        assert name not in connection.exec_driver_sql("SELECT nspname FROM pg_namespace").scalars().all()


def test_a_room_that_changes_its_engine_is_made_anew(
    home: Home, servers: tuple[str, Database], tmp_path: Path
) -> None:
    query = unit_vectors(99, 1)[0]
    expected = home.rooms.room(home.scope).dense(query, limit=5)
    home.rooms.close()

    back = Home(tmp_path)

    found = back.rooms.room(back.scope).dense(query, limit=5)
    assert [one for one, _ in found] == [one for one, _ in expected]
    assert back.rooms.room(back.scope).rebuilt == 1
    back.close()


def test_words_in_postgresql_need_a_postgresql_database(home: Home) -> None:
    with pytest.raises(WrongUse, match="MUNIMENT_DATABASE_URL"):
        PostgresWords(home.database)
