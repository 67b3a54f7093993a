"""The audit log: who did what, when and to which matter, in an order that can be proved.

An entry's canonical bytes are the truth; the columns repeat them for searching and are checked against them.
Every entry carries the RFC 6962 root of the log up to and including itself, so that one root kept elsewhere
(a checkpoint) speaks for all before it. Entries are written durably or the caller gets an error: what must
not happen unrecorded is written here first, or in the same transaction (`append_in`).

This module does not know what the kinds mean, and it records no text that its callers do not hand in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

from rfc8785 import CanonicalizationError
from sqlalchemy import Connection, Row, Text, cast, func, insert, literal_column, or_, select
from sqlalchemy.sql import ColumnElement

from storage.audit_proof import (
    Checkpoint,
    StoredEntry,
    Verification,
    origin_of,
    parse_checkpoints,
    verify_entries,
    verify_export,
)
from storage.database import Database
from storage.errors import Broken, NotFound, WrongUse
from storage.ids import canonical_json, moment, now, timestamp
from storage.merkle import Frontier, leaf_hash
from storage.records import Actor, AuditEntry, JsonValue
from storage.tables import audit

__all__ = ["AuditLog", "Checkpoint", "Verification", "parse_checkpoints", "verify_export"]

_ROWS_AT_ONCE = 1_000


class AuditLog:
    """The audit log of one database. Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._clock = clock
        # A tree that the table held at the start of some append. Only a head start: every append compares it
        # with the table inside its own transaction, so a rolled-back one, or another process, cannot mislead.
        self._tree = Frontier()

    def append(
        self, kind: str, actor: Actor, *, matter_id: str | None = None, data: Mapping[str, JsonValue]
    ) -> AuditEntry:
        """Write one entry; when this returns, it is durable.

        Raises:
            Broken: it could not be written. What it stands for must then not happen.
            WrongUse: `data` has no JSON form.
        """
        with self._database.write() as connection:
            return self.append_in(connection, kind, actor, matter_id=matter_id, data=data)

    def append_in(
        self,
        connection: Connection,
        kind: str,
        actor: Actor,
        *,
        matter_id: str | None = None,
        data: Mapping[str, JsonValue],
    ) -> AuditEntry:
        """Write one entry within a transaction of `Database.write`: both are kept, or neither.

        Raises:
            WrongUse: `data` has no JSON form.
        """
        if connection.dialect.name == "postgresql":
            # SQLite has one writer anyway; here others must wait until this entry is committed.
            connection.exec_driver_sql("LOCK TABLE audit_entry IN SHARE ROW EXCLUSIVE MODE")
        index, before = self._caught_up(connection)
        at = self._clock()
        canonical = _canonical(index, at, kind, actor, matter_id, data)
        leaf = leaf_hash(canonical)
        entry = AuditEntry(
            index=index,
            at=at,
            kind=kind,
            actor=actor.id,
            matter_id=matter_id,
            canonical=canonical,
            leaf_hash=leaf.hex(),
            head=before.append(leaf).root().hex(),
        )
        connection.execute(
            insert(audit).values(
                idx=entry.index,
                at=timestamp(at),
                kind=kind,
                actor=actor.id,
                matter_id=matter_id,
                canonical=canonical,
                leaf_hash=entry.leaf_hash,
                head=entry.head,
            )
        )
        return entry

    def _caught_up(self, connection: Connection) -> tuple[int, Frontier]:
        """The next index, and the tree over the table as this transaction sees it.

        A damaged log is still added to: refusing would let one flipped bit stop the firm's work and its
        inquiry, and the damage stays to be found where it is. The tree is then the one that the last head
        speaks of when it can be had, so that mending the damage from a backup makes all agree again.
        """
        head_column = _column(connection, "head")
        last = connection.execute(
            select(audit.c.idx, head_column).order_by(audit.c.idx.desc()).limit(1)
        ).first()
        if last is None:
            return 0, Frontier()
        size, head = last.idx + 1, _text(last.head)
        tree = Frontier()
        for start, leaves in (
            (self._tree, _kept_leaves),
            (Frontier(), _kept_leaves),
            (Frontier(), _made_leaves),
        ):
            tree = start.extend(leaves(connection, start.size))
            if (tree.size, tree.root().hex()) == (size, head):
                self._tree = tree
                return size, tree
        return size, tree

    def entries(
        self,
        *,
        kinds: Collection[str] | None = None,
        actor: str | None = None,
        matter_ids: Collection[str | None] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[AuditEntry]:
        """The newest entries that fit, newest first; `before` an index goes on with the page after it.

        Args:
            kinds: any of these kinds.
            actor: the actor's id.
            matter_ids: about any of these matters; None among them stands for entries about no matter.
            since: at or after.
            until: before.
            text: somewhere in the content, in upper or lower case.
            limit: at most so many.
            before: with a smaller index.
        """
        query = select(audit).order_by(audit.c.idx.desc()).limit(limit)
        if kinds is not None:
            query = query.where(audit.c.kind.in_(kinds))
        if actor is not None:
            query = query.where(audit.c.actor == actor)
        if matter_ids is not None:
            named = audit.c.matter_id.in_([one for one in matter_ids if one is not None])
            query = query.where(or_(named, audit.c.matter_id.is_(None)) if None in matter_ids else named)
        if since is not None:
            query = query.where(audit.c.at >= timestamp(since))
        if until is not None:
            query = query.where(audit.c.at < timestamp(until))
        if before is not None:
            query = query.where(audit.c.idx < before)
        with self._database.read() as connection:
            if text:
                escaped = json.dumps(text, ensure_ascii=False)[1:-1]
                query = query.where(_content(connection).icontains(escaped, autoescape=True))
            return [_entry(row) for row in connection.execute(query)]

    def entry(self, index: int) -> AuditEntry:
        """One entry.

        Raises:
            NotFound: the log has no such entry.
        """
        with self._database.read() as connection:
            row = connection.execute(select(audit).where(audit.c.idx == index)).first()
        if row is None:
            raise NotFound(f"the audit log has no entry {index}; `muniment audit list` shows the newest")
        return _entry(row)

    def size(self) -> int:
        """How many entries there are."""
        return self.checkpoint().size

    def head(self) -> str:
        """Hex RFC 6962 root over all entries."""
        return self.checkpoint().head

    def checkpoint(self) -> Checkpoint:
        """The log's size and root now, to be kept where nobody who can change the log can change it."""
        with self._database.read() as connection:
            return self._checkpoint(connection)

    def _checkpoint(self, connection: Connection) -> Checkpoint:
        query = select(audit.c.idx, _column(connection, "leaf_hash"), _column(connection, "head"))
        first = connection.execute(query.order_by(audit.c.idx).limit(1)).first()
        last = connection.execute(query.order_by(audit.c.idx.desc()).limit(1)).first()
        at = timestamp(self._clock())
        if first is None or last is None:
            return Checkpoint(origin_of(None), 0, Frontier().root().hex(), at)
        return Checkpoint(
            origin_of(_text(first.leaf_hash, errors="replace")),
            last.idx + 1,
            _text(last.head, errors="replace") or "",
            at,
        )

    def verify(
        self,
        *,
        checkpoints: Sequence[Checkpoint] = (),
        on_progress: Callable[[int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Verification:
        """Recompute the whole log from its canonical bytes and hold it against the checkpoints.

        Raises:
            Broken: the database cannot be read at all.
        """
        with self._database.read() as connection:
            return verify_entries(
                _stored(connection), checkpoints=checkpoints, on_progress=on_progress, cancelled=cancelled
            )

    def export(self, stream: TextIO) -> int:
        """Write the log as JSON lines that `verify_export` checks; returns how many entries."""
        with self._database.read() as connection:
            stream.write(self._checkpoint(connection).text() + "\n")
            count = 0
            for stored in _stored(connection):
                line: dict[str, JsonValue] = {
                    "index": stored.index,
                    "canonical": stored.canonical.decode(errors="replace"),
                    "leaf_hash": stored.leaf_hash,
                    "head": stored.head,
                }
                stream.write(json.dumps(line) + "\n")
                count += 1
            return count


def _canonical(
    index: int, at: datetime, kind: str, actor: Actor, matter_id: str | None, data: Mapping[str, JsonValue]
) -> bytes:
    try:
        return canonical_json(
            {
                "index": index,
                "at": timestamp(at),
                "kind": kind,
                "actor": {
                    "id": actor.id,
                    "name": actor.name,
                    "role": actor.role.value,
                    "via": actor.via,
                    "session": actor.session_id,
                    "address": actor.address,
                },
                "matter": matter_id,
                "data": dict(data),
            }
        )
    except (CanonicalizationError, UnicodeEncodeError) as error:
        raise WrongUse(
            f"{kind!r} cannot be recorded: its data have no JSON form; rename what it names"
        ) from error


def _kept_leaves(connection: Connection, start: int) -> Iterator[bytes]:
    column = _column(connection, "leaf_hash")
    query = select(column).where(audit.c.idx >= start).order_by(audit.c.idx)
    for (kept,) in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        try:
            yield bytes.fromhex(_text(kept) or "")
        except ValueError:
            yield b""


def _made_leaves(connection: Connection, start: int) -> Iterator[bytes]:
    query = select(audit.c.canonical).where(audit.c.idx >= start).order_by(audit.c.idx)
    for (canonical,) in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield leaf_hash(bytes(canonical))


def _entry(row: Row[Any]) -> AuditEntry:
    try:
        at = moment(row.at)
    except (TypeError, ValueError) as error:
        raise Broken(f"entry {row.idx} of the audit log is damaged; run `muniment audit verify`") from error
    return AuditEntry(row.idx, at, row.kind, row.actor, row.matter_id, row.canonical, row.leaf_hash, row.head)


def _content(connection: Connection) -> ColumnElement[str]:
    if connection.dialect.name == "postgresql":
        return func.convert_from(audit.c.canonical, "UTF8", type_=Text)
    return cast(audit.c.canonical, Text)


_TEXTS = ("at", "kind", "actor", "matter_id", "leaf_hash", "head")


def _stored(connection: Connection) -> Iterator[StoredEntry]:
    """All rows as they lie there, in order, whatever was done to them."""
    names = (*_TEXTS, "canonical")
    columns: list[ColumnElement[Any]] = [audit.c.idx, *(_column(connection, name) for name in names)]
    if connection.dialect.name == "sqlite":
        # A value of another type is equal to the eye but not to a query.
        columns += [literal_column(f"typeof({name})").label(f"{name}_type") for name in names]
    query = select(*columns).select_from(audit).order_by(audit.c.idx)
    for row in connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}):
        fields = dict(row._mapping)
        texts = {name: _text(fields[name]) for name in _TEXTS}
        yield StoredEntry(
            index=fields["idx"],
            canonical=bytes(fields["canonical"] or b""),
            leaf_hash=texts.pop("leaf_hash") or "",
            head=texts.pop("head") or "",
            columns=texts,
            problem=_wrong_type(fields),
        )


def _column(connection: Connection, name: str) -> ColumnElement[Any]:
    """A column as it lies there; on SQLite as bytes, for damaged text must be a finding and not an error."""
    if connection.dialect.name == "sqlite":
        return literal_column(f"CAST({name} AS BLOB)").label(name)
    return audit.c[name]


def _text(value: str | bytes | None, *, errors: str = "surrogateescape") -> str | None:
    return value.decode(errors=errors) if isinstance(value, bytes) else value


def _wrong_type(fields: Mapping[str, Any]) -> str | None:
    for name in (*_TEXTS, "canonical"):
        kind = fields.get(f"{name}_type")
        expected = {"canonical": ("blob",), "matter_id": ("text", "null")}.get(name, ("text",))
        if kind is not None and kind not in expected:
            return f"its column {name} holds a value of type {kind}"
    return None
