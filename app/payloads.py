"""What a job keeps in SQL, as JSON: who asked for it, and how far it is."""

from __future__ import annotations

from typing import Any

from ingest.report import IngestProgress
from storage.records import Actor, JsonValue, Role


def progress_json(progress: IngestProgress) -> dict[str, JsonValue]:
    """How far a run has come, as a job keeps it."""
    return {
        "done": progress.files_done,
        "total": progress.files_total,
        "label": progress.current,
        "pages_done": progress.pages_done,
        "pages_per_second": progress.pages_per_second,
        "seconds_left": progress.seconds_left,
        "files": [
            {"path": one.path, "state": one.state.value, "pages_done": one.pages_done, "pages": one.pages}
            for one in progress.files
        ],
    }


def actor_json(actor: Actor) -> JsonValue:
    """Who asked for a job, as it keeps them."""
    return {"id": actor.id, "name": actor.name, "role": actor.role.value, "via": actor.via}


def actor_of(fields: Any) -> Actor:
    """Who asked for a job."""
    return Actor(id=fields["id"], name=fields["name"], role=Role(fields["role"]), via=fields["via"])
