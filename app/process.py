"""What the interpreter is told, once, in a process that answers people."""

from __future__ import annotations

import gc


def answer_promptly() -> None:
    """Spare searches what they would wait for; to be called when all is imported and nothing is opened."""
    # Modules stay to the end. Walking through their 300,000 objects took each full collection 0.2 s,
    # which one search of 160 waited for. Nothing that is ever given back may be frozen.
    gc.freeze()
