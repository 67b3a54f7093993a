"""One owner per data folder; other processes' commands reach it."""

import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.owner import Command, hand_over, own
from storage.errors import Broken, Refused

_HOLD = """
import sys
from pathlib import Path
from app.owner import own
mine = own(Path(sys.argv[1]))
assert mine is not None
print("owned", flush=True)
sys.stdin.read()
"""


def _words(*words, stdin=""):
    return Command(words, Path.cwd(), stdin)


def test_a_second_owner_is_not_let_in(tmp_path):
    first = own(tmp_path)
    assert own(tmp_path) is None
    first.release()
    second = own(tmp_path)
    assert second is not None
    second.release()


def test_a_killed_owner_leaves_the_folder_free(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "owned\n"
    assert own(tmp_path) is None
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    mine = own(tmp_path)
    assert mine is not None
    mine.release()


def test_a_command_runs_in_the_owner_and_its_output_and_code_come_back(tmp_path):
    home = tmp_path / ("a folder with a path longer than any socket may have " * 3)
    owner = own(home)

    def handler(command, out, err):
        out.write(f"{command.words} {command.stdin} ")
        err.write("working\n")
        out.write("done")
        return 3

    owner.listen(handler)
    out, err = io.StringIO(), io.StringIO()
    try:
        code = hand_over(home, _words("ask", "why?", stdin="secret"), out=out, err=err)
    finally:
        owner.release()
    assert (code, out.getvalue(), err.getvalue()) == (3, "('ask', 'why?') secret done", "working\n")


def test_an_owner_that_takes_no_commands_is_a_plain_refusal(tmp_path):
    owner = own(tmp_path)
    try:
        with pytest.raises(Refused, match="another muniment command"):
            hand_over(tmp_path, _words("doctor"), out=io.StringIO(), err=io.StringIO())
    finally:
        owner.release()


def test_an_owner_that_dies_while_it_works_is_reported(tmp_path):
    owner = own(tmp_path)

    def handler(command, out, err):
        raise ConnectionResetError

    owner.listen(handler)
    try:
        with pytest.raises(Broken, match="before it had answered"):
            hand_over(tmp_path, _words("doctor"), out=io.StringIO(), err=io.StringIO())
    finally:
        owner.release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Broken, match="MUNIMENT_HOME"):
        own(tmp_path / "file" / "home")


def test_the_door_is_in_a_folder_that_only_its_owner_can_enter(tmp_path):
    owner = own(tmp_path)
    owner.listen(lambda command, out, err: 0)
    try:
        folder = Path(json.loads((tmp_path / "owner.json").read_text())["socket"]).parent
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        owner.release()
    assert not folder.exists()


def test_the_door_of_a_killed_owner_is_cleared_away(tmp_path):
    killed = own(tmp_path)
    killed.listen(lambda command, out, err: 0)
    note = (tmp_path / "owner.json").read_text()
    door = Path(json.loads(note)["socket"]).parent
    killed._lock.close()
    own(tmp_path).release()
    assert not door.exists()
    assert not (tmp_path / "owner.json").exists()
