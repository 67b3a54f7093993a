"""While the pages are served, commands are handed to the server; there are never two owners."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

_PATIENCE_S = 120


@pytest.fixture
def environment(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    return {
        **kept,
        "MUNIMENT_HOME": str(tmp_path / "home"),
        "MUNIMENT_MODEL": "scripted",
        "MUNIMENT_SAMPLE": "false",
        "MUNIMENT_PORT": str(port),
    }


def _muniment(environment, *words, stdin=""):
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )


@pytest.fixture
def server(environment):
    serving = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "serve"], env=environment, stderr=subprocess.PIPE, text=True
    )
    lines = []
    for line in serving.stderr:
        lines.append(line)
        if line.startswith("Ctrl+C"):
            break
    serving.said = "".join(lines)
    yield serving
    serving.kill()
    serving.wait()
    serving.stderr.close()


def test_commands_reach_the_server_that_owns_the_folder(server, environment, tmp_path):
    assert f":{environment['MUNIMENT_PORT']}/?welcome=" in server.said
    assert _muniment(environment, "matter", "create", "Deal").returncode == 0
    (tmp_path / "note.txt").write_text("The fee is due on the first day of each month.")
    loaded = _muniment(environment, "ingest", str(tmp_path / "note.txt"), "--matter", "Deal", "--json")
    assert (loaded.returncode, loaded.stderr.count("of 1 files")) == (0, loaded.stderr.count("\n"))
    added = _muniment(environment, "user", "add", "ada", "--role", "administrator")
    assert "can sign in with the password" in added.stdout
    changed = _muniment(
        environment, "user", "passwd", "ada", "--password-stdin", stdin="a long new password\n"
    )
    assert changed.returncode == 0
    wrong = _muniment(environment, "search", "fee", "--matter", "Nowhere")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)


def test_a_second_server_on_the_same_folder_is_refused(server, environment):
    second = _muniment(environment, "serve")
    assert second.returncode == 3
    assert "already served" in second.stderr
    assert server.poll() is None


def test_a_server_that_was_killed_leaves_the_folder_to_the_next_command(server, environment):
    _muniment(environment, "matter", "create", "Deal")
    server.send_signal(signal.SIGKILL)
    server.wait()
    listed = _muniment(environment, "matter", "list")
    assert (listed.returncode, listed.stdout) == (0, "Deal\n")


def test_whoever_follows_the_printed_link_at_once_is_answered(server, environment):
    address = f"http://127.0.0.1:{environment['MUNIMENT_PORT']}"
    with urllib.request.urlopen(f"{address}/health", timeout=_PATIENCE_S) as answer:
        assert answer.status == 200


def test_a_port_that_is_taken_is_named_before_any_work(environment, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        environment["MUNIMENT_PORT"] = str(other.getsockname()[1])
        refused = _muniment(environment, "serve")
    assert refused.returncode == 3
    assert "MUNIMENT_PORT" in refused.stderr
    assert refused.stderr.count("\n") == 1
