"""The models in this machine's folders of models: installed, approved, checked, and each act on record.

What lies in a folder of models answers only when a manifest names its files, that manifest was approved here,
and the files are still those. Small files are compared when a model is chosen, weights in full before they
are loaded. What a setting names by a path elsewhere, and has no manifest, is the administrator's word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from engine.models import installing, manifest
from engine.models.base import ModelIdentity
from engine.models.manifest import Approval, Manifest, Mismatch
from storage.audit import AuditLog
from storage.errors import MunimentError, NotFound, Refused
from storage.ids import now, timestamp
from storage.records import Actor, JsonValue

Digest = Callable[[], str]
"""Reads a model's files in full, and gives their digest or raises `Refused`."""


class NotApproved(Refused):
    """Nobody said that this model may answer."""


def seal(folder: Path, models: Sequence[Path] = ()) -> Digest | None:
    """What must be called before the weights in that folder are loaded; None for one outside all rules.

    Args:
        folder: the model's.
        models: the folders of models, in which everything must be approved.

    Raises:
        NotApproved: it may not answer.
        Refused: a small file is not the one that was approved.
        Broken: its manifest cannot be read.
    """
    made = manifest.read(folder)
    if made is None:
        if not any(folder.absolute().is_relative_to(one.absolute()) for one in models):
            return None
        raise NotApproved(
            f"{folder.name} was put there by hand and is not approved; look at it, then "
            f"`muniment model approve {folder.name}`"
        )
    if not made.is_approved:
        raise NotApproved(
            f"{made.name} is not approved; look at it, then `muniment model approve {made.name}`"
        )
    _refuse(made, next(manifest.mismatches(folder, made, weights=False), None))

    def digest() -> str:
        _refuse(made, next(manifest.mismatches(folder, made), None))
        return made.digest

    return digest


class InstalledModels:
    """The models of one data folder and of the folder that the administrator named."""

    def __init__(self, folders: Sequence[Path], audit: AuditLog) -> None:
        """Looks at nothing yet. The first folder is the one that is installed into."""
        self._folders, self._audit = tuple(folders), audit
        self._installing = Lock()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where models are looked for, in order."""
        return self._folders

    def all(self) -> list[tuple[Path, Manifest]]:
        """Every installed model whose manifest can be read, by folder and name."""
        found = []
        for folder in (
            one for models in self._folders if models.is_dir() for one in sorted(models.iterdir())
        ):
            if folder.name.startswith("."):
                continue
            try:
                made = manifest.read(folder)
            except MunimentError:
                # The choice of that model tells it; the others can be listed.
                continue
            if made is not None:
                found.append((folder, made))
        return found

    def folder(self, name: str) -> Path:
        """Where the model of that name lies. Raises `NotFound`."""
        for models in self._folders:
            if name not in ("", ".", "..") and (models / name).is_dir() and "/" not in name:
                return models / name
        raise NotFound(f"no model is installed as {name!r}; `muniment model list` shows them")

    def manifest(self, name: str) -> Manifest | None:
        """What was installed under that name; None for one put there by hand. Raises `NotFound`, `Broken`."""
        return manifest.read(self.folder(name))

    def install(
        self,
        source: str | Path,
        *,
        name: str | None = None,
        actor: Actor,
        on_progress: installing.Progress | None = None,
    ) -> tuple[Manifest, tuple[str, ...]]:
        """Copy a model in; gives its manifest and what was left out.

        Raises:
            Refused: another install runs, or as `installing.install`.
        """
        if not self._installing.acquire(blocking=False):
            raise Refused("another install runs; wait for it")
        try:
            planned = installing.plan(source)
            made = installing.install(
                planned,
                self._folders[0],
                name=name,
                by=actor.name,
                at=timestamp(now()),
                on_progress=on_progress,
            )
        except MunimentError as error:
            self.refused(str(source), error, actor=actor)
            raise
        finally:
            self._installing.release()
        self._audit.append("model.installed", actor, data=_recorded(made))
        return made, planned.left_out

    def approve(self, name: str, *, actor: Actor) -> Manifest:
        """Say that exactly the files of now may answer; one put there by hand gets its manifest first.

        Raises:
            NotFound: there is no such model.
            Refused: its files are not those that were installed.
        """
        folder = self.folder(name)
        made = manifest.read(folder) or self._taken_in(folder, actor)
        _refuse(made, next(manifest.mismatches(folder, made), None))
        # On record before it holds.
        self._audit.append("model.approved", actor, data=_recorded(made))
        made = replace(made, approval=Approval(actor.name, timestamp(now()), made.digest))
        manifest.write(folder, made)
        return made

    def verify(self, name: str, *, actor: Actor) -> list[Mismatch]:
        """Read every byte and name what is not as it was installed. Raises `NotFound`, `Refused`."""
        made = self.manifest(name)
        if made is None:
            raise NotApproved(
                f"{name} has no manifest to compare with; `muniment model approve {name}` makes it"
            )
        found = list(manifest.mismatches(self.folder(name), made))
        data: dict[str, JsonValue] = {"ok": not found, "files": [one.file for one in found]}
        self._audit.append("model.verified", actor, data=_recorded(made) | data)
        return found

    def seal(self, folder: Path, *, actor: Actor) -> Digest | None:
        """As the function `seal`; the approval must be in this data folder's log, a refusal goes into it."""
        digest = seal(folder, self._folders)
        if digest is None:
            return None
        made = manifest.read(folder)
        if made is not None and not self._audit.entries(kinds=["model.approved"], text=made.digest, limit=1):
            raise NotApproved(
                f"{made.name} was approved elsewhere and not here; look at it, then "
                f"`muniment model approve {made.name}`"
            )

        def checked() -> str:
            try:
                return digest()
            except Refused as error:
                self.refused(folder.name, error, actor=actor)
                raise

        return checked

    def approval(self, digest: str) -> Approval | None:
        """Who approved the model of that digest, if it is an installed one."""
        return next((made.approval for _, made in self.all() if made.digest == digest), None)

    def chosen(self, identity: ModelIdentity, *, actor: Actor) -> None:
        """Record which model answers from now on."""
        approval = self.approval(identity.digest)
        data: dict[str, JsonValue] = {**identity.to_json(), "approved_by": approval.by if approval else None}
        self._audit.append("model.chosen", actor, data=data)

    def refused(self, model: str, error: MunimentError, *, actor: Actor) -> None:
        """Record that a model was not taken."""
        self._audit.append("model.refused", actor, data={"model": model, "reason": str(error)})

    def _taken_in(self, folder: Path, actor: Actor) -> Manifest:
        planned = installing.plan(folder)
        kind, model_id = installing.described(folder)
        made = Manifest(
            name=folder.name,
            id=model_id,
            kind=kind,
            source="put there by hand",
            installed_by=actor.name,
            installed_at=timestamp(now()),
            files=manifest.listed(folder),
        )
        installing.check_hashes(planned, made.files)
        return made


def _refuse(made: Manifest, found: Mismatch | None) -> None:
    if found is not None:
        raise Refused(
            f"{made.name}: {found.file} is {found.problem}, and the model is refused; `muniment model verify "
            f"{made.name}` names every file; install the model again"
        )


def _recorded(made: Manifest) -> dict[str, JsonValue]:
    return {
        "model": made.name,
        "id": made.id,
        "kind": made.kind,
        "source": made.source,
        "digest": made.digest,
        "files": len(made.files),
        "bytes": made.size,
        "checked_against": made.checked_against,
    }
