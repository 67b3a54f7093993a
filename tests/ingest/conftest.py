"""A real store with a deterministic embedder, and an importer that works on it."""

import pytest

from ingest.limits import IngestLimits
from ingest.pipeline import Importer
from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import HashingEmbedder
from storage.library import Library
from storage.records import Actor, Role, Scope
from storage.rooms import Rooms


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def database(home):
    opened = Database.in_folder(home)
    yield opened
    opened.close()


@pytest.fixture
def audit(database):
    return AuditLog(database)


@pytest.fixture
def library(database, home, audit):
    return Library(database, home, audit)


@pytest.fixture
def embedder():
    return HashingEmbedder()


@pytest.fixture
def rooms(library, embedder):
    opened = Rooms(library, embedder)
    yield opened
    opened.close()


@pytest.fixture
def scope(library):
    actor = Actor(id="operator:test", name="test", role=Role.ADMINISTRATOR, via="command line")
    return Scope(library.create_matter("Northgate lease", actor), actor)


@pytest.fixture
def importer(library, rooms, embedder, audit):
    return Importer(library, rooms, embedder, audit, limits=IngestLimits())


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "upload"
    made.mkdir()
    return made
