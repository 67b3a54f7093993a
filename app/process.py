"""What the interpreter is told, once, in a process that answers people."""

from __future__ import annotations

import gc
import sys

_SWITCH_S = 0.0005


def answer_promptly() -> None:
    """Spare searches what they would wait for; to be called when all is imported and nothing is opened."""
    # Modules stay to the end. Walking through their 300,000 objects took each full collection 0.2 s,
    # which one search of 160 waited for. Nothing that is ever given back may be frozen.
    gc.freeze()
    # Once a question is embedded, its search in the graph begins when the interpreter is free: a thread that
    # computes keeps it for ten times as long by itself, as long as that whole search takes.
    sys.setswitchinterval(_SWITCH_S)
