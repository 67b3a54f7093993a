"""The sample matter: documents that we wrote ourselves, and questions that they answer.

Nobody and no firm in them is real. `make.py` draws the files from `sources/`; it is not part of a start.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

MATTER = "Harbour Street services (sample)"
DOCUMENTS = Path(__file__).parent / "documents"
_QUESTIONS = Path(__file__).parent / "questions.toml"


def questions() -> list[str]:
    """Three questions whose answers stand in the sample documents, best first."""
    return [entry["question"] for entry in tomllib.loads(_QUESTIONS.read_text(encoding="utf-8"))["questions"]]
