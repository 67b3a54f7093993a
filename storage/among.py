"""Ask SQL for rows whose column is one of many values, all of them in one parameter.

A parameter for each value takes longer to be put into a statement than the rows take to be found; one that
holds them all as JSON also knows no limit. SQLite and PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class _Values(FunctionElement[str]):
    """What a parameter of `listed` holds, as a subquery."""

    type = Text()
    inherit_cache = True


@compiles(_Values)
def _in_sqlite(element: _Values, compiler: Any, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"  # noqa: S608


@compiles(_Values, "postgresql")
def _in_postgresql(element: _Values, compiler: Any, **options: Any) -> str:
    values = compiler.process(element.clauses, **options)
    return f"(SELECT jsonb_array_elements_text(CAST({values} AS jsonb)))"


def among(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Whether a column is one of the values that the parameter `name` holds."""
    values: BindParameter[str] = bindparam(name, type_=Text())
    return column.bool_op("IN")(_Values(values))


def listed(values: Iterable[str]) -> str:
    """Values as a parameter for `among`."""
    return json.dumps(list(values))
