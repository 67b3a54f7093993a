"""The first start: the sample matter, and the first administrator's way in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app import samples
from ingest.sources import gathered

if TYPE_CHECKING:
    from app.wiring import Services


def prepare(services: Services, tell: Callable[[str], None]) -> None:
    """Make the sample matter at the first start, and print where to go and how to sign in."""
    settings = services.settings
    operator = services.accounts.local_operator()
    if settings.sample and services.audit.size() == 0:
        tell("First start: loading the sample matter; this takes about a minute.")
        matter = services.library.create_matter(samples.MATTER, operator)
        with gathered([samples.DOCUMENTS], services.limits) as sources:
            services.importer.run(services.access.scope(operator, matter.name), sources)
    address = f"http://{settings.address}:{settings.port}"
    tell(f"Muniment is at {address}")
    code = services.accounts.welcome_ticket()
    if code is not None:
        tell(
            "Nobody can sign in yet. The first administrator chooses a name and a password here (works once):"
        )
        tell(f"  {address}/?welcome={code}")
    tell("Ctrl+C stops it.")
