"""Confine processes that touch hostile files, as far as this kernel can, and tell how far that is.

`confine` never fails: a layer that the kernel lacks is left out, and `layers` tries each one and says which
hold. Limits of memory, time and files hold on every Unix; the rest is Linux. Reading files is not restricted
by any layer.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import landlock, seccomp

_ROOT = Path(__file__).parent.parent
_THIS = (sys.executable, "-B", "-m", "ingest.sandbox")
_OPEN_FILES = 256
_CONVERTER_OPEN_FILES = 1_024
_CONVERTER_PROCESSES = 256
"""Processes and threads that a converter may add to those its user has."""
_THERE = "there"
_TRIAL_BYTES = 1 << 30
_TRIAL_SECONDS = 30

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522
_MAY_READ_ALL = 1 << 2
"""CAP_DAC_READ_SEARCH: root reads other users' files, and shall go on to."""
_CAPABILITIES = range(64)


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing that a confined process cannot do, and whether that is so on this machine."""

    name: str
    holds: bool


def confine(
    *,
    memory_bytes: int,
    cpu_seconds: int,
    writable: Sequence[Path] = (),
    sockets: Sequence[Path] = (),
    file_bytes: int = 0,
    converter: bool = False,
) -> None:
    """Confine this process and all that it will start, for good; call it before any thread is started.

    `file_bytes` is the largest file it may write. A `converter` may start processes, write below `writable`
    and make sockets of this machine in `sockets`; any other process may do none of it.
    """
    _limit(memory_bytes, cpu_seconds, file_bytes, converter=converter)
    if not sys.platform.startswith("linux"):
        return
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for capability in _CAPABILITIES:
        _prctl(_PR_CAPBSET_DROP, capability)
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    with suppress(OSError):
        landlock.restrict(writable, sockets=sockets)
    # Last: it also refuses some of the calls above.
    with suppress(OSError):
        seccomp.install(converter=converter)


def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    memory_bytes: int,
    writable: Sequence[Path],
    sockets: Sequence[Path] = (),
    file_bytes: int,
    environment: dict[str, str],
) -> int:
    """Run a converter inside the sandbox to its end and return its exit code; its output is dropped.

    Everything that it started is gone when this returns.

    Raises:
        subprocess.TimeoutExpired: it was not done in time.
        OSError: no process can be started.
    """
    before = {path for folder in sockets for path in _sockets(folder)}
    process = subprocess.Popen(
        [
            *_THIS,
            f"--memory={memory_bytes}",
            f"--cpu={round(timeout_s) * (os.cpu_count() or 1)}",
            f"--file={file_bytes}",
            *(f"--writable={folder}" for folder in writable),
            *(f"--sockets={folder}" for folder in sockets),
            "--",
            *command,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env=environment,
        start_new_session=True,
    )
    try:
        return process.wait(timeout_s)
    finally:
        end(process)
        for path in {path for folder in sockets for path in _sockets(folder)} - before:
            # The converter may make a socket and not remove it. One that still answers is another's.
            with suppress(OSError), socket.socket(socket.AF_UNIX) as door:
                if door.connect_ex(str(path)) == errno.ECONNREFUSED:
                    path.unlink()


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a session of its own, and its whole group; return when it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def layers() -> tuple[Layer, ...]:
    """What a reader cannot do on this machine: each was tried just now, in a process like it."""
    with tempfile.TemporaryDirectory(prefix="muniment-trial-") as folder:
        (Path(folder) / _THERE).touch()
        tried = subprocess.run(
            [*_THIS, f"--try={folder}"],
            capture_output=True,
            cwd=_ROOT,
            env={},
            timeout=_TRIAL_SECONDS,
            check=False,
        )
        untouched = [one.name for one in Path(folder).iterdir()] == [_THERE]
    try:
        said = json.loads(tried.stdout)
    except ValueError:
        said = {}
    return tuple(Layer(name, said.get(name) is True and untouched) for name in _TRIALS)


def main() -> None:
    """Run a command confined, or, with `--try`, be confined and print which layers hold."""
    parser = argparse.ArgumentParser(prog="python -m ingest.sandbox", description=main.__doc__)
    parser.add_argument("--try", dest="trial", type=Path, help="a folder to try to write in")
    parser.add_argument("--memory", type=int, default=_TRIAL_BYTES, help="bytes of address space")
    parser.add_argument("--cpu", type=int, default=_TRIAL_SECONDS, help="seconds of processor time")
    parser.add_argument("--file", type=int, default=0, help="bytes of the largest file written")
    parser.add_argument("--writable", type=Path, action="append", default=[], help="folder to write in")
    parser.add_argument("--sockets", type=Path, action="append", default=[], help="folder for sockets")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if given.trial is not None:
        _try(given.trial)
        return
    sys.exit(_supervise(given))


def _supervise(given: argparse.Namespace) -> int:
    """Start the command; whatever it leaves behind ends with it, and all of it ends with our parent."""
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    if sys.platform.startswith("linux"):
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            confine(
                memory_bytes=given.memory,
                cpu_seconds=given.cpu,
                writable=given.writable,
                sockets=given.sockets,
                file_bytes=given.file,
                converter=True,
            )
            command = given.command[given.command[:1] == ["--"] :]
            os.execvp(command[0], command)  # noqa: S606 - which command is decided in code, not by a file
        finally:
            os._exit(127)
    _, status = os.waitpid(child, 0)
    while left := [pid for pid in _group() if pid != os.getpid()]:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, 0)[0]:
                pass
    return os.waitstatus_to_exitcode(status) & 0xFF


def _group() -> list[int]:
    """The processes of our group: a confined process cannot leave it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the name, which may hold anything: state, parent, group.
            state, _, group = entry.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(group) == os.getpgrp() and state != "Z":
                found.append(int(entry.parent.name))
    return found


def _sockets(folder: Path) -> list[Path]:
    """The sockets of our user in a folder."""
    found = []
    for path in folder.iterdir():
        with suppress(OSError):
            if path.is_socket() and path.stat().st_uid == os.getuid():
                found.append(path)
    return found


def _limit(memory_bytes: int, cpu_seconds: int, file_bytes: int, *, converter: bool) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's clock still holds.
        return
    wanted = {
        "RLIMIT_AS": memory_bytes,
        "RLIMIT_CPU": cpu_seconds,
        "RLIMIT_FSIZE": file_bytes,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": _CONVERTER_OPEN_FILES if converter else _OPEN_FILES,
    }
    if converter:
        wanted["RLIMIT_NPROC"] = _tasks_of_user() + _CONVERTER_PROCESSES
    for name, most in wanted.items():
        number = getattr(resource, name, None)
        with suppress(OSError, ValueError):
            if number is not None:
                resource.setrlimit(number, (most, most))


def _tasks_of_user() -> int:
    """Processes and threads of our user, which is what the kernel's limit counts."""
    tasks = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == os.getuid():
                tasks += sum(1 for _ in (process / "task").iterdir())
    return tasks


def _prctl(option: int, value: int) -> None:
    # Refused only where the kernel lacks it, or for a capability that it does not know.
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def _drop_capabilities() -> None:
    """Root keeps only the right to read what others own."""
    library = ctypes.CDLL(None)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    held = ctypes.create_string_buffer(24)
    if library.capget(header, held) != 0:
        return
    effective, permitted, _, *_ = struct.unpack("=6I", held.raw)
    kept = (effective & _MAY_READ_ALL, permitted & _MAY_READ_ALL, 0, 0, 0, 0)
    library.capset(header, struct.pack("=6I", *kept))


def _connects() -> None:
    socket.socket(socket.AF_INET).close()


def _connects_here() -> None:
    socket.socket(socket.AF_UNIX).close()


def _starts() -> None:
    if os.fork() == 0:
        os._exit(0)


def _allocates() -> None:
    bytearray(_TRIAL_BYTES)


def _grows() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES + 1))


_TRIALS: dict[str, Callable[[Path], Any]] = {
    "opens no connection": lambda _: _connects(),
    "opens no local socket": lambda _: _connects_here(),
    "makes no file": lambda folder: (folder / "made").touch(),
    "makes no folder": lambda folder: (folder / "folder").mkdir(),
    "changes no file": lambda folder: (folder / _THERE).open("ab").close(),
    "deletes no file": lambda folder: (folder / _THERE).unlink(),
    "starts no process": lambda _: _starts(),
    "signals no other process": lambda _: os.kill(os.getppid(), 0),
    "stays within its memory": lambda _: _allocates(),
    "keeps its limits": lambda _: _grows(),
}
"""What a confined process cannot do, and how it would: each must fail."""


def _try(folder: Path) -> None:
    confine(memory_bytes=_TRIAL_BYTES, cpu_seconds=_TRIAL_SECONDS)
    holds = {}
    for name, attempt in _TRIALS.items():
        try:
            attempt(folder)
        except (OSError, MemoryError, ValueError):
            holds[name] = True
        else:
            holds[name] = False
    sys.stdout.write(json.dumps(holds))


if __name__ == "__main__":
    main()
