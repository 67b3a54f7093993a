"""Muniment as a process of its own, as people start it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

_PATIENCE_S = 180


def environment_of(home, **settings):
    """This process's environment with no settings of Muniment's but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    given = {f"MUNIMENT_{name.upper()}": str(value) for name, value in settings.items()}
    return {**kept, "MUNIMENT_HOME": str(home), **given}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """A running `muniment serve`: everything it printed is in `said`."""

    def __init__(self, environment):
        self.environment = environment
        self.origin = f"http://127.0.0.1:{environment['MUNIMENT_PORT']}"
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve"], env=environment, stderr=subprocess.PIPE, text=True
        )
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._ready.wait(_PATIENCE_S), self.said
        assert self.process.poll() is None, self.said

    def _read(self):
        for line in self.process.stderr:
            self.said += line
            if line.startswith("Ctrl+C"):
                self._ready.set()
        self._ready.set()

    @property
    def welcome(self):
        """The one-time link for the first administrator."""
        return re.search(r"\S+/\?welcome=\S+", self.said).group()

    def kill(self):
        """End it with no warning."""
        self.process.kill()
        self._ended()

    def stop(self):
        """End it as Ctrl+C does."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._ended()

    def _ended(self):
        self.process.wait()
        self._reader.join()
        self.process.stderr.close()


@pytest.fixture
def muniment():
    """A function that runs one command line in a process of its own."""

    def run(environment, *words, stdin=""):
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *words],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )

    return run
