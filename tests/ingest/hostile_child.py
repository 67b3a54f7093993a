"""A reading process whose readers do harm on purpose, each word of a file in another way."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from ingest.readers.base import DEFAULT, Attachment, NeedsPassword, Reading
from ingest.reading_child import main
from storage.records import Hidden, Page, Place, ReadBy


class HostileReader:
    """A file's lines are its pages; some words do harm when their page is read.

    `at once WORD` does it before the file is open, `attach: WORD` after the last page, and `password: WORD`
    asks for that password.
    """

    def read(self, path, options=DEFAULT, *, first_page=1):
        lines = path.read_text().splitlines()
        first = lines[0] if lines else ""
        if first.startswith("at once "):
            _harm(first.removeprefix("at once "), path)
        if first.startswith("password: ") and options.password != first.removeprefix("password: "):
            raise NeedsPassword("is encrypted; give its password")
        pages = [line for line in lines if not line.startswith("attach: ")]
        attached = [line.removeprefix("attach: ") for line in lines if line.startswith("attach: ")]
        return Reading(
            len(pages) + first.endswith("one too few"),
            self._pages(pages, first_page, path, options),
            title="Hostile",
            attachments=_attachments(attached, path),
            rendition=b"%PDF-of-it" if first.startswith("password: ") else None,
        )

    def _pages(self, lines, first_page, path, options):
        for number, line in enumerate(lines, 1):
            if number >= first_page:
                said = _harm(line, path)
                if line == "rich":
                    hidden = (Hidden("white", "white on white"),)
                    place = Place(0, 4, 0.1, 0.2, 0.3, 0.4)
                    yield Page(number, "rich", ReadBy.OCR, 0.5, "look", "iv", (place,), hidden)
                elif line == "misplaced":
                    yield Page(number, line, ReadBy.OCR, 1.0, places=(Place(0, 99, 0, 0, 1, 1),))
                elif line == "out of turn":
                    yield Page(number + 1, line, ReadBy.TEXT, 1.0)
                else:
                    told = f"{options.ocr} {options.with_hidden}" if line == "options" else said or line
                    yield Page(number, told, ReadBy.TEXT, 1.0)


def _attachments(lines, path):
    for line in lines:
        if line == "endless":
            while True:
                yield Attachment("again", b"")
        if line == "vast":
            while True:
                yield Attachment("vast", bytes(5_000_000))
        if line == "refused":
            yield Attachment("refused", None, "is too deep")
        else:
            _harm(line, path)
            yield Attachment(f"../../{line}", line.encode())


def _harm(word, path):
    """Do what the word says; what is returned becomes the page's text."""
    kind, _, rest = word.partition(" ")
    return _HARMS[kind](rest, path) if kind in _HARMS else None


def _raise(rest, path):
    raise LookupError("a bug")


def _flood(rest, path):
    while True:
        os.write(_replies(), b"x" * 65_536)


def _babble(rest, path):
    os.write(_replies(), b"[1, 2]\n" * 10)
    threading.Event().wait(60)


def _replies():
    """The door to the parent, wherever it was moved."""
    doors = [int(one.name) for one in Path("/proc/self/fd").iterdir() if int(one.name) > 2]
    return next(door for door in doors if Path(f"/proc/self/fd/{door}").is_fifo())


def _deaf(rest, path):
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    while True:
        threading.Event().wait(60)


def _eat(rest, path):
    eaten = []
    while True:
        eaten.append(bytearray(16_000_000))


def _burn(rest, path):
    for _ in range(4):
        threading.Thread(target=_spin, daemon=True).start()
    _spin()


def _spin():
    while True:
        pass


def _stack(rest, path):
    ctypes.CDLL(None).abort()


def _leave(rest, path):
    if os.fork() == 0:
        os.setsid()
        threading.Event().wait(600)
        os._exit(0)


def _program(rest, path):
    # The mark by which the tests know their processes goes along.
    command = [*sys.orig_argv[:3], "-c", "import threading; threading.Event().wait(600)"]
    subprocess.Popen(command, start_new_session=True)


def _write(rest, path):
    path.with_suffix(".written").write_text("x")


def _change(rest, path):
    with path.open("a") as stream:
        stream.write("changed")


def _delete(rest, path):
    path.unlink()


def _move(rest, path):
    path.rename(path.with_suffix(".moved"))


def _chmod(rest, path):
    path.chmod(0o777)


def _link(rest, path):
    path.with_suffix(".link").symlink_to("/etc/passwd")


def _connect(rest, path):
    socket.create_connection(("127.0.0.1", int(rest)), timeout=2).sendall(b"secret")


def _datagram(rest, path):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret", ("127.0.0.1", int(rest)))


def _local(rest, path):
    socket.socket(socket.AF_UNIX).connect(rest)


def _kill(rest, path):
    os.kill(os.getppid(), signal.SIGKILL)


def _print(rest, path):
    print("words of a document")  # noqa: T201 - libraries do it


def _environment(rest, path):
    return " ".join(sorted(os.environ))


def _peek(rest, path):
    return Path(f"/proc/{os.getppid()}/environ").read_text()


_HARMS = {
    "crash": lambda rest, path: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": _stack,
    "exit": lambda rest, path: os._exit(0),
    "hang": lambda rest, path: signal.pause(),
    "deaf": _deaf,
    "swell": lambda rest, path: bytearray(1 << 40),
    "eat": _eat,
    "burn": _burn,
    "raise": _raise,
    "flood": _flood,
    "babble": _babble,
    "leave": _leave,
    "program": _program,
    "write": _write,
    "change": _change,
    "delete": _delete,
    "move": _move,
    "chmod": _chmod,
    "link": _link,
    "connect": _connect,
    "datagram": _datagram,
    "local": _local,
    "kill": _kill,
    "print": _print,
    "environment": _environment,
    "peek": _peek,
}

if __name__ == "__main__":
    main(lambda media_type: HostileReader())
