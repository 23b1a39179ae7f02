"""A model from its entry to somebody else's machine: found, measured, run again in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.docker]


def test_a_stranger_finds_a_model_and_runs_it_in_one_line(
    stack: Any, tried: str, model: Callable[..., Path], participant: str
) -> None:
    stranger = stack.user("stranger-to-models")
    stack.client(participant).join(tried)
    submission = stack.submit(tried, model(name="to-be-found"), participant)
    assert stack.finish(submission, participant).outcome == "OK"
    found = stack.cli("models", "list", "to-be-found", "--format", "json", token=stranger)
    assert [one["id"] for one in json.loads(found.stdout)["items"]] == [submission]
    assert stack.client(stranger).model_metadata(submission).python
    again = stack.cli("models", "run", submission, token=stranger)
    assert "identical" in again.stdout, again.stdout + again.stderr
