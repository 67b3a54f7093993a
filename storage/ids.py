"""Identifiers and canonical forms. Content ids come from bytes; other ids are random and opaque."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import rfc8785

from storage.records import JsonValue

_READ_BYTES = 1 << 20


def sha256_of(data: bytes) -> str:
    """Hex SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces so that its size does not matter."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def content_id(prefix: str, *parts: str) -> str:
    """An id that the same content always gets: `prefix_` and 24 hex digits over the joined parts."""
    return f"{prefix}_{sha256_of(chr(0).join(parts).encode())[:24]}"


def random_id(prefix: str) -> str:
    """An id that says nothing: `prefix_` and 24 random hex digits."""
    return f"{prefix}_{secrets.token_hex(12)}"


def canonical_json(value: JsonValue) -> bytes:
    """The one RFC 8785 byte form of a JSON value; equal values have equal bytes."""
    return rfc8785.dumps(cast(Any, value))


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and a `Z`: sorts as text, and one moment has one form."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The inverse of `timestamp`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
