"""Copy a model from a folder or a stick into the folder of models, whole or not at all.

Nothing that could run code on loading comes along: pickled weights, programs, and links out of the folder
are refused. An install that was cut off goes on where it stopped. Nothing is ever fetched.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.models import gguf, manifest
from engine.models.manifest import Manifest, ModelFile
from engine.models.weights import read_checkpoint
from storage.errors import Broken, NotFound, Refused, WrongUse
from storage.records import JsonValue

Progress = Callable[[str, int, int], None]
"""Called with a file's name, and bytes done of all bytes."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TAKEN_NAMES = {"auto", "embedded", "scripted", "obedient", "kernels"}
_PICKLED = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib"}
_PROGRAMS = {".py", ".so", ".dll", ".dylib", ".sh", ".exe"}
_TAKEN = {".safetensors", ".gguf", ".json", ".txt", ".jinja", ".model", ".tiktoken", ".md", ""}
# Other forms of the same weights, as published beside those that are loaded.
_OTHER_FORMS = {"original", "metal"}
_SPLIT = re.compile(r"-\d{5}-of-\d{5}$")
_HASH_LISTS = ("SHA256SUMS", "SHA256SUMS.txt", "sha256sums.txt")
_HASH_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_PIECE = 4 << 20
_SPARE_BYTES = 100_000_000
_SOURCES = ".sources.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be copied."""

    source: Path
    files: dict[str, Path]
    """The path in the model's folder, and where it comes from."""
    left_out: tuple[str, ...]
    hashes: dict[str, str]
    hash_list: str | None


def plan(given: str | Path) -> Plan:
    """Look at a source and refuse what cannot be installed; nothing is written.

    Raises:
        NotFound: there is nothing there.
        WrongUse: it is no model, or more than one.
        Refused: it is a hub, or holds what could run code.
    """
    if str(given).startswith("hub:"):
        wanted = str(given).removeprefix("hub:")
        raise Refused(
            f"{wanted}: Muniment fetches nothing; on a machine with a network run `hf download {wanted} "
            "--local-dir FOLDER`, carry the folder here and install that"
        )
    source = Path(given)
    if source.is_file():
        if source.suffix != ".gguf":
            raise WrongUse(f"{source.name} is no .gguf file; name that or a folder of weights")
        return Plan(source, {source.name: source}, (), *_hashes(source.parent, source.name))
    if not source.is_dir():
        raise NotFound(f"there is nothing at {str(source)!r}; check the path and that the stick is mounted")
    files: dict[str, Path] = {}
    left_out = []
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if any(part.startswith(".") for part in name.parts) or name.parts[0] in _OTHER_FORMS:
            if len(name.parts) == 1:
                left_out.append(name.as_posix())
            continue
        _refuse_link(path, source)
        if not path.is_file() or name.as_posix() in _HASH_LISTS:
            continue
        _refuse_code(path, name.as_posix())
        if path.suffix in _TAKEN:
            files[name.as_posix()] = path
        else:
            left_out.append(name.as_posix())
    if "config.json" not in files:
        _refuse_many_gguf(source, files)
    return Plan(source, files, tuple(left_out), *_hashes(source))


def install(
    planned: Plan,
    models: Path,
    *,
    name: str | None = None,
    by: str,
    at: str,
    on_progress: Progress | None = None,
) -> Manifest:
    """Copy, hash and publish under one name; the manifest says what lies there and is not yet approved.

    Args:
        planned: what to copy.
        models: the folder of models, made where it is missing.
        name: what the model is called here; else its published name or that of its folder or file.
        by: who installs it.
        at: when, as a timestamp.
        on_progress: told about each piece.

    Raises:
        Refused: the name is taken, or a file is not what the source's own list of hashes says.
        Broken: there is too little room, or it cannot be copied or read.
    """
    kind, model_id = _described(planned)
    name = checked_name(name or model_id)
    target, staging = models / name, models / f".installing-{name}"
    if target.exists():
        raise Refused(f"{name} is there already; choose another --name, or remove {target} first")
    _make_ready(planned, staging)
    _check_room(planned, staging)
    copied = _copy_all(planned, staging, on_progress or (lambda _name, _done, _whole: None))
    files = manifest.listed(staging)
    for one in files:
        if copied.get(one.path, one.sha256) != one.sha256:
            raise Broken(f"{one.path} was not written as it was read; check the disk, then install again")
    try:
        check_hashes(planned, files)
    except Refused:
        # What is wrong must not be taken for finished by the next try.
        shutil.rmtree(staging)
        raise
    made = Manifest(
        name=name,
        id=model_id,
        kind=kind,
        source=str(planned.source),
        installed_by=by,
        installed_at=at,
        files=files,
        checked_against=planned.hash_list,
    )
    (staging / _SOURCES).unlink()
    manifest.write(staging, made)
    staging.rename(target)
    return made


def checked_name(name: str) -> str:
    """The name, if a model can be called so. Raises `WrongUse`."""
    if not _NAME.fullmatch(name) or name in _TAKEN_NAMES or name.endswith(".gguf"):
        raise WrongUse(f"a model cannot be called {name!r}; give another with --name")
    return name


def described(folder: Path) -> tuple[str, str]:
    """Kind and id of the model in a folder. Raises `Broken` when it is none."""
    if (folder / "config.json").is_file():
        return "safetensors", read_checkpoint(folder).name
    files = sorted(folder.glob("*.gguf"))
    if not files:
        raise Broken(f"{folder} holds no model; it has neither config.json nor a .gguf file")
    gguf.metadata(files[0])
    return "gguf", _SPLIT.sub("", files[0].stem)


def check_hashes(planned: Plan, files: tuple[ModelFile, ...]) -> None:
    """Hold files against the list that came with them, if one did. Raises `Refused`."""
    if planned.hash_list is None:
        return
    for one in files:
        if one.path not in planned.files:
            continue
        expected = planned.hashes.get(one.path)
        if expected is None:
            raise Refused(f"{one.path} is not in {planned.hash_list}; use a source that lists every file")
        if expected != one.sha256:
            raise Refused(
                f"{one.path} has another SHA-256 than {planned.hash_list} says; copy the source again"
            )
    left_out = tuple(f"{name}/" for name in planned.left_out)
    for name in sorted(set(planned.hashes) - set(planned.files)):
        if planned.source.is_dir() and name not in planned.left_out and not name.startswith(left_out):
            raise Refused(f"{name} stands in {planned.hash_list} and is not there; copy the source again")


def _described(planned: Plan) -> tuple[str, str]:
    if planned.source.is_file():
        gguf.metadata(planned.source)
        return "gguf", planned.source.stem
    return described(planned.source)


def _make_ready(planned: Plan, staging: Path) -> None:
    """An empty folder to copy to, or what an install of the same source left."""
    known: JsonValue = {
        name: [path.stat().st_size, path.stat().st_mtime_ns] for name, path in planned.files.items()
    }
    record = staging / _SOURCES
    try:
        same = json.loads(record.read_text(encoding="utf-8")) == known
    except (OSError, ValueError):
        same = False
    if not same:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700, parents=True)
        record.write_text(json.dumps(known), encoding="utf-8")


def _check_room(planned: Plan, staging: Path) -> None:
    there = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
    needed = sum(path.stat().st_size for path in planned.files.values()) - there + _SPARE_BYTES
    free = shutil.disk_usage(staging).free
    if needed > free:
        raise Broken(
            f"the model takes {needed // 1_000_000:,} MB more and {free // 1_000_000:,} MB are free at "
            f"{staging.parent}; make room"
        )


def _copy_all(planned: Plan, staging: Path, on_progress: Progress) -> dict[str, str]:
    """Copy what is not there yet; gives the hash of each file that was read in full just now."""
    whole = sum(path.stat().st_size for path in planned.files.values())
    done = 0
    hashes = {}
    for name, path in planned.files.items():
        target = staging / name
        size = path.stat().st_size
        if not (target.is_file() and target.stat().st_size == size):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            before = done

            def told(copied: int, name: str = name, before: int = before) -> None:
                on_progress(name, before + copied, whole)

            digest = _copy(path, part, told)
            if digest is not None:
                hashes[name] = digest
            part.replace(target)
        done += size
        on_progress(name, done, whole)
    return hashes


def _copy(source: Path, part: Path, told: Callable[[int], None]) -> str | None:
    """Append what is missing of a file; its hash, or None where it began in the middle."""
    digest = hashlib.sha256()
    at = part.stat().st_size if part.is_file() else 0
    begun = at == 0
    with source.open("rb") as taken, part.open("ab") as given:
        taken.seek(at)
        while piece := taken.read(_PIECE):
            given.write(piece)
            digest.update(piece)
            at += len(piece)
            told(at)
        given.flush()
        os.fsync(given.fileno())
    return digest.hexdigest() if begun else None


def _hashes(folder: Path, only: str | None = None) -> tuple[dict[str, str], str | None]:
    """The list of hashes that a source brings, and what it is called."""
    for name in (*_HASH_LISTS, *([f"{only}.sha256"] if only else [])):
        path = folder / name
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found = [_HASH_LINE.fullmatch(line.strip()) for line in lines if line.strip()]
            if not all(found):
                raise Broken(f"{path} is no list of SHA-256 hashes; write it with sha256sum")
            return {one[2].removeprefix("./"): one[1].lower() for one in found if one}, name
    kept = manifest.read(folder)
    if kept is not None:
        return {one.path: one.sha256 for one in kept.files}, manifest.MANIFEST
    return {}, None


def _refuse_link(path: Path, source: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(source.resolve()):
        raise Refused(
            f"{path.relative_to(source)} is a link out of the folder; copy with `cp -rL`, so that the "
            "files themselves are there"
        )


def _refuse_code(path: Path, name: str) -> None:
    if path.suffix in _PICKLED:
        raise Refused(
            f"{name}: pickled weights can run code when they are opened; take the safetensors form, and "
            "remove the file if the folder has both"
        )
    if path.suffix in _PROGRAMS:
        raise Refused(f"{name}: a model's own program is never run; take a model that needs none")
    if path.suffix != ".json" or path.name in ("tokenizer.json", "vocab.json"):
        return
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Broken(f"{name} cannot be read; copy the source again") from error
    if isinstance(value, dict) and "auto_map" in value:
        raise Refused(f"{name} asks for the model's own program (auto_map); take a model that needs none")


def _refuse_many_gguf(source: Path, files: dict[str, Path]) -> None:
    stems = {_SPLIT.sub("", path.stem) for path in files.values() if path.suffix == ".gguf"}
    if not stems:
        raise WrongUse(f"{source} holds no model; it has neither config.json nor a .gguf file")
    if len(stems) > 1:
        raise WrongUse(f"{source} holds {len(stems)} models; name one .gguf file")
