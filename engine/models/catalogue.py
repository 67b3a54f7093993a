"""Which models this machine has, and the choice between them.

What is listed as installed can answer now. A model that is known but whose weights or runtime are not here
is listed with the reason, and choosing it says the same; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.models import gguf
from engine.models.base import Generator
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.gpt_oss_gguf import GptOssGguf
from engine.models.loading import LoadOptions
from engine.models.obedient import obedient
from engine.models.scripted import ScriptedGenerator
from engine.models.transformers_runtime import TransformersGenerator
from storage.errors import Broken, MunimentError
from storage.records import JsonValue

EMBEDDED_ID = "SmolLM2-135M-Instruct"
GPT_OSS = ("gpt-oss-20b", "gpt-oss-120b")
_NO_OPTIONS = LoadOptions()


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model as `muniment model list` shows it."""

    name: str
    """What `MUNIMENT_MODEL` calls it."""
    id: str
    runtime: str
    installed: bool
    weights: Path | None
    note: str

    def to_json(self) -> dict[str, JsonValue]:
        return {
            "name": self.name,
            "id": self.id,
            "runtime": self.runtime,
            "installed": self.installed,
            "weights": None if self.weights is None else str(self.weights),
            "note": self.note,
        }


def available_models(folders: Sequence[Path] = (), options: LoadOptions = _NO_OPTIONS) -> list[ModelEntry]:
    """Every model that Muniment knows, best first, installed or not."""
    weights = embedded_weights()
    small = "small and quick: its own words often fail the check, and quotes stand in their place"
    return [
        *(_gpt_oss_entry(name, folders, options) for name in reversed(GPT_OSS)),
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
    name: str = "auto", *, folders: Sequence[Path] = (), options: LoadOptions = _NO_OPTIONS
) -> Generator:
    """The generator of that name, nothing loaded yet.

    Args:
        name: `auto` is the best gpt-oss that is in one of the folders and can be loaded here as it is, else
            the embedded model. `scripted` quotes the first passage and `obedient` does what any text tells
            it: for demonstrations and tests.
        folders: where models are looked for, in order.
        options: how a folder of weights is loaded.

    Raises:
        Broken: there is no such model here, or a part of it is missing.
        Refused: the model is here and cannot be loaded as asked.
    """
    if name == "auto":
        return _best(folders, options)
    if name == "embedded":
        return EmbeddedGenerator()
    if name == "scripted":
        return ScriptedGenerator()
    if name == "obedient":
        return obedient()
    if name in GPT_OSS:
        found = _folder_of(name, folders)
        if found is None:
            raise Broken(
                f"{name}: no weights on this machine; put its folder {name!r} into {_named(folders)}"
            )
        return _from_folder(found, folders, options)
    path = Path(name).expanduser()
    if name.endswith(".gguf"):
        return _from_gguf(path, folders)
    if path.is_dir():
        return _from_folder(path, folders, options)
    raise Broken(
        f"{name!r} is not a model that Muniment knows; choose `auto`, `embedded` or see `muniment model list`"
    )


def _best(folders: Sequence[Path], options: LoadOptions) -> Generator:
    # An adapter is made for one model, so what nobody named does not get it.
    plain = replace(options, adapter=None)
    for name in reversed(GPT_OSS):
        found = _folder_of(name, folders)
        if found is not None:
            try:
                return _from_folder(found, folders, plain)
            except MunimentError:
                # `muniment model list` tells the reason; the next best one may do.
                continue
    return EmbeddedGenerator()


def _gpt_oss_entry(name: str, folders: Sequence[Path], options: LoadOptions) -> ModelEntry:
    found = _folder_of(name, folders)
    if found is None:
        return ModelEntry(
            name, name, "none", installed=False, weights=None, note="no weights on this machine"
        )
    try:
        _from_folder(found, folders, options)
    except MunimentError as error:
        return ModelEntry(name, name, "transformers", installed=False, weights=found, note=str(error))
    return ModelEntry(name, name, "transformers", installed=True, weights=found, note="can be loaded here")


def _folder_of(name: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / name for folder in folders if (folder / name / "config.json").is_file()), None)


def _from_folder(path: Path, folders: Sequence[Path], options: LoadOptions) -> Generator:
    return TransformersGenerator(path, options=options, vocabularies=folders)


def _from_gguf(path: Path, folders: Sequence[Path]) -> Generator:
    if not path.is_file():
        raise Broken(f"{path}: there is no such file; name a .gguf file on this machine")
    if gguf.metadata(path).get("general.architecture") == "gpt-oss":
        return GptOssGguf(path, vocabularies=folders)
    return EmbeddedGenerator(path)


def _named(folders: Sequence[Path]) -> str:
    return " or ".join(str(folder) for folder in folders) or "a folder of models"
