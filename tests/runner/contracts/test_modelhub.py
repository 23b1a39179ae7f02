"""Images and repositories of ModelHub.AI, through both of its interfaces."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from proctor.spec.contract import AnswerSpec, AxesOrder, Door, ModelHubContract
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("contracts")]

PICTURES = {
    "items_per_case": 2,
    "inputs": {"pictures": {"type": "array", "file": "{case}.npy"}},
    "outputs": {"scores": {"type": "table", "file": "s.csv", "columns": ["light", "dark"]}},
}
CONTRIB = Path(__file__).parent / "images" / "modelhub"
DOORS = [Door.AUTO, Door.REST]


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.mark.parametrize("door", DOORS)
def test_a_model_of_one_input_is_asked_item_by_item(room, images, door):
    image = images.build("modelhub", CONTRIB="single")
    levels = np.stack([np.full((4, 6), level, dtype=np.uint8) for level in (0, 51)])
    cases = {"a": {"pictures": npy(levels)}}
    contract = ModelHubContract(door=door)
    found = room.ask(image, contract, room.task(**PICTURES), cases, items=2)

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    assert found.outcome.protocol is Protocol.SERVE
    np.testing.assert_allclose(found.arrays["a"]["scores"], [[0, 1], [0.2, 0.8]])


def test_a_repository_is_mounted_on_the_image_that_its_init_json_names(room, images, volumes):
    image = images.build("modelhub", CONTRIB="single")
    cases = {"a": {"first": volumes.nifti(1), "second": volumes.nifti(2)}}
    contract = ModelHubContract(
        inputs={"t1": "first", "flair": "second"},
        outputs={"seg": AnswerSpec(at="segmentation", axes=AxesOrder.ZYX)},
    )
    task = volumes.task("first", "second", output="seg")
    found = room.ask(image, contract, task, cases, weights=CONTRIB / "several")

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    expected = (volumes.voxels(1) > 50).astype(int) + (volumes.voxels(2) > 50)
    np.testing.assert_array_equal(found.arrays["a"]["seg"], expected)


def test_an_input_that_the_model_wants_and_the_task_has_not_is_named(room, images, volumes):
    image = images.build("modelhub", CONTRIB="several")
    cases = {"a": {"t1": volumes.nifti(1)}}
    found = room.ask(image, "modelhub", volumes.task("t1", output="seg"), cases)

    assert found.reports["a"].outcome is Code.CRASH
    assert "The model wants the input 'flair'; the case has t1." in found.logs["a"]
