"""Let a cross-encoder of the administrator's put the first candidates of a search in order.

A cross-encoder reads the question and a passage together; none is shipped, because none that was tried ranked
better than what is there (docs/decisions/0027-trained-parts.md). Any folder that sentence-transformers loads
as a `CrossEncoder` will do; nothing is fetched and no code of the folder's is run. A pair longer than the
model reads is cut off by the model at its end.
This module knows nothing of searches, documents or scopes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.models.weights import folder_digest
from storage.errors import Broken

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_DIGITS = 16
_AT_ONCE = 16


class Reranker(Protocol):
    """Says how well texts answer a question; only the order of its scores means something."""

    @property
    def identity(self) -> str:
        """Names the exact weights."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score per text, in order, higher is better.

        Raises:
            Broken: the weights cannot be used.
        """


class CrossEncoderReranker:
    """A folder of weights, loaded at the first question; safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Look at the folder, and load nothing yet.

        Raises:
            Broken: the folder has no model with weights in safetensors form.
        """
        if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
            raise Broken(
                f"{folder} holds no reranker (config.json and *.safetensors of a CrossEncoder); "
                "check MUNIMENT_RERANKER"
            )
        self._folder = folder
        self._loading = threading.Lock()
        self._model: CrossEncoder | None = None

    @cached_property
    def identity(self) -> str:
        """The folder's name and the beginning of its files' SHA-256; reads every byte once."""
        return f"{self._folder.name} sha256:{folder_digest(self._folder)[:_DIGITS]}"

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """See `Reranker.scores`."""
        if not texts:
            return []
        pairs = [(query, text) for text in texts]
        given = self._loaded().predict(pairs, batch_size=_AT_ONCE, show_progress_bar=False)
        if given.shape != (len(texts),):
            raise Broken(
                f"the reranker {self._folder.name} gives {given.shape[-1]} numbers for a passage, not one; "
                "choose another folder"
            )
        found = [float(one) for one in given]
        if not all(map(math.isfinite, found)):
            raise Broken(f"the reranker {self._folder.name} gives scores that are not numbers; check it")
        return found

    def _loaded(self) -> CrossEncoder:
        with self._loading:
            if self._model is None:
                self._model = _load(self._folder)
            return self._model


def _load(folder: Path) -> CrossEncoder:
    from safetensors import SafetensorError
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    # Loading takes a moment; a progress bar on somebody's terminal is no part of it.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: CrossEncoder = CrossEncoder(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            # Other forms of weights can run code when they are read.
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, SafetensorError) as error:
        raise Broken(
            f"the reranker in {folder} cannot be loaded ({type(error).__name__}); check its files"
        ) from error
    return model
