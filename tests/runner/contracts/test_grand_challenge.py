"""Algorithm containers of Grand Challenge, as its own pack writes them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK

from proctor.spec.contract import GrandChallengeContract, SocketAnswer, SocketSpec
from proctor.spec.outcomes import Code
from proctor.spec.work import OrderCase
from proctor_runner.contracts.grand_challenge import GrandChallengeAdapter

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("contracts")]


def test_sockets_are_derived_from_the_names_of_a_task(room, volumes, tmp_path):
    task = volumes.task("brain_mri", output="lesions").model_dump(mode="json")
    task["inputs"]["patient"] = {"type": "file", "file": "{case}.json"}
    task["inputs"]["notes"] = {"type": "file", "file": "{case}.txt"}
    task["outputs"]["risk"] = {"type": "table", "file": "risk.csv", "columns": ["a"]}
    contents = {"brain_mri": volumes.nifti(1), "patient": b'{"age": 42}', "notes": b"well"}
    files = {name: tmp_path / f"blob-{name}" for name in contents}
    for name, content in contents.items():
        files[name].write_bytes(content)
    case = OrderCase(id="c", alias="x", items=1, files={})
    asked = GrandChallengeAdapter(GrandChallengeContract()).prepare(
        room.task(**task), case, files, tmp_path
    )

    assert set(asked.inputs) == {"images/brain-mri/brain_mri.mha", "patient.json", "notes.txt"}
    assert asked.outputs == ("images/lesions/*", "risk.json")
    sockets = json.loads(asked.documents["inputs.json"])
    assert [socket["interface"]["slug"] for socket in sockets] == ["brain-mri", "patient", "notes"]
    assert sockets[0]["image"] == {"name": "brain_mri.mha"}
    assert sockets[1]["value"] == {"age": 42}
    assert sockets[2]["file"] == "notes.txt"
    image = SimpleITK.ReadImage(asked.inputs["images/brain-mri/brain_mri.mha"])
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, volumes.voxels(1))
    corner = volumes.affine @ [15, 16, 17, 1]
    place = image.TransformIndexToPhysicalPoint((15, 16, 17))
    np.testing.assert_allclose(place, corner[:3] * [-1, -1, 1])


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
