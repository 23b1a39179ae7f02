"""Requests of every shape, made from the service's own OpenAPI document: answered as it says."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as trying
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

SEED = 20261126
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TEXT = {"text": {"type": "text"}}
MOOD = {"mood": {"type": "label_list", "labels": ["good", "bad"]}, "length": {"type": "vector"}}
READS = """
class Model:
    def predict(self, inputs):
        good = float("good" in inputs["text"])
        return {"mood": [{"label": "good", "probability": good},
                         {"label": "bad", "probability": 1 - good}],
                "length": [len(inputs["text"])]}
"""


def fuzz(running: Any, examples: int) -> list[str]:
    document = running.client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=str(running.client.base_url))
    wrong: list[str] = []
    seen: Counter[int] = Counter()
    found: list[Any] = list(schema.get_all_operations())
    for operation, mode in product([one.ok() for one in found], GenerationMode):
        if mode is GenerationMode.NEGATIVE and not (
            list(operation.iter_parameters()) or operation.body
        ):
            continue

        @seed(SEED)
        @trying(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            response = case.call()
            seen[response.status_code] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except FailureGroup as group:
                wrong.extend(f"{case.operation.label}: {one}"[:2000] for one in group.exceptions)

        # There is no wrong name of a file, say.
        with suppress(Unsatisfiable):
            ask()
    assert {200, 404, 422} <= set(seen), seen
    return wrong


def test_requests_of_every_shape_are_answered_as_the_document_says(
    serve: Any, model_folder: Any
) -> None:
    (model_folder() / "samples" / "a.txt").write_text("good")

    assert fuzz(serve(READS, TEXT, MOOD), examples=2) == []


@pytest.mark.slow
def test_many_requests_of_every_shape_are_answered_as_the_document_says(
    serve: Any, model_folder: Any
) -> None:
    (model_folder() / "samples" / "a.txt").write_text("good")

    assert fuzz(serve(READS, TEXT, MOOD), examples=60) == []
