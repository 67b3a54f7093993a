"""The whole product in a temporary folder, with a hashing embedder and a scripted model."""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import state
from app.cli import execute
from app.commands.session import Session
from app.settings import Settings
from app.wiring import build
from engine.models.scripted import ScriptedGenerator
from storage.embedding import HashingEmbedder
from storage.records import Role

from .pages import PASSWORD


@pytest.fixture
def services(home):
    built = build(
        Settings(home=home, sample=False, max_file_mb=2),
        embedder=HashingEmbedder(),
        generator=ScriptedGenerator(),
    )
    yield built
    built.close()


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        [line] = self.out.splitlines()
        return json.loads(line)


@pytest.fixture
def muniment(services, tmp_path):
    """A function that runs a command line on the services, as the owner process would."""

    def run(*words, stdin=""):
        out, err = io.StringIO(), io.StringIO()
        session = Session(services.settings, out, err, Path(tmp_path), stdin, services)
        return Ran(execute(session, [str(word) for word in words]), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def lease(tmp_path, muniment):
    """A matter named Lease with two short documents."""
    folder = tmp_path / "lease"
    folder.mkdir()
    (folder / "lease.md").write_text(
        "# Lease\n\n"
        "14.2 The tenant may end this lease by giving at least ninety (90) days' prior written notice.\n\n"
        "15.1 The annual rent is $2.5 million, payable quarterly in advance.\n"
    )
    (folder / "letter.txt").write_text(
        "Dear Tenant,\n\nThe deposit of $400,000 was received on 3 March 2024.\n"
    )
    assert muniment("matter", "create", "Lease").code == 0
    ran = muniment("ingest", folder, "--matter", "Lease", "--json")
    assert ran.code == 0, ran.err
    return ran.json


@pytest.fixture
def signed_in(services, monkeypatch):
    """A function that makes the pages be seen by a person; without a name, by nobody."""
    state.install(services)
    # A test's page comes from no address.
    monkeypatch.setattr(state, "client_address", lambda: None)
    tokens = {}

    def be(name=None):
        if name is not None and name not in tokens:
            tokens[name] = services.accounts.sign_in(name, PASSWORD).token
        monkeypatch.setattr(state, "session_token", lambda: tokens.get(name))
        return tokens.get(name)

    be()
    return be


@pytest.fixture
def person(services):
    """A function that adds a person, in matters by name."""

    def add(name, role=Role.MEMBER, *, matters=()):
        operator = services.accounts.local_operator()
        made = services.accounts.add_user(name, role, by=operator, password=PASSWORD).user
        for matter in matters:
            services.access.add_member(services.access.scope(operator, matter), made.id)
        return made

    return add
