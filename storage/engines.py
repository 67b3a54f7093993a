"""The engines that need nothing but the matter's folder: Chroma's files, and tantivy's."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from storage.index import VectorIndex
from storage.keywords import KeywordIndex
from storage.stores import Engine, KeywordStore, VectorStore

_VECTORS = "chroma"
_KEYWORDS = "keywords"


class ChromaFolder:
    """Vectors in a Chroma store in the matter's folder."""

    name = "chroma folder 1"
    is_local = True

    def open(self, folder: Path) -> VectorIndex:
        """See `Engine.open`."""
        return VectorIndex(folder / _VECTORS)

    def files(self, folder: Path) -> list[Path]:
        """See `Engine.files`."""
        return [path for path in (folder / _VECTORS).rglob("*") if path.is_file()]

    def discard(self, folder: Path) -> None:
        """See `Engine.discard`."""
        shutil.rmtree(folder / _VECTORS, ignore_errors=True)

    def close(self) -> None:
        """See `Engine.close`."""


class KeywordFolder:
    """Words in a tantivy index in the matter's folder."""

    name = "tantivy folder 2"
    is_local = True

    def open(self, folder: Path) -> KeywordIndex:
        """See `Engine.open`."""
        return KeywordIndex(folder / _KEYWORDS)

    def files(self, folder: Path) -> list[Path]:
        """See `Engine.files`."""
        found = (path for path in (folder / _KEYWORDS).rglob("*") if path.is_file())
        # Locks come and go with those who hold them.
        return [path for path in found if path.suffix != ".lock"]

    def discard(self, folder: Path) -> None:
        """See `Engine.discard`."""
        shutil.rmtree(folder / _KEYWORDS, ignore_errors=True)

    def close(self) -> None:
        """See `Engine.close`."""


@dataclass(frozen=True, slots=True)
class Indexes:
    """A matter's two indexes, open."""

    vectors: VectorStore
    keywords: KeywordStore

    def close(self) -> None:
        """Give back what they hold open."""
        self.vectors.close()
        self.keywords.close()


@dataclass(frozen=True, slots=True)
class Engines:
    """The engine of each kind of index."""

    vectors: Engine[VectorStore] = field(default_factory=ChromaFolder)
    keywords: Engine[KeywordStore] = field(default_factory=KeywordFolder)

    @property
    def names(self) -> tuple[str, str]:
        """What a room's stamp says of them."""
        return (self.vectors.name, self.keywords.name)

    @property
    def are_local(self) -> bool:
        """Whether all that the indexes hold lies in the matters' folders."""
        return self.vectors.is_local and self.keywords.is_local

    def open(self, folder: Path) -> Indexes:
        """Both indexes of the matter that has this folder."""
        vectors = self.vectors.open(folder)
        try:
            return Indexes(vectors, self.keywords.open(folder))
        except BaseException:
            vectors.close()
            raise

    def files(self, folder: Path) -> list[Path]:
        """The files in the folder that are the indexes."""
        return [*self.vectors.files(folder), *self.keywords.files(folder)]

    def discard(self, folder: Path) -> None:
        """Remove both indexes with all that they held."""
        self.vectors.discard(folder)
        self.keywords.discard(folder)

    def close(self) -> None:
        """Give connections back."""
        self.vectors.close()
        self.keywords.close()
