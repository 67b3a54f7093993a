import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ingest import landlock, sandbox, seccomp

ROOT = Path(__file__).parents[2]
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own walls are Linux's")


def python(code, *arguments):
    """What code prints, run in a process of its own with this repository at hand."""
    command = [sys.executable, "-c", f"import os, sys, socket\n{code}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.split()


def run(code, folder, **options):
    """The exit code of Python code run as a converter that may write in `folder`."""
    bounds = {
        "timeout_s": 30,
        "memory_bytes": 1 << 30,
        "writable": [folder],
        "file_bytes": 1_000_000,
        "environment": {"PATH": "/usr/bin:/bin"},
    }
    return sandbox.run([sys.executable, "-c", code], **{**bounds, **options})


def marked(mark):
    return [one.pid for one in psutil.process_iter(["cmdline"]) if mark in str(one.info["cmdline"])]


def test_every_layer_is_tried_and_none_is_taken_on_trust(monkeypatch):
    assert {layer.name: layer.holds for layer in sandbox.layers()} == dict.fromkeys(sandbox._TRIALS, True)
    monkeypatch.setattr(sandbox, "_THIS", (sys.executable, "-c", "pass"))
    assert not any(layer.holds for layer in sandbox.layers())


TRY = """
def tried(attempt):
    try:
        attempt()
    except OSError as error:
        return type(error).__name__
    return "done"
"""


@pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")
def test_landlock_alone_keeps_files_as_they_are_but_in_folders_given(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "there").write_text("as it was")
    code = (
        "from pathlib import Path\n"
        "from ingest import landlock, sandbox\n"
        f"{TRY}"
        "folder = Path(sys.argv[1])\n"
        "sandbox._prctl(sandbox._PR_SET_NO_NEW_PRIVS, 1)\n"
        "landlock.restrict([folder / 'mine'])\n"
        "for attempt in (\n"
        "    lambda: (folder / 'mine' / 'new').write_text('x'),\n"
        "    lambda: (folder / 'new').write_text('x'),\n"
        "    lambda: (folder / 'there').write_text('x'),\n"
        "    lambda: (folder / 'there').unlink(),\n"
        "    lambda: (folder / 'there').rename(folder / 'mine' / 'there'),\n"
        "    lambda: (folder / 'mine' / 'link').symlink_to(folder / 'there'),\n"
        "    lambda: (folder / 'mine' / 'link').write_text('x'),\n"
        "    lambda: (folder / 'there').read_text(),\n"
        "    lambda: open(os.devnull, 'w'),\n"
        "):\n"
        "    print(tried(attempt))\n"
    )
    refused = "PermissionError"
    assert python(code, tmp_path) == [
        *("done", refused, refused, refused),
        *("OSError" if landlock.version() == 1 else refused, "done", refused, "done", "done"),
    ]
    assert (tmp_path / "there").read_text() == "as it was"


def test_the_filter_alone_keeps_a_reader_from_writing_calling_and_starting(tmp_path):
    (tmp_path / "there").write_text("as it was")
    code = (
        "from ingest import sandbox, seccomp\n"
        f"{TRY}"
        "import subprocess, threading\n"
        "there = sys.argv[1]\n"
        "sandbox._prctl(sandbox._PR_SET_NO_NEW_PRIVS, 1)\n"
        "seccomp.install(converter=False)\n"
        "thread = threading.Thread(target=print, args=('thread',))\n"
        "for attempt in (\n"
        "    lambda: open(there, 'w'),\n"
        "    lambda: open(there, 'r+'),\n"
        "    lambda: os.truncate(there, 0),\n"
        "    lambda: os.unlink(there),\n"
        "    lambda: os.utime(there),\n"
        "    lambda: os.mkfifo(there + '2'),\n"
        "    lambda: socket.socket(),\n"
        "    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),\n"
        "    lambda: socket.socketpair(),\n"
        "    lambda: os.fork(),\n"
        "    lambda: subprocess.run(['/bin/true']),\n"
        "    lambda: os.execv('/bin/true', ['true']),\n"
        "    lambda: os.kill(os.getppid(), 0),\n"
        "    lambda: os.setsid(),\n"
        "    lambda: open(there).read(),\n"
        "    lambda: os.kill(os.getpid(), 0),\n"
        "    lambda: [step() for step in (thread.start, thread.join)],\n"
        "):\n"
        "    print(tried(attempt))\n"
    )
    said = python(code, tmp_path / "there")
    assert said[:14] == ["PermissionError"] * 14
    assert said[14:] == ["done", "done", "thread", "done"]
    assert (tmp_path / "there").read_text() == "as it was"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_numbers_of_system_calls_are_the_kernels(machine):
    if not HEADERS[machine].exists():
        pytest.skip("the kernel's headers are not installed")
    text = HEADERS[machine].read_text()
    known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    column = seccomp._COLUMNS[machine][0]
    groups = (seccomp._NETWORK, seccomp._OTHERS, seccomp._SYSTEM, seccomp._STARTING, seccomp._CHANGING)
    single = {name: getattr(seccomp, f"_{name.upper()}") for name in ("socket", "openat", "clone", "kill")}
    more = {"clone3": seccomp._CLONE3, "tgkill": seccomp._TGKILL, "prlimit64": seccomp._PRLIMIT}
    for name, columns in {**single, **more}.items() | {pair for group in groups for pair in group.items()}:
        assert known.get(name) == columns[column], name


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("converter", [True, False])
def test_no_jump_of_the_filter_leads_out_of_it(machine, converter):
    built = seccomp.program(machine, 42, converter=converter)
    for at, (code, if_true, if_false, _) in enumerate(built):
        assert code in (seccomp._LOAD, seccomp._EQUAL, seccomp._AT_LEAST, seccomp._ANY_BIT, seccomp._RETURN)
        assert at + 1 + max(if_true, if_false) < len(built) or code == seccomp._RETURN
    assert built[-1] == (seccomp._RETURN, 0, 0, seccomp._ALLOW)


def test_a_machine_that_the_filter_is_not_written_for_says_so():
    with pytest.raises(OSError, match="riscv64"):
        seccomp.program("riscv64", 42, converter=False)


def test_a_converter_writes_in_its_folder_and_nowhere_else(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    code = f"open({str(folder / 'made')!r}, 'w').write('x'); open({str(tmp_path / 'outside')!r}, 'w')"
    assert run(code, folder) == 1
    assert (folder / "made").read_text() == "x"
    if landlock.version():
        assert not (tmp_path / "outside").exists()


def test_a_converter_reaches_no_network(tmp_path):
    code = "import socket, sys\ntry: socket.socket()\nexcept PermissionError: sys.exit(7)"
    assert run(code, tmp_path) == 7


def test_what_a_converter_leaves_running_ends_with_it(tmp_path):
    mark = f"left-by-{os.getpid()}"
    sleeping = f"import time; time.sleep(600)  # {mark}"
    code = (
        "import os, subprocess, sys\n"
        f"one = [sys.executable, '-c', {sleeping!r}]\n"
        "subprocess.Popen(one)\n"
        "try: subprocess.Popen(one, start_new_session=True)\n"
        "except PermissionError: sys.exit(5)\n"
    )
    assert run(code, tmp_path) == 5
    assert marked(mark) == []


def test_a_converter_that_hangs_and_ignores_signals_is_ended(tmp_path):
    mark = f"deaf-{os.getpid()}"
    code = f"import signal, time  # {mark}\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    with pytest.raises(subprocess.TimeoutExpired):
        run(code, tmp_path, timeout_s=2)
    assert marked(mark) == []


def test_a_converter_is_bounded_in_memory_and_in_what_it_writes(tmp_path):
    assert run("bytearray(1 << 31)", tmp_path) == 1
    made = tmp_path / "made"
    assert run(f"open({str(made)!r}, 'wb').write(bytes(5_000_000))", tmp_path) != 0
    assert made.stat().st_size <= 1_000_000


def test_a_socket_that_a_converter_could_not_remove_is_removed_after_it(tmp_path):
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    mine.mkdir()
    code = f"import socket; socket.socket(socket.AF_UNIX).bind({str(shared / 'door')!r})"
    assert run(code, mine, sockets=[shared]) == 0
    assert list(shared.iterdir()) == []


def test_a_machine_without_the_kernels_walls_still_has_limits(tmp_path):
    code = (
        "import platform\n"
        "platform.machine = lambda: 'riscv64'\n"
        "from ingest import landlock, sandbox\n"
        "landlock.version = lambda: 0\n"
        "def missing(*_, **__): raise OSError\n"
        "landlock._call = missing\n"
        f"{TRY}"
        "sandbox.confine(memory_bytes=1 << 30, cpu_seconds=60)\n"
        "print(tried(lambda: open(sys.argv[1], 'w').write('x')))\n"
        "try: bytearray(1 << 31)\n"
        "except MemoryError: print('bounded')\n"
    )
    said = python(code, tmp_path / "f")
    assert said[-1] == "bounded"
    assert (tmp_path / "f").read_bytes() == b""
