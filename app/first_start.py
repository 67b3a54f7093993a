"""The first start: the sample matter, and the first administrator's way in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app import samples
from ingest.sources import gathered

if TYPE_CHECKING:
    from app.wiring import Services


def load_sample(services: Services, tell: Callable[[str], None]) -> None:
    """Make the sample matter, so that there is something to ask about; only at the very first start."""
    if not services.settings.sample or services.audit.size() > 0:
        return
    tell("First start: loading the sample matter; this takes about a minute.")
    operator = services.accounts.local_operator()
    matter = services.library.create_matter(samples.MATTER, operator)
    with gathered([samples.DOCUMENTS], services.limits) as sources:
        services.importer.run(services.access.scope(operator, matter.name), sources)


def announce(services: Services, tell: Callable[[str], None]) -> None:
    """Print where to go, and how to sign in as long as nobody can."""
    address = f"http://{services.settings.address}:{services.settings.port}"
    tell(f"Muniment is at {address}")
    code = services.accounts.welcome_ticket()
    if code is not None:
        tell("Nobody can sign in yet. Make the first administrator here; the link works once:")
        tell(f"  {address}/?welcome={code}")
    tell("Ctrl+C stops it.")
