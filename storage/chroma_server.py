"""Vectors in a Chroma server: one collection for each matter, named by the matter's id.

The server must be in a private network: it asks nobody who they are. No text is sent to it. What it does with
its files cannot be seen from here: its ids are compared with SQL each time that a room is opened, and some
vectors must find themselves. A removed collection is found no more; when its bytes leave the disk is Chroma's
to say.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import chromadb
from chromadb.config import Settings
from chromadb.errors import NotFoundError
from httpx import TransportError

from storage.errors import Broken, Refused, WrongUse
from storage.index import ChromaIndex
from storage.records import Chunk, Vector, Vectors

_PORT = 8000


class ChromaServer:
    """The engine; it connects when the first index is opened."""

    name = "chroma server 1"
    is_local = False

    def __init__(self, url: str) -> None:
        """Take the server at a URL such as `http://chroma:8000`.

        Raises:
            WrongUse: that is no such URL.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise WrongUse("the vector store's URL must look like http://chroma:8000")
        self._host, self._port = parts.hostname, parts.port or _PORT
        self._ssl = parts.scheme == "https"
        self._lock = threading.Lock()
        self._client: Any = None

    def open(self, folder: Path) -> _ServerIndex:
        """See `Engine.open`."""
        with self._answering():
            index = _ServerIndex(self, self._connected(), folder.name)
            index.broadened()
            return index

    def files(self, folder: Path) -> list[Path]:  # noqa: ARG002 - nothing of it lies there
        """See `Engine.files`."""
        return []

    def discard(self, folder: Path) -> None:
        """See `Engine.discard`."""
        with self._answering():
            try:
                self._connected().delete_collection(folder.name)
            except NotFoundError:
                return

    def close(self) -> None:
        """See `Engine.close`."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except TransportError as error:
            raise self._silent() from error

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._refuse_public()
                settings = Settings(anonymized_telemetry=False)
                try:
                    self._client = chromadb.HttpClient(
                        host=self._host, port=self._port, ssl=self._ssl, settings=settings
                    )
                except ValueError as error:
                    raise self._silent() from error
            return self._client

    def _refuse_public(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise self._silent() from error
        for *_, address in found:
            if ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global:
                raise Refused(
                    f"the vector store {self._host!r} has a public address; give one in a private network"
                )

    def _silent(self) -> Broken:
        return Broken(
            f"the vector store at {self._host}:{self._port} does not answer; start it, "
            "or look at MUNIMENT_VECTOR_STORE_URL"
        )


class _ServerIndex(ChromaIndex):
    """A matter's collection; a server that does not answer is told apart from an index that is damaged."""

    def __init__(self, server: ChromaServer, client: Any, name: str) -> None:
        self._answering = server._answering
        super().__init__(client, name)

    def add(self, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        with self._answering():
            super().add(chunks, vectors)

    def remove(self, chunk_ids: Sequence[str]) -> None:
        with self._answering():
            super().remove(chunk_ids)

    def search(
        self, vector: Vector, *, limit: int, document_ids: frozenset[str] | None = None
    ) -> list[tuple[str, float]]:
        with self._answering():
            return super().search(vector, limit=limit, document_ids=document_ids)

    def finds(self, samples: Mapping[str, Vector]) -> bool:
        with self._answering():
            return super().finds(samples)

    def vectors(self, chunk_ids: Sequence[str]) -> dict[str, Vector]:
        with self._answering():
            return super().vectors(chunk_ids)

    def ids(self) -> frozenset[str]:
        with self._answering():
            return super().ids()

    def __len__(self) -> int:
        with self._answering():
            return super().__len__()
