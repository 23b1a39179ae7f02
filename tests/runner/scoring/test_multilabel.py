"""Several labels an item, from the file a model wrote and the organizer's array to the scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proctor.spec.digests import digest_file
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.task import TaskSpec
from proctor.spec.work import ScoreOrder
from proctor_runner.decode.table import read_table
from proctor_runner.references import load_reference
from proctor_runner.rescoring import score_here

COLUMNS = ["edema", "effusion", "mass"]
TASK = {
    "slug": "findings",
    "title": "Findings",
    "items_per_case": 4,
    "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
    "outputs": {"scores": {"type": "table", "file": "scores.csv", "columns": COLUMNS}},
    "reference": {"findings": {"type": "multilabel", "file": "{case}.npy"}},
    "data": {"hidden": {"inputs": "", "reference": ""}, "sample": {"inputs": "", "reference": ""}},
    "metrics": [
        {"id": name, "name": metric, "output": "scores", "reference": "findings", **more}
        for name, metric, more in (
            ("auc", "multilabel_auroc", {"parameters": {"average": "per_label"}}),
            ("f1", "multilabel_f1", {"parameters": {"threshold": 0.4}}),
            ("hamming", "hamming_loss", {}),
        )
    ],
    "primary": "auc",
}
WRITTEN = """edema,effusion,mass
0.9,0.1,0.2
0.8,0.7,0.1
0.3,0.6,0.4
0.1,0.2,0.9
"""
HELD = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=np.uint8)


def test_a_table_of_label_scores_is_scored_against_which_labels_hold(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(WRITTEN)
    np.save(tmp_path / "held.npy", HELD)
    np.save(
        tmp_path / "scores.npy",
        read_table(tmp_path / "scores.csv", "scores.csv", COLUMNS, len(HELD)),
    )
    files, blobs = {}, {}
    for name in ("held", "scores"):
        found = digest_file(tmp_path / f"{name}.npy")
        files[name] = found.model_dump()
        blobs[found.digest] = tmp_path / f"{name}.npy"
    cases = [
        {
            "id": case,
            "group": case,
            "strata": {},
            "items": 4,
            "outcome": outcome,
            "predictions": predictions,
            "reference": {"findings": files["held"]},
        }
        for case, outcome, predictions in (
            ("c1", "OK", {"scores": files["scores"]}),
            ("c2", "CRASH", {}),
        )
    ]
    facts = {"id": "eva_1", "fence": 1, "token": "", "lease_s": 0, "run": "run_1"}
    order = ScoreOrder.model_validate(
        facts
        | {"challenge": "chest", "task": TASK, "cases": cases, "bootstrap": {}}
        | {"inputs_digest": "sha256:" + "0" * 64}
    )
    columns = score_here(order, blobs, "process").columns
    # c1 is in perfect order; each positive of c2 loses all its pairs: 2 x 2 of 4 x 4 are won.
    assert columns["auc", "edema"] == columns["auc", "effusion"] == 4 / 16
    assert columns["auc", "mass"] == 3 / 12
    assert columns["auc", "mean"] == 0.25
    # c1: 0.4 makes one answer too many of mass. c2: every label wrong in every item.
    assert columns["f1", "mean"] == pytest.approx((4 / 8 + 4 / 8 + 2 / 7) / 3)
    # From 0.5 on the answers of c1 are right.
    assert columns["hamming", "mean"] == 0.5


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([0, 1]), "zeros and ones of shape"),
        (np.array([[0, 1], [0, 3]]), "row 1 that is neither 0 nor 1"),
        (np.array([["0", "1"]]), "zeros and ones of shape"),
        (np.array([[0.0, np.nan]]), "row 0 that is neither 0 nor 1"),
    ],
)
def test_a_reference_that_is_no_array_of_labels_is_the_organizers(
    tmp_path: Path, array: np.ndarray, message: str
) -> None:
    path = tmp_path / "held.npy"
    np.save(path, array)
    with pytest.raises(OrganizerError, match=message) as caught:
        load_reference(TaskSpec.model_validate(TASK), "findings", path, "c1")
    assert caught.value.code is Code.REFERENCE_INVALID
