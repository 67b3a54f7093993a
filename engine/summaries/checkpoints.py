"""Steps that survive a killed process: a LangGraph graph with a SQLite checkpoint after every step.

One file holds one summary, readable to its owner alone; it is removed as a whole, so no text stays behind.
Only plain JSON types go in, and only they come out: nothing that is read back can name a class or code.
"""

from __future__ import annotations

import operator
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langsmith import tracing_context

from storage.errors import Broken

Result: TypeAlias = dict[str, Any]
"""What one step gives: JSON types only."""


class _State(TypedDict):
    results: Annotated[list[Result], operator.add]


class Checkpoints:
    """The finished steps of one summary."""

    def __init__(self, saver: SqliteSaver) -> None:
        self._saver = saver

    def finished(self, key: str) -> list[Result]:
        """Results of the steps of `key` that are done, in order."""
        saved = self._saver.get_tuple(_config(key))
        return list(saved.checkpoint["channel_values"].get("results", [])) if saved else []

    def run(self, key: str, *, steps: int, step: Callable[[int], Result]) -> list[Result]:
        """Run steps 0 to `steps` - 1, but none twice; each is durable before the next begins.

        `key` names the work by its inputs: under another key nothing is found to go on from.
        """

        def take(state: _State) -> dict[str, list[Result]]:
            return {"results": [step(len(state["results"]))]}

        def following(state: _State) -> str:
            return END if len(state["results"]) >= steps else "take"

        builder = StateGraph(_State)
        builder.add_node("take", take)
        builder.add_edge(START, "take")
        builder.add_conditional_edges("take", following, ["take", END])
        graph = builder.compile(checkpointer=self._saver)
        config = _config(key) | {"recursion_limit": steps + 2}
        known = self._saver.get_tuple(config) is not None
        # A trace would carry document text: off here, whatever the environment says.
        with tracing_context(enabled=False):
            state = graph.invoke(None if known else {"results": []}, config, durability="sync")
        return list(state["results"])


@contextmanager
def opened(path: Path) -> Iterator[Checkpoints]:
    """The checkpoints in a file, which is made when it is not there.

    Raises:
        Broken: the file is damaged or cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    try:
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            saver = SqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=()))
            yield Checkpoints(saver)
    except sqlite3.Error as error:
        raise Broken(
            f"the notes to resume {path.stem} from cannot be used ({error}); start a new summary"
        ) from error


def remove(path: Path) -> None:
    """Remove a file of checkpoints with what SQLite keeps beside it. Twice is allowed."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _config(key: str) -> RunnableConfig:
    return {"configurable": {"thread_id": key, "checkpoint_ns": ""}}
