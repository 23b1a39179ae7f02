"""Algorithm containers of Grand Challenge, as its own pack writes them."""

from __future__ import annotations

import numpy as np
import pytest

from proctor.spec.contract import GrandChallengeContract, SocketAnswer, SocketSpec
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("contracts")]


def test_sockets_are_derived_from_the_names_of_a_task(room, images, volumes):
    image = images.build("grand_challenge")
    cases = {name: {"brain_mri": volumes.nifti(n)} for n, name in enumerate("ab", start=1)}
    task = volumes.task("brain_mri", output="lesions")
    found = room.ask(image, "grand-challenge", task, cases)

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    assert found.outcome.protocol is Protocol.CASE
    for number, case in enumerate("ab", start=1):
        expected = volumes.voxels(number) > 50
        np.testing.assert_array_equal(found.arrays[case]["lesions"], expected)


def test_values_weights_and_sockets_of_other_names_reach_it(room, images, volumes, tmp_path):
    image = images.build("grand_challenge")
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "threshold.txt").write_text("70")
    cases = {"a": {"t1": volumes.nifti(1), "patient": b'{"age": 42}'}}
    task = volumes.task("t1", output="seg")
    table = {"type": "table", "file": "risk.csv", "columns": ["share", "age"]}
    task = room.task(
        **task.model_dump(mode="json", exclude={"inputs", "outputs"}),
        inputs={
            "t1": {"type": "volume", "file": "{case}.nii.gz"},
            "patient": {"type": "file", "file": "{case}.json"},
        },
        outputs={
            "seg": {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"},
            "risk": table,
        },
    )
    contract = GrandChallengeContract(
        inputs={"t1": SocketSpec(slug="brain-mri", kind="MR Image")},
        outputs={
            "seg": SocketAnswer(socket=SocketSpec(relative_path="images/lesions")),
            "risk": SocketAnswer(at="risks"),
        },
    )
    found = room.ask(image, contract, task, cases, weights=weights)

    assert (found.outcome.code, found.outcome.detail) == (Code.OK, ""), found.logs
    expected = volumes.voxels(1) > 70
    np.testing.assert_array_equal(found.arrays["a"]["seg"], expected)
    np.testing.assert_allclose(found.arrays["a"]["risk"], [[expected.mean(), 42]])


def test_a_socket_that_nothing_was_written_to_is_a_missing_output(room, images, volumes):
    image = images.build("grand_challenge")
    cases = {"a": {"brain_mri": volumes.nifti(1)}}
    task = volumes.task("brain_mri", output="vessels")
    found = room.ask(image, "grand-challenge", task, cases)

    assert (found.reports["a"].outcome, found.reports["a"].detail) == (
        Code.MISSING_OUTPUT,
        "images/vessels/* was not written to /output.",
    )
