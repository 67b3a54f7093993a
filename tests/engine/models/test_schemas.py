from __future__ import annotations

import pytest

from engine.models.schemas import grammar_of
from storage.errors import Refused
from storage.records import JsonValue

TEXT: dict[str, JsonValue] = {"type": "string"}


def test_properties_come_in_the_order_of_the_schema_and_quotes_stay_in_their_names() -> None:
    first, _ = grammar_of(
        {
            "type": "object",
            "properties": {'the "fee"': {"type": "integer"}, "late": {"type": "boolean"}},
            "required": ["late", 'the "fee"'],
        }
    ).split("\n", 1)
    assert first == (
        r'answer ::= "{" "\"the \\\"fee\\\"\"" ": " integer ", " "\"late\"" ": " ("true" | "false") "}"'
    )


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({}, "type null"),
        ({"type": ["string", "null"]}, "type"),
        ({"$ref": "#/definitions/x"}, "type null"),
        ({"type": "string", "pattern": "[0-9]+"}, "'pattern' of type string"),
        ({"type": "integer", "minimum": 3}, "'minimum' of type integer"),
        ({"type": "object", "properties": {"a": TEXT}}, "not all required"),
        ({"type": "object", "properties": {}, "additionalProperties": TEXT}, "additionalProperties"),
        ({"type": "array"}, "no object"),
        ({"type": "array", "items": TEXT, "maxItems": 100_000}, "maxItems"),
        ({"type": "array", "items": TEXT, "minItems": True}, "minItems"),
        ({"enum": []}, "enum"),
        ({"enum": [[1]]}, "enum"),
        ({"enum": ["a"], "minLength": 3}, "enum or const beside"),
        ({"anyOf": [TEXT]}, "type null"),
        ({"type": "array", "items": {"type": "string", "format": "date"}}, "'format'"),
    ],
)
def test_what_the_grammar_would_not_hold_is_refused_and_named(
    schema: dict[str, JsonValue], named: str
) -> None:
    with pytest.raises(Refused, match=named):
        grammar_of(schema)
