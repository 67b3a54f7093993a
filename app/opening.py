"""Every look at a page of a document is recorded, once per opening.

Pages and page images both come here, so a page image fetched by its address alone is recorded as well. An
opening lasts while the same session keeps coming back to the page; after a pause it is a new one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from storage.records import Document, Scope

if TYPE_CHECKING:
    from app.wiring import Services

_PAUSE_S = 15 * 60
_MOST_REMEMBERED = 100_000

_lock = threading.Lock()
_last_look: OrderedDict[tuple[str, str, int], float] = OrderedDict()


def record_opening(services: Services, scope: Scope, document: Document, *, page: int) -> None:
    """Write `document.opened` unless the reader is already on the page."""
    key = (scope.actor.session_id or scope.actor.id, document.version_id, page)
    with _lock:
        looked = _last_look.pop(key, None)
        fresh = looked is None or time.monotonic() - looked > _PAUSE_S
        if fresh:
            # Recorded before it is shown, and inside the lock: two page images at once are one opening.
            services.audit.append(
                "document.opened",
                scope.actor,
                matter_id=scope.matter.id,
                data={
                    "document_id": document.id,
                    "document": document.path,
                    "page": page,
                    "version_id": document.version_id,
                },
            )
        _last_look[key] = time.monotonic()
        while len(_last_look) > _MOST_REMEMBERED:
            _last_look.popitem(last=False)
