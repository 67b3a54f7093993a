"""One owner process per data folder, and how a command reaches it.

The owner holds an exclusive lock on `owner.lock` for as long as it lives; the operating system frees it
however the process dies. Its note says where it listens: a Unix socket in a private folder, since the path of
a data folder may be longer than a socket's path can be. A command that finds an owner hands its words over
and prints what comes back; one that finds none becomes the owner.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from storage.errors import Broken, Refused

_LOCK, _NOTE = "owner.lock", "owner.json"
_DOOR = "muniment-door-"
_MAX_REQUEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Command:
    """A command line from another process."""

    words: tuple[str, ...]
    cwd: Path
    stdin: str


Handler: TypeAlias = "Callable[[Command, IO[str], IO[str]], int]"
"""Runs a command, writing to the two streams; returns the exit code."""


class Ownership:
    """The lock on a data folder, and the door for commands from other processes."""

    def __init__(self, home: Path, lock: IO[str]) -> None:
        self._home = home
        self._lock = lock
        self._folder: Path | None = None
        self._socket: socket.socket | None = None

    def listen(self, handler: Handler) -> None:
        """Serve other processes' commands, each in a thread, until `release`."""
        self._folder = Path(tempfile.mkdtemp(prefix=_DOOR))
        path = self._folder / "owner.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        note = self._home / _NOTE
        note.write_text(json.dumps({"pid": os.getpid(), "socket": str(path)}))
        threading.Thread(target=_accept, args=(self._socket, handler), name="owner-door", daemon=True).start()

    def release(self) -> None:
        """Close the door and free the folder."""
        if self._socket is not None:
            self._socket.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            (self._home / _NOTE).unlink(missing_ok=True)
        self._lock.close()


def own(home: Path) -> Ownership | None:
    """Become the owner of a data folder, or None when another process is.

    Raises:
        Broken: the folder cannot be made or written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (home / _LOCK).open("a")
    except OSError as error:
        raise Broken(
            f"the data folder {home} cannot be used ({error.strerror}); check MUNIMENT_HOME"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    _clear_away(home / _NOTE)
    return Ownership(home, lock)


def _clear_away(note: Path) -> None:
    """Remove the door of an owner that was killed. The lock is ours, so nobody listens there any more."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        folder = Path(json.loads(note.read_text())["socket"]).parent
        if folder.name.startswith(_DOOR):
            shutil.rmtree(folder, ignore_errors=True)
    note.unlink(missing_ok=True)


def _line(**event: str | int) -> bytes:
    """One line of the answer: `out` or `err` text, or at the end `code`, the exit code."""
    return json.dumps(event).encode() + b"\n"


def hand_over(home: Path, command: Command, *, out: IO[str], err: IO[str]) -> int:
    """Run a command in the owner process and pass its output on; returns its exit code.

    Raises:
        Refused: the owner does not take commands (another command is at work).
        Broken: the owner went away before it answered.
    """
    try:
        note = json.loads((home / _NOTE).read_text())
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.connect(note["socket"])
    except (OSError, ValueError, KeyError) as error:
        raise Refused(
            f"another muniment command is using {home}; wait for it to end, or stop it, and try again"
        ) from error
    with door, door.makefile("rwb") as stream:
        request = {"words": list(command.words), "cwd": str(command.cwd), "stdin": command.stdin}
        stream.write(json.dumps(request).encode() + b"\n")
        stream.flush()
        for line in stream:
            event = json.loads(line)
            if "code" in event:
                return int(event["code"])
            out.write(event.get("out", ""))
            err.write(event.get("err", ""))
            out.flush()
            err.flush()
    raise Broken("the running muniment stopped before it had answered; run the command again")


class _Stream:
    """A text stream that sends what is written to it over the socket."""

    def __init__(self, send: Callable[[bytes], Any], name: str, lock: threading.Lock) -> None:
        self._send, self._name, self._lock = send, name, lock

    def write(self, text: str) -> int:
        if text:
            with self._lock:
                self._send(_line(**{self._name: text}))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return False


def _accept(listener: socket.socket, handler: Handler) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, handler), name="owner-command", daemon=True).start()


def _serve(connection: socket.socket, handler: Handler) -> None:
    # A caller who went away (BrokenPipeError) ends the command; there is nobody left to tell.
    with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        line = connection.makefile("rb").readline(_MAX_REQUEST)
        request = json.loads(line)
        lock = threading.Lock()
        out: Any = _Stream(connection.sendall, "out", lock)
        err: Any = _Stream(connection.sendall, "err", lock)
        command = Command(tuple(request["words"]), Path(request["cwd"]), request["stdin"])
        code = handler(command, out, err)
        connection.sendall(_line(code=code))
