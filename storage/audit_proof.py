"""Check an audit log against itself and against checkpoints kept elsewhere.

Everything is recomputed from the canonical bytes. The same checker reads a live log and an export, and needs
no database, no account and no key. It cannot know what was never recorded, and entries after the last
checkpoint can be rewritten by whoever may write the database: the result says how many those are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rfc8785 import CanonicalizationError

from storage.errors import NotFound, WrongUse
from storage.ids import canonical_json
from storage.merkle import Frontier, leaf_hash
from storage.records import JsonValue

FIELDS = frozenset({"index", "at", "kind", "actor", "matter", "data"})
ACTOR_FIELDS = frozenset({"id", "name", "role", "via", "session", "address"})
_PROGRESS_EVERY = 1_000


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's size and root at a moment. Worth something only when it is kept out of the log's reach."""

    origin: str
    """Which log: `muniment/` and the start of the first entry's leaf hash."""
    size: int
    head: str
    """Hex RFC 6962 root of the first `size` entries."""
    at: str
    """When it was taken, in the form of `storage.ids.timestamp`."""

    def to_json(self) -> dict[str, JsonValue]:
        """The fields as a JSON object."""
        return {"origin": self.origin, "size": self.size, "head": self.head, "at": self.at}

    def text(self) -> str:
        """One line of JSON, to be kept in a file, a mail or on paper."""
        return canonical_json(self.to_json()).decode()


def parse_checkpoints(text: str) -> list[Checkpoint]:
    """Read checkpoints: one JSON object, or one on each line.

    Raises:
        WrongUse: some line is not a checkpoint.
    """
    try:
        objects = [json.loads(text)]
    except ValueError:
        try:
            objects = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise WrongUse("the file is not a checkpoint; give one JSON object on each line") from error
    return [_checkpoint(value) for value in objects]


def _checkpoint(value: Any) -> Checkpoint:
    match value:
        case {"origin": str(origin), "size": int(size), "head": str(head), "at": str(at)} if size >= 0:
            return Checkpoint(origin, size, head.lower(), at)
    raise WrongUse("a checkpoint needs origin, size, head and at, as `muniment audit checkpoint` writes it")


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry as found, nothing of it believed yet."""

    index: int
    canonical: bytes
    leaf_hash: str
    head: str
    columns: Mapping[str, str | None] | None = None
    """The columns `at`, `kind`, `actor` and `matter_id` as stored; None in an export, which has none."""
    problem: str | None = None
    """Why it could not even be read, when that is so."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check found."""

    size: int
    """How many entries were found."""
    first_bad: int | None
    """Index of the first entry that is missing, changed or no longer what a checkpoint saw."""
    reason: str | None
    anchored: Checkpoint | None
    """The largest checkpoint that agreed."""

    @property
    def ok(self) -> bool:
        """True when nothing was found wrong."""
        return self.reason is None

    @property
    def unanchored(self) -> int:
        """How many entries lie after the last checkpoint that agreed: no outside copy speaks for them."""
        return self.size - (min(self.anchored.size, self.size) if self.anchored else 0)

    def to_json(self) -> dict[str, JsonValue]:
        """The fields of `audit verify --json`."""
        anchored: JsonValue = None
        if self.anchored:
            anchored = {"size": self.anchored.size, "at": self.anchored.at}
        return {
            "ok": self.ok,
            "size": self.size,
            "first_bad": self.first_bad,
            "reason": self.reason,
            "anchored": anchored,
            "unanchored": self.unanchored,
        }


def verify_entries(
    entries: Iterable[StoredEntry],
    *,
    checkpoints: Sequence[Checkpoint] = (),
    declared: Checkpoint | None = None,
    on_progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Verification:
    """Check entries in the order in which they are stored, and the checkpoints as their sizes are reached.

    `declared` is what an export says of its own end; it anchors nothing. `on_progress` is told how many
    entries were read. When `cancelled` says so, the check ends as not passed.
    """
    check = _Check(checkpoints, declared)
    for count, entry in enumerate(entries, start=1):
        check.take(entry)
        if count % _PROGRESS_EVERY == 0:
            if on_progress:
                on_progress(count)
            if cancelled and cancelled():
                check.stop(None, f"the check was cancelled after {count} entries")
                break
    result = check.result()
    if on_progress:
        on_progress(result.size)
    return result


class _Check:
    """Follows one log from its first entry and keeps the first thing found wrong."""

    def __init__(self, checkpoints: Sequence[Checkpoint], declared: Checkpoint | None) -> None:
        self._declared = declared
        self._waiting = sorted(checkpoints, key=lambda checkpoint: checkpoint.size)
        self._tree = Frontier()
        self._origin: str | None = None
        self._found = 0
        self._anchored: Checkpoint | None = None
        self._first_bad: int | None = None
        self._reason: str | None = None
        self._compare_checkpoints()

    def take(self, entry: StoredEntry) -> None:
        """Check the next entry; after the first bad one the rest is only counted."""
        self._found += 1
        if self._reason is not None:
            return
        index = self._tree.size
        leaf = leaf_hash(entry.canonical)
        tree = self._tree.append(leaf)
        if reason := _wrong_with(entry, index, leaf=leaf.hex(), head=tree.root().hex()):
            self.stop(index, reason)
            return
        self._tree = tree
        if self._origin is None:
            self._origin = origin_of(leaf.hex())
        self._compare_checkpoints()

    def stop(self, index: int | None, reason: str) -> None:
        """Keep the first finding."""
        if self._reason is None:
            self._first_bad, self._reason = index, reason

    def result(self) -> Verification:
        """The finding, once every entry was taken."""
        size, declared = self._tree.size, self._declared
        if declared and declared.size != size:
            self.stop(
                min(size, declared.size),
                f"the export holds {size} entries, but its first line says {declared.size}",
            )
        if declared and declared.head != self._tree.root().hex():
            self.stop(None, "the export's first line names another root than its entries have")
        if self._waiting:
            longest = self._waiting[-1]
            self.stop(
                size,
                f"the log ends after {size} entries, but the checkpoint of {longest.at} saw "
                f"{longest.size}: its end was cut off",
            )
        return Verification(self._found, self._first_bad, self._reason, self._anchored)

    def _compare_checkpoints(self) -> None:
        size = self._tree.size
        root = self._tree.root().hex()
        while self._waiting and self._waiting[0].size == size and self._reason is None:
            checkpoint = self._waiting.pop(0)
            if checkpoint.head == root:
                self._anchored = checkpoint
                continue
            # Its own hashes agree, so the log was written anew; where, only an older checkpoint can narrow.
            first = self._anchored.size if self._anchored else 0
            stranger = " and comes from another log" if size and checkpoint.origin != self._origin else ""
            self.stop(
                first,
                f"the checkpoint of {checkpoint.at} over {size} entries has another root{stranger}: "
                f"entries {first} to {max(size - 1, 0)} are not those it saw",
            )


def _wrong_with(entry: StoredEntry, index: int, *, leaf: str, head: str) -> str | None:
    """The first thing wrong with an entry that should stand at `index`, or None."""
    if entry.problem:
        return f"entry {index} cannot be read: {entry.problem}"
    if entry.index != index:
        return f"entry {index} is missing: entry {entry.index} stands in its place"
    if entry.leaf_hash != leaf:
        return f"entry {index} was changed: its content does not have its leaf hash"
    fields = _fields(entry.canonical)
    if fields is None:
        return f"entry {index} is not in canonical form"
    if fields["index"] != index or isinstance(fields["index"], bool):
        return f"entry {index} says of itself that it is entry {fields['index']}"
    if entry.columns is not None:
        told = {
            "at": fields["at"],
            "kind": fields["kind"],
            "actor": fields["actor"]["id"],
            "matter_id": fields["matter"],
        }
        for name, value in told.items():
            if entry.columns[name] != value:
                return f"entry {index} was changed: its column {name} is not what its content says"
    if entry.head != head:
        return f"entry {index} was changed: its head is not the root of the entries up to it"
    return None


def _fields(canonical: bytes) -> dict[str, Any] | None:
    """The fields of an entry, or None when the bytes are not the one canonical form of an entry."""
    try:
        value = json.loads(canonical)
        if canonical_json(value) != canonical:
            return None
    except (ValueError, RecursionError, CanonicalizationError):
        return None
    match value:
        case {"index": int(), "at": str(), "kind": str(), "actor": {"id": str(), **others}, "data": dict()}:
            if value.keys() == FIELDS and {"id", *others} == ACTOR_FIELDS:
                return cast("dict[str, Any]", value)
    return None


def origin_of(first_leaf_hash: str | None) -> str:
    """The name of a log, taken from its first entry so that no setting can be changed to hide a new log."""
    return f"muniment/{first_leaf_hash[:16] if first_leaf_hash else 'empty'}"


def verify_export(
    path: Path,
    checkpoints: Sequence[Checkpoint] = (),
    *,
    on_progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Verification:
    """Check an export with nothing but the file. Its first line speaks for its end, as a checkpoint does.

    Raises:
        NotFound: there is no such file.
        WrongUse: the file is not an export of an audit log.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as stream:
            return verify_entries(
                map(_exported, stream),
                checkpoints=checkpoints,
                declared=_header(path, stream.readline()),
                on_progress=on_progress,
                cancelled=cancelled,
            )
    except OSError as error:
        raise NotFound(f"the file {path} cannot be read ({error.strerror}); name an export") from error


def _header(path: Path, line: str) -> Checkpoint:
    try:
        return _checkpoint(json.loads(line))
    except (ValueError, WrongUse) as error:
        raise WrongUse(f"{path} is not an export; `muniment audit export` makes one") from error


def _exported(line: str) -> StoredEntry:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    match value:
        case {"index": int(index), "canonical": str(text), "leaf_hash": str(leaf), "head": str(head)}:
            # A lone surrogate becomes bytes that no hash agrees with, rather than an error of ours.
            return StoredEntry(index, text.encode("utf-8", "surrogatepass"), leaf, head)
    return StoredEntry(-1, b"", "", "", problem="its line in the export is damaged")
