"""What one command line works with: its streams, its directory, and the services once it asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import typer

from app.owner import Ownership, own
from app.process import answer_promptly
from app.settings import Settings
from storage.records import Actor, Scope

if TYPE_CHECKING:
    from app.wiring import Services


class OwnedElsewhere(Exception):
    """Another process owns the data folder."""


@dataclass(slots=True)
class Session:
    """One command line. The services are built, and the data folder owned, when they are first asked for."""

    settings: Settings
    out: IO[str]
    err: IO[str]
    cwd: Path
    stdin: str = ""
    """What was piped in, for the commands that read a secret."""
    _services: Services | None = None
    _ownership: Ownership | None = None

    @classmethod
    def guest(cls, host: Session, *, out: IO[str], err: IO[str], cwd: Path, stdin: str) -> Session:
        """A session of another process's command, on the services of this one."""
        return cls(host.settings, out, err, cwd, stdin, host.services)

    @property
    def services(self) -> Services:
        """The services of the data folder.

        Raises:
            OwnedElsewhere: another process owns it.
        """
        if self._services is None:
            # Imported late: it pulls in the indexes and the model runtime, which `--help` does not need.
            from app.wiring import build

            self._ownership = own(self.settings.home)
            if self._ownership is None:
                raise OwnedElsewhere
            answer_promptly()
            self._services = build(self.settings)
        return self._services

    @property
    def ownership(self) -> Ownership:
        """The lock on the data folder; only where the services were built here."""
        assert self._ownership is not None, "a guest does not own the folder"
        return self._ownership

    @property
    def actor(self) -> Actor:
        """Whoever holds the data folder: the operator at the command line."""
        return self.services.accounts.local_operator()

    def scope(self, matter: str, document: str | None = None) -> Scope:
        """The scope of a matter, or of one document of it by path or id."""
        whole = self.services.access.scope(self.actor, matter)
        if document is None:
            return whole
        found = self.services.library.document(whole, document)
        return self.services.access.scope(self.actor, matter, documents=[found.id])

    def path(self, given: Path) -> Path:
        """A path as its user meant it, whatever directory this process runs in."""
        return (self.cwd / given.expanduser()).absolute()

    def show(self, value: Any, lines: Iterable[str], *, as_json: bool) -> None:
        """Print the one JSON object of `--json`, or the lines for a person."""
        if as_json:
            self.out.write(json.dumps(value, ensure_ascii=False) + "\n")
        else:
            for line in lines:
                self.out.write(line + "\n")

    def tell(self, line: str) -> None:
        """Progress and remarks, on stderr."""
        self.err.write(line + "\n")

    def close(self) -> None:
        """Close what was opened here."""
        if self._ownership is not None:
            if self._services is not None:
                self._services.close()
            self._ownership.release()


def session_of(context: typer.Context) -> Session:
    """The session that a command runs in."""
    session = context.obj
    assert isinstance(session, Session)
    return session
