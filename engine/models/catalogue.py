"""Which models this machine has, and the choice between them.

What is listed as installed can answer now. A model that is known but whose weights or runtime are not here
is listed as such, and choosing it says so; nothing is ever fetched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.models.base import Generator
from engine.models.embedded import EmbeddedGenerator, embedded_weights
from engine.models.scripted import ScriptedGenerator
from storage.errors import Broken
from storage.records import JsonValue

EMBEDDED_ID = "SmolLM2-135M-Instruct"
GPT_OSS = ("gpt-oss-20b", "gpt-oss-120b")


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


def available_models() -> list[ModelEntry]:
    """Every model that Muniment knows, best first, installed or not."""
    weights = embedded_weights()
    small = "small and quick: its own words often fail the check, and quotes stand in their place"
    return [
        *(
            ModelEntry(name, name, "none", installed=False, weights=None, note="no weights on this machine")
            for name in reversed(GPT_OSS)
        ),
        ModelEntry(
            "embedded",
            EMBEDDED_ID,
            "llama.cpp",
            installed=weights is not None,
            weights=weights,
            note=small if weights else "not installed; run `make run`",
        ),
    ]


def choose(name: str = "auto") -> Generator:
    """The generator of that name, nothing loaded yet. Raises `Broken` where it cannot answer here.

    `auto` is the best one installed. `scripted` quotes the first passage: for demonstrations and tests.
    """
    if name in ("auto", "embedded"):
        return EmbeddedGenerator()
    if name == "scripted":
        return ScriptedGenerator()
    if name in GPT_OSS:
        raise Broken(
            f"{name}: no weights on this machine, and this version has no runtime for it; use `embedded`"
        )
    if name.endswith(".gguf") or Path(name).is_dir():
        raise Broken(
            f"{Path(name).name}: this version runs only its embedded model; set the model to `embedded`"
        )
    raise Broken(
        f"{name!r} is not a model that Muniment knows; choose `auto`, `embedded` or see `muniment model list`"
    )
