"""Have the system fetch a large file before its parts are asked for, one by one and all over it.

Where Linux does not hold a file in its page cache, each of the two hundred rows that a search reads is a
visit to the disk of its own; the whole file in one go takes no longer than a few such searches.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

_SHARE_OF_MEMORY = 4
"""A quarter of the machine's memory is asked for at most: what else runs there needs the rest."""
_STEP = 128 * 1024
"""Bytes. Linux fetches no more at a time than it reads ahead on its own, whatever it is asked for."""


class ReadAhead:
    """Fetches one file, once; threads may share it."""

    def __init__(self, path: Path) -> None:
        """Nothing is fetched yet."""
        self._path = path
        self._changing = threading.Lock()
        self._file: int | None = None
        self._fetching: threading.Thread | None = None
        self._closing = threading.Event()

    def begin(self) -> None:
        """Fetch the file beside whatever goes on; nothing where the system takes no advice."""
        with self._changing:
            if self._fetching is not None or not hasattr(os, "posix_fadvise"):
                return
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            # An end of the program need not wait for it.
            self._fetching = threading.Thread(target=self._fetch, name="read-ahead", daemon=True)
            self._fetching.start()

    def close(self) -> None:
        """Give the file back, when SQLite has closed it: before, that would take SQLite's locks along."""
        with self._changing:
            if self._fetching is not None and self._file is not None:
                # A short command need not wait until a large file is there.
                self._closing.set()
                self._fetching.join()
                os.close(self._file)
                self._file = None

    def _fetch(self) -> None:
        assert self._file is not None, "it is open while this goes on"
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        size = min(memory // _SHARE_OF_MEMORY, os.fstat(self._file).st_size)
        for start in range(0, size, _STEP):
            if self._closing.is_set():
                break
            os.posix_fadvise(self._file, start, min(_STEP, size - start), os.POSIX_FADV_WILLNEED)
