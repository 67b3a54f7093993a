"""A deterministic embedder, and an importer that works on a real store."""

import pytest

from ingest.limits import IngestLimits
from ingest.pipeline import Importer
from storage.embedding import HashingEmbedder
from storage.records import Scope
from storage.rooms import Rooms


@pytest.fixture
def embedder():
    return HashingEmbedder()


@pytest.fixture
def rooms(library, embedder):
    opened = Rooms(library, embedder)
    yield opened
    opened.close()


@pytest.fixture
def scope(library, actor):
    return Scope(library.create_matter("Northgate lease", actor), actor)


@pytest.fixture
def importer(library, rooms, embedder, audit):
    return Importer(library, rooms, embedder, audit, limits=IngestLimits())


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "upload"
    made.mkdir()
    return made
