"""While the pages are served, commands are handed to the server; there are never two owners."""

import socket
import urllib.request

import pytest

from .conftest import Served, environment_of, free_port

_PATIENCE_S = 120


@pytest.fixture
def environment(tmp_path):
    return environment_of(tmp_path / "home", model="scripted", sample="false", port=free_port())


@pytest.fixture
def server(environment):
    serving = Served(environment)
    yield serving
    serving.kill()


def test_commands_reach_the_server_that_owns_the_folder(server, environment, muniment, tmp_path):
    assert f":{environment['MUNIMENT_PORT']}/?welcome=" in server.said
    assert muniment(environment, "matter", "create", "Deal").returncode == 0
    (tmp_path / "note.txt").write_text("The fee is due on the first day of each month.")
    loaded = muniment(environment, "ingest", str(tmp_path / "note.txt"), "--matter", "Deal", "--json")
    assert (loaded.returncode, loaded.stderr.count("of 1 files")) == (0, loaded.stderr.count("\n"))
    added = muniment(environment, "user", "add", "ada", "--role", "administrator")
    assert "can sign in with the password" in added.stdout
    changed = muniment(
        environment, "user", "passwd", "ada", "--password-stdin", stdin="a long new password\n"
    )
    assert changed.returncode == 0
    wrong = muniment(environment, "search", "fee", "--matter", "Nowhere")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)


def test_a_second_server_on_the_same_folder_is_refused(server, environment, muniment):
    second = muniment(environment, "serve")
    assert second.returncode == 3
    assert "already served" in second.stderr
    assert server.process.poll() is None


def test_a_server_that_was_killed_leaves_the_folder_to_the_next_command(server, environment, muniment):
    muniment(environment, "matter", "create", "Deal")
    server.kill()
    listed = muniment(environment, "matter", "list")
    assert (listed.returncode, listed.stdout) == (0, "Deal\n")


def test_whoever_follows_the_printed_link_at_once_is_answered(server):
    with urllib.request.urlopen(f"{server.origin}/health", timeout=_PATIENCE_S) as answer:
        assert answer.status == 200


def test_a_port_that_is_taken_is_named_before_any_work(environment, muniment):
    with socket.create_server(("127.0.0.1", 0)) as other:
        environment["MUNIMENT_PORT"] = str(other.getsockname()[1])
        refused = muniment(environment, "serve")
    assert refused.returncode == 3
    assert "MUNIMENT_PORT" in refused.stderr
    assert refused.stderr.count("\n") == 1
