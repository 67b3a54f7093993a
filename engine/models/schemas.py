"""JSON schemas that an answer can be held to: which ones, and the grammar that llama.cpp then writes by.

llama.cpp would turn a schema into a grammar by itself, but where it does not know a part it writes freely and
says nothing. Here such a schema is refused. A grammar holds the form alone: a number in it may be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from threading import Event as CancelEvent
from typing import Protocol, TypeAlias, cast

from engine.models.base import Event, Generator
from storage.errors import Refused
from storage.records import JsonValue

Schema: TypeAlias = Mapping[str, JsonValue]
ANSWER = "answer"
"""The rule of a grammar that the whole JSON text follows."""
_SAY_NOTHING = {"$schema", "title", "description", "examples", "default"}
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "integer": set[str](),
    "number": set[str](),
    "boolean": set[str](),
    "null": set[str](),
}
_MOST = 1_000
# Digits end: a model that likes a digit would else repeat it until the answer is cut.
_SHARED = r"""
character ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
integer ::= "-"? ("0" | [1-9] [0-9]{0,15})
number ::= integer ("." [0-9]{1,15})?
"""


class SchemaGenerator(Protocol):
    """A generator whose answers can be held to a JSON schema."""

    def generate(
        self,
        prompt_ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        cancel: CancelEvent | None = None,
        schema: Schema | None = None,
    ) -> Iterator[Event]:
        """As every generator. A whole answer fits `schema`; one that is cut at `max_tokens` does not.

        Raises:
            Refused: the schema is none of those that `grammar_of` takes.
        """
        ...


def takes_schemas(generator: Generator) -> bool:
    """Whether its answers can be held to a JSON schema."""
    told: bool = getattr(generator, "takes_schemas", False)
    return told


def held_to_schemas(generator: Generator) -> SchemaGenerator:
    """The same generator, as one that takes schemas. Raises `Refused` where it does not."""
    if not takes_schemas(generator):
        raise Refused(
            "this model cannot be held to a JSON schema; choose one run by llama.cpp, or ask without"
        )
    return cast("SchemaGenerator", generator)


def grammar_of(schema: Schema) -> str:
    """Rules in llama.cpp's notation, of which `answer` is the JSON text that fits.

    Takes objects with all properties required and no others, arrays, strings, integers, numbers, booleans,
    null, `enum` and `const`, and lengths up to 1,000. Properties come in the order that the schema has them.

    Raises:
        Refused: the schema has anything else in it.
    """
    return f"{ANSWER} ::= {_rule(schema)}\n{_SHARED.lstrip()}"


def _rule(schema: JsonValue) -> str:
    if not isinstance(schema, Mapping):
        raise _refused("a part of it that is no object")
    said = {name: value for name, value in schema.items() if name not in _SAY_NOTHING}
    if "const" in said or "enum" in said:
        return _one_of(said)
    kind = said.pop("type", None)
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise _refused(f"type {json.dumps(kind)}")
    if unknown := sorted(said.keys() - _KEYWORDS[kind]):
        raise _refused(f"{unknown[0]!r} of type {kind}")
    if kind == "object":
        return _object(said)
    if kind == "array":
        return _array(said)
    if kind == "string":
        least, most = _bound(said, "minLength"), _bound(said, "maxLength")
        return f'"\\"" character{{{least or 0},{"" if most is None else most}}} "\\""'
    return {"boolean": '("true" | "false")', "null": '"null"'}.get(kind, kind)


def _object(said: Mapping[str, JsonValue]) -> str:
    properties, required = said.get("properties", {}), said.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        raise _refused("properties or required in another form")
    if said.get("additionalProperties", False) is not False:
        raise _refused("additionalProperties")
    if set(map(str, required)) != set(properties):
        raise _refused("an object whose properties are not all required")
    pairs = (f'{_literal(name)} ": " {_rule(value)}' for name, value in properties.items())
    return " ".join(['"{"', ' ", " '.join(pairs), '"}"'])


def _array(said: Mapping[str, JsonValue]) -> str:
    item = _rule(said.get("items"))
    least, most = _bound(said, "minItems") or 0, _bound(said, "maxItems")
    if most == 0:
        return '"[]"'
    more = "" if most is None else most - 1
    full = f'"[" {item} (", " {item}){{{max(0, least - 1)},{more}}} "]"'
    return full if least else f'("[]" | {full})'


def _one_of(said: Mapping[str, JsonValue]) -> str:
    values = said["enum"] if "enum" in said else [said["const"]]
    if said.keys() - {"enum", "const", "type"} or {"enum", "const"} <= said.keys():
        raise _refused("enum or const beside something else")
    if not isinstance(values, list) or not values or any(isinstance(one, dict | list) for one in values):
        raise _refused("enum or const of anything but plain values")
    return "(" + " | ".join(_literal(one) for one in values) + ")"


def _literal(value: JsonValue) -> str:
    """The JSON text of a value, quoted for the grammar."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bound(said: Mapping[str, JsonValue], name: str) -> int | None:
    bound = said.get(name)
    if bound is None or (type(bound) is int and 0 <= bound <= _MOST):
        return bound
    raise _refused(f"{name} that is no number from 0 to {_MOST:,}")


def _refused(what: str) -> Refused:
    return Refused(f"an answer cannot be held to this JSON schema: it has {what}; see docs/gpt-oss.md")
