"""The commands, one module per part of the product. `app.cli` runs them and owns the data folder."""

import typer

from app.commands import (
    audit,
    bundles,
    costs,
    documents,
    evaluation,
    indexes,
    machine,
    matters,
    models,
    people,
    questions,
    summaries,
)

app = typer.Typer(
    name="muniment",
    help="A private document assistant: every statement points at the passage that supports it.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _part in (documents, indexes, questions, summaries, evaluation, machine, bundles, costs):
    _part.register(app)
app.add_typer(matters.app, name="matter")
app.add_typer(audit.app, name="audit")
app.add_typer(people.app, name="user")
app.add_typer(models.app, name="model")

__all__ = ["app"]
