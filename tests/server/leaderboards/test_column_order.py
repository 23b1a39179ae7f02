"""The order of a board's columns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from proctor.spec.task import TaskSpec
from proctor.spec.work import MetricFacts
from proctor_platform.leaderboards.wording import columns_of
from proctor_platform.submissions.sights import SubmissionSight


def test_regions_come_as_declared_and_their_mean_last() -> None:
    split = {"inputs": "inputs", "reference": "reference"}
    task = TaskSpec.model_validate(
        {
            "slug": "segment",
            "title": "Segment",
            "inputs": {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
            "outputs": {"out": {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"}},
            "reference": {"ref": {"type": "mask_image", "file": "{case}.nii.gz"}},
            "labels": {1: "necrosis", 2: "edema", 3: "enhancing"},
            "regions": {"whole": [1, 2, 3], "core": [1, 3], "enhancing": [3]},
            "data": {"hidden": split, "sample": split},
            "metrics": [{"id": "dice", "name": "dice", "output": "out", "reference": "ref"}],
            "primary": "dice",
        }
    )
    facts = MetricFacts(
        definition_id="dsc.v1;edge=v1", unit="", higher_is_better=True, edge_rules=()
    )
    found = [("segment", "dice", label) for label in ("mean", "enhancing", "core", "whole")]
    scope = cast(Any, SimpleNamespace(tasks=(task,)))
    columns = columns_of(scope, found, {("segment", "dice"): facts}, ())
    assert [column.label for column in columns] == ["whole", "core", "enhancing", "mean"]
    # A submission's own scores come in the same order.
    sight = cast(Any, SimpleNamespace(spec=SimpleNamespace(tasks=(task,))))
    scores = {(metric, label): 0.5 for _, metric, label in found}
    in_order = SubmissionSight.in_order(sight, "segment", scores)
    assert [key for key, _ in in_order] == [
        "dice/whole", "dice/core", "dice/enhancing", "dice/mean",
    ]  # fmt: skip
