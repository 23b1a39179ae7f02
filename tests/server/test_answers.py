"""What an answer may hold: the fields of its model and no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

MAY_HOLD_ANYTHING = {
    "Event.facts": "what a transition told of itself; never contents, and filtered for its reader",
    "JsonValue": "a parameter of a metric, as its organizer wrote it",
    "Problem.errors[]": "field and message of what was wrong with the request",
}


def open_places(schema: dict[str, Any], name: str) -> Iterator[str]:
    """Give the places in a schema where a value of any name or shape could stand."""
    if not isinstance(schema, dict) or "$ref" in schema:
        return
    if schema.get("type") == "object":
        named = "properties" in schema
        rest = schema.get("additionalProperties", "patternProperties" not in schema)
        if rest is True or (named and rest is not False):
            yield name
        for part, inner in schema.get("properties", {}).items():
            yield from open_places(inner, f"{name}.{part}")
        for values in (rest, *schema.get("patternProperties", {}).values()):
            yield from open_places(values, f"{name}.*")
    elif schema.get("type") == "array":
        if "prefixItems" in schema:
            for inner in schema["prefixItems"]:
                yield from open_places(inner, f"{name}[]")
        else:
            yield from open_places(schema.get("items", {"type": "object"}), f"{name}[]")
    for choice in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(choice, ()):
            yield from open_places(inner, name)
    if not set(schema) & {"type", "enum", "const", "anyOf", "oneOf", "allOf"}:
        yield name


def references(document: Any) -> Iterator[str]:
    """Give the name of every model that a part of the document refers to."""
    if isinstance(document, dict):
        if "$ref" in document:
            yield document["$ref"].rpartition("/")[2]
        for value in document.values():
            yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


def answers(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the schema of every JSON answer, by route and status."""
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            for status, answer in route["responses"].items():
                for media_type, content in answer.get("content", {}).items():
                    if media_type.endswith("json"):
                        yield f"{method} {path} {status}", content.get("schema", {})


def test_no_answer_can_carry_a_field_that_its_model_does_not_name(app: FastAPI) -> None:
    document = app.openapi()
    models = document["components"]["schemas"]
    found = dict(answers(document))
    reached, waiting = set(), {name for schema in found.values() for name in references(schema)}
    while waiting:
        reached |= waiting
        waiting = {name for model in waiting for name in references(models[model])} - reached
    assert {"SubmissionView", "Leaderboard", "Problem", "ScoreOrder", "Event"} <= reached
    places = {place for name in reached for place in open_places(models[name], name)}
    places |= {place for name, schema in found.items() for place in open_places(schema, name)}
    assert places <= set(MAY_HOLD_ANYTHING)


def test_a_place_that_is_open_is_seen() -> None:
    closed = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert list(open_places(closed | {"additionalProperties": False}, "M")) == []
    assert list(open_places(closed, "M")) == ["M"]
    assert list(open_places({"type": "object", "additionalProperties": {}}, "M")) == ["M.*"]
    assert list(open_places({"type": "array", "items": {}}, "M")) == ["M[]"]
    assert list(open_places({"anyOf": [{"type": "null"}, {"type": "object"}]}, "M")) == ["M"]
