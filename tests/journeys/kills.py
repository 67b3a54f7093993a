"""Kill loads at random points, and compare what is there in the end with a load that nobody disturbed.

`python -m tests.journeys.kills --kills 200` runs it at full length. Each load is a process of its own, as a
command line makes it, with an embedder that costs nothing; it is killed with SIGKILL after a random time and
started again, until all documents are live. Then everything is compared, and the next load begins.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from email.message import EmailMessage
from pathlib import Path, PurePosixPath

from sqlalchemy import text

from storage.records import Document
from tests.data import make

DOCUMENTS = 50
_READY = "loading"
_LONGEST_S = 240
_ORPHANS = {
    "pages without a version": "SELECT count(*) FROM page WHERE version_id NOT IN (SELECT id FROM version)",
    "chunks without a version": "SELECT count(*) FROM chunk WHERE version_id NOT IN (SELECT id FROM version)",
    "versions without a document": "SELECT count(*) FROM version v WHERE NOT EXISTS"
    " (SELECT 1 FROM document d WHERE d.id = v.document_id AND d.matter_id = v.matter_id)",
    "documents without a version": "SELECT count(*) FROM document d WHERE NOT EXISTS"
    " (SELECT 1 FROM version v WHERE d.id = v.document_id AND d.matter_id = v.matter_id)",
    "versions that are not live": "SELECT count(*) FROM version WHERE state <> 'live'",
    "documents with two versions": "SELECT count(*) FROM"
    " (SELECT 1 FROM version GROUP BY matter_id, document_id HAVING count(*) > 1) AS double",
}


def documents(folder: Path, count: int = DOCUMENTS) -> Path:
    """Small files of mixed kinds; every fifth is a mail with a file in it, the same in half of them."""
    folder.mkdir()
    for number in range(count):
        clauses = [f"{n}. The fee in schedule {number} is ${n},000, due on day {n}." for n in range(1, 30)]
        stem = folder / f"{number:02}"
        kind = number % 5
        if kind == 0:
            stem.with_suffix(".txt").write_text("\n\n".join(clauses))
        elif kind == 1:
            pages = [[f"Page {page} of lease {number}", *clauses[page : page + 9]] for page in range(4)]
            make.pdf(stem.with_suffix(".pdf"), pages)
        elif kind == 2:
            body = "".join(f"<p>{clause}</p>" for clause in clauses)
            stem.with_suffix(".html").write_text(f"<html><body><h1>Deal {number}</h1>{body}</body></html>")
        elif kind == 3:
            stem.with_suffix(".md").write_text(f"# Memo {number}\n\n" + "\n\n".join(clauses))
        else:
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = "a@example.com", "b@example.com", f"Deal {number}"
            mail.set_content("\n".join(clauses))
            enclosed = "The common terms." if number % 10 == 4 else f"Terms of deal {number}."
            mail.add_attachment(enclosed.encode(), maintype="text", subtype="plain", filename="terms.txt")
            stem.with_suffix(".eml").write_bytes(mail.as_bytes())
    return folder


def load(home: Path, folder: Path) -> None:
    """What `muniment ingest` does, with an embedder that has no weights."""
    from app.settings import Settings
    from app.wiring import build
    from engine.models.scripted import ScriptedGenerator
    from ingest.sources import gathered
    from storage.embedding import HashingEmbedder

    services = build(Settings(home=home), embedder=HashingEmbedder(), generator=ScriptedGenerator(""))
    actor = services.accounts.local_operator()
    if not services.library.matters():
        services.library.create_matter("Deal", actor)
    scope = services.access.scope(actor, "Deal")
    sys.stdout.write(f"{_READY}\n")
    sys.stdout.flush()
    services.importer.resume(scope)
    with gathered([folder], services.limits) as sources:
        report = services.importer.run(scope, sources)
    services.close()
    sys.stdout.write(json.dumps({one.document: one.status.value for one in report.documents}))


def killed(home: Path, folder: Path, after_s: float | None) -> dict[str, str] | None:
    """One load, killed so long after it began; its report if it came to its end first."""
    command = [sys.executable, "-m", "tests.journeys.kills", "--load", str(home), str(folder)]
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline().strip() != _READY:
        raise AssertionError(f"the load ended with {process.wait()} before it began")
    limit = threading.Timer(_LONGEST_S if after_s is None else after_s, process.send_signal, [signal.SIGKILL])
    limit.start()
    said, _ = process.communicate()
    limit.cancel()
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"the load ended with {process.returncode}")
    return json.loads(said) if process.returncode == 0 else None


def inventory(home: Path) -> dict[str, object]:
    """All that a load left, without what differs between two matters by nature."""
    from storage.audit import AuditLog
    from storage.database import Database
    from storage.embedding import HashingEmbedder
    from storage.library import Library
    from storage.records import Actor, Role, Scope
    from storage.rooms import Rooms

    database = Database.in_folder(home)
    audit = AuditLog(database)
    library = Library(database, home, audit)
    rooms = Rooms(library, HashingEmbedder())
    [matter] = library.matters()
    scope = Scope(matter, Actor("system", "system", Role.ADMINISTRATOR, "system"))
    with database.read() as connection:
        orphans = {name: connection.execute(text(query)).scalar_one() for name, query in _ORPHANS.items()}
    room = rooms.room(scope)
    shown = library.documents(scope)
    live = library.live_chunk_ids(scope)
    folder = library.room_folder(matter)
    named = {one.sha256 for one in shown}
    found: dict[str, object] = {
        "orphans": {name: count for name, count in orphans.items() if count},
        # After a kill it is made anew when it is opened: what counts is what it then answers from.
        "room agrees": room.check(),
        "chunks in the room": len(room) == len(live),
        "originals": {file.name for file in (folder / "originals").iterdir()} == named,
        "work files": [file.name for file in (folder / "work").rglob("*")],
        "documents": {
            _known_as(one): (one.state.value, one.sha256, one.page_count, one.pages_read, one.flags)
            for one in shown
        },
        "pages": {_known_as(one): [page.text for page in library.pages(scope, one.id)] for one in shown},
        "chunks": {
            _known_as(one): [
                (chunk.text, chunk.context) for chunk in library.chunks_of(scope, one.version_id)[0]
            ]
            for one in shown
        },
        "log": audit.verify().ok,
    }
    rooms.close()
    database.close()
    return found


def _known_as(document: Document) -> str:
    """Its path; of a file that came in a mail its name and bytes: one that came in several is kept once.

    Under which of the mails it lies is decided by which was read first, and a kill may change that.
    """
    if document.parent_id is None:
        return document.path
    return f"{PurePosixPath(document.path).name} {document.sha256}"


def rehearse(workplace: Path, *, kills: int, seed: int, count: int = DOCUMENTS) -> int:
    """Kill loads so many times; returns how many loads were brought to their end.

    Raises:
        AssertionError: something was lost, double, half or left over.
    """
    moments = random.Random(seed)
    folder = documents(workplace / "documents", count)
    began = time.monotonic()
    killed(workplace / "undisturbed", folder, None)
    # Includes what follows the start, so that kills fall on the last steps too.
    whole_s = time.monotonic() - began
    expected = inventory(workplace / "undisturbed")
    done, loads = 0, 0
    while done < kills:
        home = workplace / f"home-{loads}"
        report = None
        while report is None:
            # Short times are many: the steps of a load are short.
            after_s = None if done == kills else moments.uniform(0, whole_s) * moments.random()
            report = killed(home, folder, after_s)
            done += report is None
        _same(inventory(home), expected, f"seed {seed}, load {loads}")
        loads += 1
        sys.stderr.write(f"{done} of {kills} kills, {loads} loads complete\n")
    return loads


def _same(found: dict[str, object], expected: dict[str, object], where: str) -> None:
    for name, value in expected.items():
        if found[name] != value:
            raise AssertionError(f"{where}: {name} differ: {found[name]!r:.2000} is not {value!r:.2000}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--load", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.load:
        asked.load[0].mkdir(mode=0o700, exist_ok=True)
        load(*asked.load)
        return
    with tempfile.TemporaryDirectory() as workplace:
        # What a killed process leaves in the system's folder must not outlive this run either.
        os.environ["TMPDIR"] = workplace
        loads = rehearse(Path(workplace), kills=asked.kills, seed=asked.seed)
    sys.stdout.write(
        f"{asked.kills} kills, seed {asked.seed}: {loads} loads as if nobody had disturbed them\n"
    )


if __name__ == "__main__":
    main()
