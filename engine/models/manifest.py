"""What an installed model consists of, who approved it, and whether its files are still those.

The manifest lies in the model's folder, is no part of the model, and names every file with size and SHA-256.
Its digest is the model's digest in every answer. Who may approve, and whether the audit log agrees, is not
known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.models.weights import model_files
from storage.errors import Broken
from storage.ids import canonical_json, sha256_of, sha256_of_file
from storage.records import JsonValue

MANIFEST = ".muniment-model.json"
_FORM = 1
_WEIGHTS = (".safetensors", ".gguf")


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, by its path in the folder with `/` between parts."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Who said that these files may answer."""

    by: str
    at: str
    digest: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A file that is not what the manifest says."""

    file: str
    problem: str
    """`changed`, `missing` or `not part of the model`."""


@dataclass(frozen=True)
class Manifest:
    """A model as it was installed."""

    name: str
    id: str
    kind: str
    """`safetensors` or `gguf`."""
    source: str
    """Where it came from, in words."""
    installed_by: str
    installed_at: str
    files: tuple[ModelFile, ...]
    checked_against: str | None = None
    """The list of hashes that came with the source; None when it had none."""
    approval: Approval | None = None

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical JSON of the files' paths and hashes."""
        return sha256_of(canonical_json({one.path: one.sha256 for one in self.files}))

    @property
    def is_approved(self) -> bool:
        """Whether exactly these files were approved."""
        return self.approval is not None and self.approval.digest == self.digest

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)

    @property
    def weights(self) -> list[str]:
        """Paths of the files with weights."""
        return [one.path for one in self.files if one.path.endswith(_WEIGHTS)]

    def to_json(self) -> dict[str, JsonValue]:
        given = self.approval
        approved: JsonValue = {"by": given.by, "at": given.at, "digest": given.digest} if given else None
        return {
            "form": _FORM,
            "name": self.name,
            "id": self.id,
            "kind": self.kind,
            "source": self.source,
            "installed_by": self.installed_by,
            "installed_at": self.installed_at,
            "checked_against": self.checked_against,
            "approved": approved,
            "digest": self.digest,
            "files": [{"path": one.path, "size": one.size, "sha256": one.sha256} for one in self.files],
        }


def listed(folder: Path) -> tuple[ModelFile, ...]:
    """Every file of the model in that folder, read in full."""
    return tuple(
        ModelFile(name, path.stat().st_size, sha256_of_file(path)) for name, path in model_files(folder)
    )


def read(folder: Path) -> Manifest | None:
    """The manifest in that folder; None when there is none. Raises `Broken` when it cannot be read."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["form"] != _FORM:
            raise ValueError("another form")
        manifest = _from_json(value)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Broken(f"{path} is damaged; install the model again") from error
    if manifest.digest != value["digest"]:
        raise Broken(f"{path} is damaged: its digest is not that of its files; install the model again")
    return manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Put the manifest into the folder, whole or not at all."""
    path = folder / MANIFEST
    part = path.with_suffix(".part")
    part.write_text(json.dumps(manifest.to_json(), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def mismatches(folder: Path, manifest: Manifest, *, weights: bool = True) -> Iterator[Mismatch]:
    """What in the folder is not as the manifest says.

    Args:
        folder: the model's.
        manifest: what it is held against.
        weights: read the weights too, in full; else only their sizes are compared.
    """
    found = dict(model_files(folder))
    for one in manifest.files:
        path = found.pop(one.path, None)
        if path is None:
            yield Mismatch(one.path, "missing")
        elif path.stat().st_size != one.size or (
            (weights or not one.path.endswith(_WEIGHTS)) and sha256_of_file(path) != one.sha256
        ):
            yield Mismatch(one.path, "changed")
    for name in found:
        yield Mismatch(name, "not part of the model")


def _from_json(value: dict[str, Any]) -> Manifest:
    approved = value["approved"]
    return Manifest(
        name=str(value["name"]),
        id=str(value["id"]),
        kind=str(value["kind"]),
        source=str(value["source"]),
        installed_by=str(value["installed_by"]),
        installed_at=str(value["installed_at"]),
        checked_against=value["checked_against"],
        approval=approved and Approval(str(approved["by"]), str(approved["at"]), str(approved["digest"])),
        files=tuple(ModelFile(str(f["path"]), int(f["size"]), str(f["sha256"])) for f in value["files"]),
    )
