"""The rooms of all matters: few of them open at a time, and none for long without being used.

One process may own a data folder; its threads may share rooms.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from storage.embedding import Embedder
from storage.engines import Engines
from storage.errors import WrongUse
from storage.library import Library
from storage.records import Matter, Scope
from storage.room import Room

__all__ = ["Room", "Rooms"]

_MOST_OPEN = 32
"""An open room costs about 20 file handles and 20 MB and more; opening one again takes about 0.1 s."""
_IDLE_S = 900.0


class Rooms:
    """Gives out rooms; those that are not used for a while, or least recently of many, are closed."""

    def __init__(
        self,
        library: Library,
        embedder: Embedder,
        *,
        engines: Engines | None = None,
        most_open: int = _MOST_OPEN,
        idle_s: float = _IDLE_S,
    ) -> None:
        """Open nothing yet. `close` must be called at the end, or what changed is rebuilt at its next use.

        Args:
            library: what the rooms are made from.
            embedder: made the library's vectors.
            engines: where the indexes lie; None is in the matters' folders.
            most_open: so many rooms are open at a time, and one more while it is being opened.
            idle_s: seconds without use after which a room is closed; looked at twice in that time.
        """
        if most_open < 1:
            raise WrongUse(f"at least one room must be open at a time, not {most_open}")
        self._library = library
        self._embedder = embedder
        self._engines = engines or Engines()
        self._most_open = most_open
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._rooms: OrderedDict[str, Room] = OrderedDict()
        self._watcher: threading.Thread | None = None
        self._ended = threading.Event()

    def room(self, scope: Scope) -> Room:
        """The room of the scope's matter. Which documents may be found is for the caller to say."""
        with self._lock:
            room = self._rooms.get(scope.matter.id)
            if room is None:
                room = Room(self._library, self._embedder, scope, self._engines)
                self._rooms[scope.matter.id] = room
            self._rooms.move_to_end(scope.matter.id)
            surplus = list(self._rooms.values())[: -self._most_open]
            self._watch()
        # Outside the lock: closing digests files. A thread that still holds the room may use it on.
        for one in surplus:
            one.close()
        return room

    def close_idle(self) -> None:
        """Close the rooms that were not used for a while."""
        with self._lock:
            rooms = list(self._rooms.values())
        for room in rooms:
            idle_s = room.idle_s
            if idle_s is not None and idle_s >= self._idle_s:
                room.close()

    def delete_document(self, scope: Scope, document_id: str) -> None:
        """Delete a document from SQL and from both indexes; its words are then in no file of the matter."""
        gone = self._library.delete_document(scope, document_id)
        room = self.room(scope)
        # Found no more at once; the rebuild, which takes its bytes from the disk, may take a while.
        room.remove(gone)
        room.rebuild()

    def delete_matter(self, scope: Scope) -> None:
        """Erase a matter from SQL, its indexes wherever they lie, and its folder."""
        folder = self._library.room_folder(scope.matter)
        self.drop(scope.matter)
        self._engines.discard(folder)
        self._library.delete_matter(scope)

    def drop(self, matter: Matter) -> None:
        """Close a matter's room and forget it, so that its folder may be removed."""
        with self._lock:
            room = self._rooms.pop(matter.id, None)
        if room is not None:
            room.close()

    def close(self) -> None:
        """Close all rooms, and what the engines hold."""
        self._ended.set()
        with self._lock:
            rooms = list(self._rooms.values())
            self._rooms.clear()
            watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.join()
        for room in rooms:
            room.close()
        self._engines.close()

    def _watch(self) -> None:
        if self._watcher is None:
            self._ended.clear()
            self._watcher = threading.Thread(target=self._look_round, name="rooms", daemon=True)
            self._watcher.start()

    def _look_round(self) -> None:
        while not self._ended.wait(self._idle_s / 2):
            self.close_idle()
