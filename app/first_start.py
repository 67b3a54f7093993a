"""What happens before the pages open: the sample matter, and the first administrator's way in."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from ingest.sources import gathered

if TYPE_CHECKING:
    from app.wiring import Services

SAMPLE_MATTER = "Sample matter"


def prepare(services: Services, tell: Callable[[str], None]) -> None:
    """Make the sample matter at the first start, and print where to go and how to sign in."""
    settings = services.settings
    operator = services.accounts.local_operator()
    if settings.sample and services.audit.size() == 0:
        tell("First start: loading the sample matter ...")
        matter = services.library.create_matter(SAMPLE_MATTER, operator)
        scope = services.access.scope(operator, matter.name)
        with (
            as_file(files("app") / "samples" / "documents") as folder,
            gathered([folder], services.limits) as sources,
        ):
            services.importer.run(scope, sources)
    address = f"http://{settings.address}:{settings.port}"
    tell(f"Muniment is at {address}")
    code = services.accounts.welcome_ticket()
    if code is not None:
        tell(
            "Nobody can sign in yet. The first administrator chooses a name and a password here (works once):"
        )
        tell(f"  {address}/?welcome={code}")
    tell("Ctrl+C stops it.")
