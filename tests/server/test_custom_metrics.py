"""An organizer's own metric on the platform: content by digest, for organizers and for scoring."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proctor.spec.digests import digest_bytes

SOURCE = b"def score(prediction, reference, case):\n    return 1.0\n"


def task_with(tiny: Any, source: bytes | None, **metric: Any) -> dict[str, Any]:
    """Return the tiny task with a metric of the organizer's own beside the first."""
    task = tiny.spec.tasks[0].model_dump(mode="json")
    custom: dict[str, Any] = {"file": "metrics/score.py"}
    if source is not None:
        custom["source"] = {"digest": digest_bytes(source), "size": len(source)}
    own = {
        "id": "own", "custom": custom, "direction": "higher", "worst": 0.0,
        "output": "probabilities", "reference": "labels",
    }  # fmt: skip
    return {**task, "metrics": [*task["metrics"], own | metric]}


@pytest.fixture
def with_metric(tiny: Any, organizer: Any) -> Any:
    made = replace(tiny, blobs={**tiny.blobs, digest_bytes(SOURCE): SOURCE})
    answer = made.publish(organizer, tasks=[task_with(tiny, SOURCE)])
    assert answer.status_code == 201, answer.text
    return made


def test_its_file_is_read_by_organizers_and_by_scorings_alone(
    with_metric: Any, organizer: Any, participant: Any, fake: Any
) -> None:
    digest = digest_bytes(SOURCE)
    with_metric.enter(participant)
    assert organizer.get(f"/blobs/{digest}").content == SOURCE
    assert participant.get(f"/blobs/{digest}").status_code == 404
    held = fake.claim()
    assert held.get(digest).status_code == 404
    for case in held.order["cases"]:
        held.case(case["id"])
    held.complete_run()
    scoring = fake.claim("score")
    assert scoring.get(digest).content == SOURCE
    (_, own) = scoring.order["task"]["metrics"]
    assert own["custom"]["source"]["digest"] == digest


def test_another_file_is_another_metric_and_scores_are_made_anew(
    with_metric: Any, organizer: Any, participant: Any, fake: Any, scores: Any
) -> None:
    with_metric.enter(participant)
    fake.run()
    found = scores(1.0, 0.5, 0.25)
    fake.score({**found, "own": found["top1"]})
    changed = SOURCE.replace(b"1.0", b"2.0")
    again = replace(with_metric, blobs={**with_metric.blobs, digest_bytes(changed): changed})
    answer = again.publish(organizer, tasks=[task_with(again, changed)])
    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    scoring = fake.claim("score")
    assert scoring.get(digest_bytes(changed)).content == changed
    assert scoring.get(digest_bytes(SOURCE)).status_code == 404


def test_it_is_not_published_without_its_file(tiny: Any, organizer: Any) -> None:
    refused = tiny.publish(organizer, tasks=[task_with(tiny, None)])
    assert refused.status_code == 422
    assert "custom.source: needed" in refused.text


def test_a_file_that_was_not_uploaded_is_named(tiny: Any, organizer: Any) -> None:
    refused = tiny.publish(organizer, tasks=[task_with(tiny, SOURCE)])
    assert (refused.status_code, refused.json()["code"]) == (409, "BLOB_MISSING")
    assert "tasks.classify.metrics.own.custom" in refused.json()["detail"]
