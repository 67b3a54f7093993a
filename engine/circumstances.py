"""How answers come about on this machine, apart from the model's weights: what a replay must find again.

Each fact names one cause that can make the same prompt give other words: our own code, the libraries, the
form in which prompts are written, threads and slots. No fact is a word of a document or a secret.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

from engine.models.base import (
    Conversation,
    Generator,
    PromptPassage,
    Speaker,
    Turn,
    conditions_of,
)
from storage.ids import canonical_json, sha256_of
from storage.records import JsonValue

_LIBRARIES = {
    "llama.cpp": ("xllamacpp", "openai-harmony"),
    "transformers": (
        "transformers",
        "torch",
        "tokenizers",
        "openai-harmony",
        "triton",
        "kernels",
        "tokenspeed-triton-kernels",
        "bitsandbytes",
        "torchao",
        "peft",
    ),
    "remote": ("httpx",),
}
# Every part that a prompt can have, so that any change of a model's form changes the ids.
_PROBE = Conversation(
    rules="Answer from the passages.",
    question="What is the rent?",
    passages=(PromptPassage(1, "lease.pdf", 14, "Rent", "The rent is $4,500 a month."),),
    turns=(Turn(Speaker.USER, "Who pays?"), Turn(Speaker.ASSISTANT, "The tenant.")),
)


class Circumstances:
    """Says how answers are made here. The search's part is what `search` tells."""

    def __init__(self, *, search: Callable[[], Mapping[str, JsonValue]] = dict) -> None:
        self._search = search
        self._forms: dict[str, str] = {}

    def of(self, generator: Generator, *, asked: bool = True) -> dict[str, JsonValue]:
        """The `made_with` of a record; `asked` is False where no model wrote anything and none is loaded."""
        told: dict[str, JsonValue] = {
            "muniment": metadata.version("muniment"),
            "code_sha256": code_digest(),
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
            "search": dict(self._search()),
        }
        if asked:
            runs = {name: one for name, one in conditions_of(generator).items() if name != "form_sha256"}
            told["libraries"] = dict(_versions(generator.identity.runtime))
            told["form_sha256"] = self.form(generator)
            told["runs"] = runs
        return told

    def form(self, generator: Generator) -> str:
        identity = generator.identity
        if identity.digest not in self._forms:
            self._forms[identity.digest] = form_digest(generator)
        return self._forms[identity.digest]


def form_digest(generator: Generator) -> str:
    """Hex SHA-256 over a fixed conversation as this model is given it: its template, marks and vocabulary."""
    told = conditions_of(generator).get("form_sha256")
    return told if isinstance(told, str) else sha256_of(canonical_json(list(generator.render(_PROBE))))


@cache
def code_digest() -> str:
    """Hex SHA-256 over every file of the engine: what makes prompts and checks replies."""
    root = Path(__file__).parent
    files = sorted(one for one in root.rglob("*") if one.suffix in (".py", ".md"))
    return sha256_of(
        canonical_json({str(one.relative_to(root)): sha256_of(one.read_bytes()) for one in files})
    )


def _versions(runtime: str) -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES.get(runtime, ()):
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            # Not every machine has every library of a runtime, and what is absent did not bear on it.
            continue
