"""Options that several commands share, with one wording each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")
]
MatterName = Annotated[str, typer.Option("--matter", help="The matter's name.")]
DocumentName = Annotated[
    str | None, typer.Option("--document", help="Only this document: its path in the matter, or its id.")
]
OutFile = Annotated[Path | None, typer.Option("--out", help="Write the result to this file.")]
