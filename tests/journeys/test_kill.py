"""A killed load loses nothing: each document is live once, or listed; the next run completes it."""

import json
import random
import signal
import subprocess
import sys

import pytest

from .conftest import environment_of

FILES = 30
KILLS = 3


@pytest.fixture
def environment(tmp_path):
    return environment_of(tmp_path / "home", model="scripted")


def _killed_after(environment, folder, lines):
    """Start a load and kill it with no warning once it has reported `lines` steps."""
    loading = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "ingest", str(folder), "--matter", "Deal"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(lines):
        if not loading.stderr.readline():
            break
    loading.send_signal(signal.SIGKILL)
    loading.communicate()


def test_documents_are_live_once_however_often_the_load_is_killed(environment, muniment, tmp_path):
    def run(*words):
        ran = muniment(environment, *words, "--json")
        return ran, json.loads(ran.stdout) if ran.stdout else None

    folder = tmp_path / "deal"
    folder.mkdir()
    names = {f"{number:02}.txt" for number in range(FILES)}
    for name in names:
        clauses = (
            f"{n}. The fee in schedule {name} is ${n},000 and is due on day {n}." for n in range(1, 40)
        )
        (folder / name).write_text("\n\n".join(clauses))
    run("matter", "create", "Deal")
    seed = random.randrange(1 << 32)
    moments = random.Random(seed)
    for _ in range(KILLS):
        _killed_after(environment, folder, moments.randint(1, FILES))
        _, shown = run("matter", "show", "Deal")
        live = [one["document"] for one in shown["documents"] if one["state"] == "live"]
        unfinished = {one["document"] for one in shown["unfinished"]}
        assert len(live) == len(set(live)), f"seed {seed}"
        assert not set(live) & unfinished
        assert set(live) | unfinished <= names
    ran, report = run("ingest", str(folder), "--matter", "Deal")
    assert ran.returncode == 0, ran.stderr
    assert {one["document"] for one in report["documents"]} == names
    assert {one["status"] for one in report["documents"]} <= {"complete", "unchanged"}
    _, shown = run("matter", "show", "Deal")
    assert [one["document"] for one in shown["documents"]] == sorted(names)
    assert {one["state"] for one in shown["documents"]} == {"live"}
    assert shown["unfinished"] == []
    _, found = run("search", "fee in schedule 07.txt", "--matter", "Deal", "--k", "200")
    assert len(found["passages"]) == len({(one["document"], one["start"]) for one in found["passages"]})
    verified, _ = run("audit", "verify")
    assert verified.returncode == 0
