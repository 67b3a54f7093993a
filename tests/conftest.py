"""A store in a folder of its own, for every part that works on one."""

import pytest

from storage.audit import AuditLog
from storage.database import Database
from storage.library import Library
from storage.records import Actor, Role


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def actor():
    return Actor(id="operator:test", name="test", role=Role.ADMINISTRATOR, via="command line")


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
