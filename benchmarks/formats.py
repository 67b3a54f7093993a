"""What becomes of difficult files: one real `muniment ingest` over a folder of them, watched from outside.

Every file must end complete, partial or failed with a reason; afterwards no process, no temporary file and no
half-read document may be left, and no connection may have been tried (seen by strace where it is installed).
The folder has a `manifest.jsonl` with `file`, `what` and, where one is known, `password`; the files are read
twice, without and with the passwords.

    python -m benchmarks.formats --data ../shared/data/nasty_files [--write docs/formats.md]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_BEGIN, _END = "<!-- begin: made by benchmarks/formats.py -->", "<!-- end -->"
_POLL_S = 0.1
_GRACE_S = 2.0
_CONNECT = re.compile(r"\b(?:connect|sendto)\(.*AF_INET")


@dataclass(frozen=True)
class Run:
    """One `muniment ingest`, and what was seen of it from outside."""

    documents: list[dict[str, Any]]
    exit_code: int
    seconds: float
    peak_mib: float
    """Resident memory of the command and all its children together, sampled."""
    processes_left: list[str]
    files_left: list[str]
    connections: int | None
    """None where strace is not installed."""


def main() -> None:
    options = _options()
    manifest = _manifest(options.data)
    passwords = sorted({one["password"] for one in manifest.values() if one.get("password")})
    with tempfile.TemporaryDirectory(prefix="formats-") as scratch:
        plain = ingest(options.data, Path(scratch) / "plain", passwords=[])
        opened = ingest(options.data, Path(scratch) / "opened", passwords=passwords)
    text = "\n".join(_report(manifest, plain, opened))
    if options.write is None:
        print(text)
    else:
        _put(options.write, text)
    failed = _broken_promises(options.data, plain) + _broken_promises(options.data, opened)
    print("\n".join(failed) or "every promise held", file=sys.stderr)
    sys.exit(bool(failed))


def ingest(data: Path, scratch: Path, *, passwords: list[str]) -> Run:
    """Load the folder's files into a new data folder, in a process of its own."""
    temporary = scratch / "tmp"
    temporary.mkdir(parents=True)
    trace = scratch / "trace"
    # The seccomp filter stops the program at these calls alone, so that watching costs next to nothing.
    watch = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto", "-o", str(trace)]
    command = [sys.executable, "-m", "app.cli", "ingest", str(data / "files"), "--matter", "files", "--json"]
    if passwords:
        (scratch / "passwords").write_text("\n".join(passwords), encoding="utf-8")
        command += ["--passwords", str(scratch / "passwords")]
    seen = bool(shutil.which("strace"))
    started = subprocess.Popen(
        [*(watch if seen else []), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MUNIMENT_HOME": str(scratch / "home"), "TMPDIR": str(temporary)},
        text=True,
    )
    meter = _Meter(started.pid)
    meter.start()
    printed, _ = started.communicate()
    meter.stop()
    report = json.loads(printed)
    connections = len(_CONNECT.findall(trace.read_text())) if seen else None
    return Run(
        documents=report["documents"],
        exit_code=started.returncode,
        seconds=report["seconds"],
        peak_mib=meter.peak / (1 << 20),
        processes_left=meter.left(),
        files_left=sorted(one.name for one in temporary.iterdir()),
        connections=connections,
    )


class _Meter(threading.Thread):
    """The most memory that a process and its descendants held together, and which of them outlived it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._family: set[psutil.Process] = set()
        self.peak = 0

    def run(self) -> None:
        while not self._done.wait(_POLL_S):
            self.peak = max(self.peak, sum(self._sizes()))

    def stop(self) -> None:
        self._done.set()
        self.join()

    def left(self) -> list[str]:
        """Descendants that were seen and still run."""
        _, alive = psutil.wait_procs(self._family, timeout=_GRACE_S)
        return sorted(" ".join(one.cmdline())[:80] for one in alive)

    def _sizes(self) -> Iterator[int]:
        try:
            family = [self._process, *self._process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        self._family.update(family[1:])
        for one in family:
            try:
                yield one.memory_info().rss
            except psutil.NoSuchProcess:
                continue


def _broken_promises(data: Path, run: Run) -> list[str]:
    broken = []
    told = {one["document"] for one in run.documents}
    broken += [f"{one} has no result" for one in sorted(_files(data)) if one not in told]
    for one in run.documents:
        if one["status"] not in ("complete", "partial", "failed", "duplicate"):
            broken.append(f"{one['document']} ended {one['status']}")
        if one["status"] in ("partial", "failed") and not one["problems"]:
            broken.append(f"{one['document']} ended {one['status']} without a reason")
    broken += [f"process left: {one}" for one in run.processes_left]
    broken += [f"file left: {one}" for one in run.files_left]
    if run.connections:
        broken.append(f"{run.connections} connections were tried")
    return broken


def _report(manifest: dict[str, dict[str, Any]], plain: Run, opened: Run) -> Iterator[str]:
    later = {one["document"]: one for one in opened.documents}
    yield "| File | What it is | Result | Pages read | Read by OCR | What the report says |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in sorted(plain.documents, key=lambda one: one["document"]):
        what = manifest.get(one["document"], {}).get("what", "inside another file")
        yield _row(one["document"], what, one)
        if manifest.get(one["document"], {}).get("password"):
            yield _row(one["document"], "the same, with its password", later[one["document"]])
    yield ""
    yield _summary("Without passwords", plain)
    yield _summary("With the passwords", opened)


def _row(name: str, what: str, one: dict[str, Any]) -> str:
    said = [problem["reason"] for problem in one["problems"]] + one["flags"]
    cells = [
        f"`{name}`",
        what,
        one["status"],
        f"{one['pages_read']} of {one['pages']}",
        str(one["ocr_pages"] or ""),
        "; ".join(said[:4]) + (f"; and {len(said) - 4} more" if len(said) > 4 else ""),
    ]
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |"


def _summary(title: str, run: Run) -> str:
    ends = [one["status"] for one in run.documents]
    counts = ", ".join(f"{ends.count(end)} {end}" for end in sorted(set(ends)))
    tried = "not watched (no strace)" if run.connections is None else str(run.connections)
    return (
        f"- {title}: {counts}; peak memory of all processes together {run.peak_mib:,.0f} MiB; "
        f"processes left {len(run.processes_left)}, temporary files left {len(run.files_left)}, "
        f"connections tried {tried}."
    )


def _put(page: Path, text: str) -> None:
    """Replace what stands between the marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}", encoding="utf-8")


def _files(data: Path) -> set[str]:
    folder = data / "files"
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}


def _manifest(data: Path) -> dict[str, dict[str, Any]]:
    lines = (data / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.strip()]
    return {one["file"].removeprefix("files/"): one for one in entries}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with `files/` and `manifest.jsonl`")
    parser.add_argument("--write", type=Path, help="page whose marked table is replaced; else it is printed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
