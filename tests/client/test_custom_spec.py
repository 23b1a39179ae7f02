"""What an organizer must say of a metric of their own."""

from typing import Any

import pytest
from pydantic import ValidationError

from proctor.spec.task import MetricSpec

OWN: dict[str, Any] = {
    "id": "own",
    "custom": {"file": "metrics/score.py"},
    "direction": "higher",
    "worst": 0.0,
    "output": "probabilities",
    "reference": "labels",
}


def test_it_needs_no_name_and_scores_cases_one_by_one_unless_told():
    spec = MetricSpec.model_validate(OWN)
    assert (spec.name, spec.kind, spec.custom.function) == ("custom", "per_item", "score")
    assert MetricSpec.model_validate(spec.model_dump(mode="json")) == spec
    pooled = MetricSpec.model_validate(OWN | {"kind": "pooled", "worst": None})
    assert pooled.building["kind"] == "pooled"


def test_other_metrics_look_as_they_did():
    plain = {"id": "a", "name": "dice", "output": "mask", "reference": "truth"}
    assert set(MetricSpec.model_validate(plain).model_dump()) == {
        "id", "name", "parameters", "output", "reference", "worst",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"direction": None}, "direction"),
        ({"worst": None}, "worst"),
        ({"name": "dice"}, "custom has neither name nor parameters"),
        ({"parameters": {"k": 1}}, "custom has neither name nor parameters"),
        ({"custom": {"file": "../score.py"}}, "file"),
        ({"custom": {"file": "/etc/score.py"}}, "file"),
        ({"custom": {"file": "metrics/../../score.py"}}, "file"),
        ({"custom": {"file": "metrics/score.sh"}}, "file"),
        ({"custom": {"file": "a.py", "function": "os.system"}}, "function"),
        ({"custom": {"file": "a.py", "image": "scoring:1"}}, "one of file and image"),
        ({"custom": {}}, "one of file and image"),
        ({"custom": {"image": "--privileged"}}, "image"),
        ({"custom": None, "name": "dice"}, "go with custom"),
        ({"labels": ["a", "a"]}, "given twice"),
        ({"labels": ["mean"]}, "none may be empty or mean"),
    ],
)
def test_what_is_said_of_it_must_be_whole(changes, said):
    with pytest.raises(ValidationError, match=said):
        MetricSpec.model_validate(OWN | changes)
