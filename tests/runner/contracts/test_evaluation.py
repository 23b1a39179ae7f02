"""Evaluation containers of Grand Challenge and MedPerf, as an organizer's metric, unmodified."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from pydantic import ValidationError

from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.ranking import BootstrapSpec
from proctor.spec.work import ScoreCase, ScoreOrder
from proctor_runner.local import LocalDesk
from proctor_runner.score_work import score_cases

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("contracts")]

GRAND_CHALLENGE = {"name": "grand-challenge", "score": "aggregates.dice"}
MEDPERF = {
    "name": "medperf",
    "score": "dice.mean",
    "command": ["evaluate"],
    "parameters": {"smooth": 0},
    "mounts": {
        "predictions": "/mlcommons/volumes/predictions",
        "labels": "/mlcommons/volumes/labels",
        "parameters_file": "/mlcommons/volumes/parameters/parameters.yaml",
        "output_path": "/mlcommons/volumes/results/results.yaml",
    },
}
PROGRAMS = {"grand_challenge.py": GRAND_CHALLENGE, "medperf.py": MEDPERF}


@pytest.fixture
def scored(room, images, volumes, tmp_path):
    """Score two answered cases and a lost one by a container and by our own Dice."""

    def score(program: str, kind: str = "per_item", **contract: object):
        task = volumes.task("t1", output="lesions").model_dump(mode="json")
        own = {
            "id": "own",
            "custom": {
                "image": images.build("evaluation", PROGRAM=program),
                "contract": PROGRAMS[program] | contract,
            },
            "kind": kind,
            "direction": "higher",
            "worst": 0.0,
            "output": "lesions",
            "reference": "true",
        }
        dice = {"id": "dice", "name": "dice", "output": "lesions", "reference": "true"}
        labels = {"labels": {"1": "lesion"}, "metrics": [own, dice], "primary": "own"}
        task = room.task(**task | labels)
        desk = LocalDesk({}, tmp_path / "stored", lambda _stage, _done, _total: None)
        cases = []
        for number, case in enumerate("abc"):
            prediction = tmp_path / f"{case}.npy"
            np.save(prediction, (volumes.voxels(number) > 50).astype(np.uint8))
            truth = volumes.nifti_of((volumes.voxels(number + 1) > 40).astype(np.uint8))
            lost = case == "c"
            cases.append(
                ScoreCase(
                    id=case,
                    group=case,
                    strata={},
                    items=1,
                    outcome=Code.MISSING_OUTPUT if lost else Code.OK,
                    predictions={} if lost else {"lesions": desk.store(prediction)},
                    reference={"true": desk.store_bytes(truth)},
                )
            )
        order = ScoreOrder(
            id="eva_1",
            fence=1,
            token="",
            lease_s=0,
            run="run_1",
            challenge="c",
            task=task,
            cases=tuple(cases),
            inputs_digest="sha256:" + "a" * 64,
            bootstrap=BootstrapSpec(samples=100),
        )

        @contextmanager
        def tools() -> Iterator[object]:
            with room.tools(tmp_path / "scratch") as opened:
                yield opened

        return score_cases(order, desk, tools)

    return score


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_container_scores_each_case_as_our_own_metric_does(scored, program):
    scores = scored(program)
    rows = {(row.metric, row.label, row.case): row.value for row in scores.rows}
    for case in "abc":
        assert rows["own", "mean", case] == pytest.approx(rows["dice", "lesion", case])
    assert rows["own", "mean", "c"] == 0
    assert "contract sha256:" in scores.metrics["own"].definition_id


def test_a_pooled_score_is_asked_of_every_set_and_a_lost_case_is_worth_the_worst(scored):
    scores = scored("grand_challenge.py", "pooled")
    found = {one.metric: one.value for one in scores.aggregates if one.label == "mean"}
    assert found["own"] == 0


def test_a_score_that_is_not_there_is_the_organizers_failure(scored):
    with pytest.raises(OrganizerError, match=r"wrote nothing at 'jaccard' of aggregates.jaccard"):
        scored("grand_challenge.py", score="aggregates.jaccard")


def test_a_contract_of_medperf_says_where_things_are_mounted(scored):
    with pytest.raises(ValidationError, match="mounts is what medperf needs"):
        scored("medperf.py", mounts=None)
