"""With no network at all, not even loopback, documents are loaded, asked about and summarised.

Each command runs in a network namespace of its own, and a hook in it writes down every address that Python
code tries to reach.
"""

import json
import subprocess
import sys

import pytest

from .conftest import environment_of

_PATIENCE_S = 300
_WATCHED = """
import sys

def note(event, arguments):
    # A Unix socket's address is a path; every other kind is a tuple or, for a look-up, a host's name.
    if event == "socket.getaddrinfo" or event == "socket.connect" and isinstance(arguments[1], tuple):
        print("reached for", event, arguments, file=sys.stderr)

sys.addaudithook(note)
from app.cli import main
main()
"""


def _namespaces_work():
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not _namespaces_work(), reason="this machine does not let tests make a network namespace (unshare -rn)"
)


@pytest.fixture
def cut_off(tmp_path):
    """A function that runs a command line where there is no network."""
    environment = environment_of(tmp_path / "home")

    def run(*words):
        ran = subprocess.run(
            ["unshare", "-rn", sys.executable, "-c", _WATCHED, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
        )
        assert "reached for" not in ran.stderr
        return ran

    return run


@pytest.mark.model
def test_the_whole_path_needs_no_network_and_reaches_for_none(cut_off, tmp_path):
    (tmp_path / "lease.txt").write_text(
        "1. Notice. The tenant may end this lease by giving ninety (90) days' prior written notice.\n\n"
        "2. Rent. The annual rent is $2.5 million, payable quarterly in advance.\n"
    )
    assert cut_off("matter", "create", "Lease").returncode == 0
    assert cut_off("ingest", str(tmp_path / "lease.txt"), "--matter", "Lease").returncode == 0
    asked = cut_off(
        "ask", "What notice must the tenant give to end the lease?", "--matter", "Lease", "--json"
    )
    answer = json.loads(asked.stdout)
    assert answer["model"]["runtime"] == "llama.cpp"
    assert any("ninety (90) days" in citation["quote"] for citation in answer["citations"])
    summary = cut_off("summarise", "--matter", "Lease", "--length", "short", "--json")
    assert json.loads(summary.stdout)["pages_covered"] == 1
    assert cut_off("audit", "verify").returncode == 0
    assert cut_off("doctor").returncode == 0
