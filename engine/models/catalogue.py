"""Which models this machine has, and the choice between them.

What is listed as installed can answer now. A model that is known but whose weights, runtime or approval are
not here is listed with the reason, and choosing it says the same; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from engine.models import gguf, installed, manifest
from engine.models.base import Generator
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.gpt_oss_gguf import GptOssGguf
from engine.models.installed import Digest, NotApproved
from engine.models.loading import LoadOptions
from engine.models.manifest import Manifest
from engine.models.obedient import obedient
from engine.models.scripted import ScriptedGenerator
from engine.models.transformers_runtime import TransformersGenerator
from storage.errors import Broken, MunimentError, Refused
from storage.records import JsonValue

EMBEDDED_ID = "SmolLM2-135M-Instruct"
GPT_OSS = ("gpt-oss-20b", "gpt-oss-120b")
_NO_OPTIONS = LoadOptions()

Seal = Callable[[Path], Digest | None]
"""Refuses a folder that is not approved; gives what reads its files before they are loaded."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model as `muniment model list` shows it."""

    name: str
    """What `MUNIMENT_MODEL` calls it."""
    id: str
    runtime: str
    installed: bool
    """Whether it can answer now."""
    weights: Path | None
    note: str
    manifest: Manifest | None = None

    def to_json(self) -> dict[str, JsonValue]:
        made = self.manifest
        approval = made.approval if made and made.is_approved else None
        return {
            "name": self.name,
            "id": self.id,
            "runtime": self.runtime,
            "installed": self.installed,
            "weights": None if self.weights is None else str(self.weights),
            "note": self.note,
            "digest": made.digest if made else None,
            "bytes": made.size if made else None,
            "source": made.source if made else None,
            "approved_by": approval.by if approval else None,
            "approved_at": approval.at if approval else None,
        }


def available_models(
    folders: Sequence[Path] = (), options: LoadOptions = _NO_OPTIONS, *, seal: Seal | None = None
) -> list[ModelEntry]:
    """Every model that Muniment knows and every installed one, best first, whether it can answer or not."""
    weights = embedded_weights()
    small = "small and quick: its own words often fail the check, and quotes stand in their place"
    others = sorted({one.name for models in folders for one in _folders_in(models)} - set(GPT_OSS))
    return [
        *(_entry(name, folders, options, seal) for name in (*reversed(GPT_OSS), *others)),
        ModelEntry(
            "embedded",
            EMBEDDED_ID,
            "llama.cpp",
            installed=weights is not None,
            weights=weights,
            note=small if weights else "not installed; run `make run`",
        ),
    ]


def choose(
    name: str = "auto",
    *,
    folders: Sequence[Path] = (),
    options: LoadOptions = _NO_OPTIONS,
    seal: Seal | None = None,
) -> Generator:
    """The generator of that name, nothing loaded yet.

    Args:
        name: `auto` is the best gpt-oss that is in one of the folders, approved, and can be loaded here as it
            is, else the embedded model. `scripted` quotes the first passage and `obedient` does what any text
            tells it: for demonstrations and tests.
        folders: where models are looked for, in order.
        options: how a folder of weights is loaded.
        seal: in place of `engine.models.installed.seal`.

    Raises:
        Broken: there is no such model here, or a part of it is missing.
        Refused: the model is here and not approved, changed, or cannot be loaded as asked.
    """
    if name == "auto":
        return _best(folders, options, seal)
    if name == "embedded":
        return EmbeddedGenerator(**_llama(options))
    if name == "scripted":
        return ScriptedGenerator()
    if name == "obedient":
        return obedient()
    found = _folder_of(name, folders)
    if found is not None:
        return _from_folder(found, folders, options, seal)
    if name in GPT_OSS:
        raise Broken(f"{name}: no weights on this machine; `muniment model install FOLDER --name {name}`")
    path = Path(name).expanduser()
    if name.endswith(".gguf"):
        if not path.is_file():
            raise Broken(f"{path}: there is no such file; name a .gguf file on this machine")
        if path.parent.absolute() in {one.absolute() for one in folders}:
            raise NotApproved(f"{path.name} is not approved; `muniment model install {path} --approve`")
        return _from_gguf(path, folders, options, _sealed(path.parent, folders, seal))
    if path.is_dir():
        return _from_folder(path, folders, options, seal)
    raise Broken(
        f"{name!r} is not a model that Muniment knows; choose `auto`, `embedded` or see `muniment model list`"
    )


def _best(folders: Sequence[Path], options: LoadOptions, seal: Seal | None) -> Generator:
    # An adapter is made for one model, so what nobody named does not get it.
    plain = replace(options, adapter=None)
    for name in reversed(GPT_OSS):
        found = _folder_of(name, folders)
        if found is None:
            continue
        try:
            digest = _sealed(found, folders, seal)
        except NotApproved:
            # `muniment model list` tells the reason; the next best one may do. Changed files raise.
            continue
        try:
            return _opened(found, folders, plain, digest)
        except Refused:
            continue
        except Broken:
            if digest is not None:
                # What cannot be read may be what was changed, and then it is not passed over.
                digest()
    return EmbeddedGenerator(**_llama(options))


def _entry(name: str, folders: Sequence[Path], options: LoadOptions, seal: Seal | None) -> ModelEntry:
    found = _folder_of(name, folders)
    if found is None:
        return ModelEntry(
            name, name, "none", installed=False, weights=None, note="no weights on this machine"
        )
    runtime = "transformers" if (found / "config.json").is_file() else "llama.cpp"
    made, note, can_answer = None, "can be loaded here", True
    try:
        made = manifest.read(found)
        _from_folder(found, folders, options, seal)
    except MunimentError as error:
        note, can_answer = str(error), False
    return ModelEntry(name, made.id if made else name, runtime, can_answer, found, note, made)


def _folders_in(models: Path) -> list[Path]:
    """The folders that hold a model, by what they have in them."""
    if not models.is_dir():
        return []
    return [one for one in sorted(models.iterdir()) if not one.name.startswith(".") and _is_model(one)]


def _folder_of(name: str, folders: Sequence[Path]) -> Path | None:
    if "/" in name or name.startswith("."):
        return None
    return next((folder / name for folder in folders if _is_model(folder / name)), None)


def _is_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("config.json", manifest.MANIFEST))


def _sealed(folder: Path, folders: Sequence[Path], seal: Seal | None) -> Digest | None:
    return seal(folder) if seal else installed.seal(folder, folders)


def _from_folder(path: Path, folders: Sequence[Path], options: LoadOptions, seal: Seal | None) -> Generator:
    return _opened(path, folders, options, _sealed(path, folders, seal))


def _opened(path: Path, folders: Sequence[Path], options: LoadOptions, digest: Digest | None) -> Generator:
    files = sorted(path.glob("*.gguf"))
    if files and not (path / "config.json").is_file():
        return _from_gguf(files[0], folders, options, digest)
    return TransformersGenerator(
        path, options=options, vocabularies=folders, seal=digest, context_tokens=options.context_tokens
    )


def _from_gguf(path: Path, folders: Sequence[Path], options: LoadOptions, digest: Digest | None) -> Generator:
    if gguf.metadata(path).get("general.architecture") == "gpt-oss":
        return GptOssGguf(path, vocabularies=folders, seal=digest, **_llama(options))
    return EmbeddedGenerator(path, seal=digest, **_llama(options))


class _Llama(TypedDict, total=False):
    context_tokens: int
    threads: int | None
    decode_threads: int | None
    slots: int


def _llama(options: LoadOptions) -> _Llama:
    made = _Llama(threads=options.threads, decode_threads=options.decode_threads, slots=options.slots)
    if options.context_tokens is not None:
        made["context_tokens"] = options.context_tokens
    return made
