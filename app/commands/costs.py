"""`muniment cost`: what 1,000 tokens cost here, by measured speed, and elsewhere, by a list of prices."""

from __future__ import annotations

import typer

from app.commands.options import AsJson
from app.commands.session import session_of
from app.pricing import cost_lines, cost_of_services


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(cost)


def cost(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what 1,000 tokens cost: here by measured speed and the hour's price, elsewhere by your list."""
    session = session_of(context)
    found = cost_of_services(session.services)
    session.show(found.to_json(), cost_lines(found), as_json=as_json)
