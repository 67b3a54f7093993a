"""Real servers on loopback, each in a folder of its own, for the tests that need one."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
_PATIENCE_S = 60
_LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server; gives its URL without a database. Skips the test where none is installed."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed; make test installs it")
    if not _BINARIES:
        pytest.skip("PostgreSQL's server is not installed (apt-get install postgresql)")
    # Not under pytest's own folder: only its user may enter that, and the server runs as another.
    folder = Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    port = free_port()
    options = f"-p {port} -k {folder} -c listen_addresses={_LOOPBACK} -c fsync=off"
    _as_server("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "muniment")
    _as_server("pg_ctl", "-D", str(folder / "data"), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://muniment@{_LOOPBACK}:{port}"
    finally:
        _as_server("pg_ctl", "-D", str(folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _as_server(*words: str) -> None:
    """Run a server program; as root, under the user that Debian's package made: the server refuses root."""
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    program = _BINARIES[-1].parent / words[0]
    subprocess.run([*prefix, str(program), *words[1:]], check=True, capture_output=True, cwd="/")


@contextmanager
def chroma(folder: Path) -> Iterator[str]:
    """A Chroma server on the files in `folder`; gives its URL."""
    port = free_port()
    url = f"http://{_LOOPBACK}:{port}"
    words = ["run", "--path", str(folder), "--host", _LOOPBACK, "--port", str(port)]
    program = Path(sys.executable).with_name("chroma")
    server = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"{url}/api/v2/heartbeat", server)
        yield url
    finally:
        server.terminate()
        server.wait()


@contextmanager
def model_endpoint() -> Iterator[str]:
    """An OpenAI-compatible endpoint in a process of its own; gives its address, to be followed by a mode."""
    port = free_port()
    url = f"http://{_LOOPBACK}:{port}"
    script = Path(__file__).with_name("endpoint_server.py")
    server = subprocess.Popen([sys.executable, script, str(port)], stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"{url}/fine/seen", server)
        yield url
    finally:
        server.terminate()
        server.wait()


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(url, timeout=1).is_success:
                return
        except httpx.TransportError:
            continue
    raise AssertionError(f"the server did not come up; it ended with {server.poll()}")
