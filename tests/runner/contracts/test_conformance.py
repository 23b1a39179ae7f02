"""The one list of behaviors that every contract must show, on unmodified images of each kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proctor.cli.contracts import read_container_config
from proctor.spec.base import FileRef
from proctor.spec.contract import (
    AnswerSpec,
    Door,
    ForeignContract,
    GrandChallengeContract,
    MaxContract,
    ModelHubContract,
    SocketAnswer,
    SocketSpec,
)
from proctor.spec.outcomes import Code
from proctor.spec.work import OrderCase
from proctor_runner.contracts.choose import adapter

CONFIG = Path(__file__).parent / "images" / "medperf" / "container_config.yaml"
BOTH = {"t1": "scan", "flair": "scan"}


@dataclass(frozen=True)
class Kept:
    """A contract as an image of it declares it, and what the image makes of a bright voxel.

    Attributes:
        image: The folder and arguments that it is built by.
        above: Voxels above it are bright.
    """

    contract: ForeignContract
    image: tuple[str, dict[str, str]]
    above: int = 50
    bright: int = 1


KEPT = {
    "max": Kept(
        MaxContract(outputs={"seg": AnswerSpec(at="seg_map")}), ("max", {"APP": "segmenter"})
    ),
    "modelhub": Kept(ModelHubContract(inputs=BOTH), ("modelhub", {"CONTRIB": "several"}), bright=2),
    "modelhub over REST": Kept(
        ModelHubContract(inputs=BOTH, door=Door.REST),
        ("modelhub", {"CONTRIB": "several"}),
        bright=2,
    ),
    "grand-challenge": Kept(
        GrandChallengeContract(
            inputs={"scan": SocketSpec(slug="brain-mri")},
            outputs={"seg": SocketAnswer(socket=SocketSpec(relative_path="images/lesions"))},
        ),
        ("grand_challenge", {}),
    ),
    "medperf": Kept(
        read_container_config(CONFIG).contract.model_copy(
            update={
                "inputs": {"scan": "case_t1.nii.gz"},
                "outputs": {"seg": "predictions/brats.nii.gz"},
            }
        ),
        ("medperf", {}),
        above=60,
    ),
}
pytestmark = pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)


@pytest.mark.docker
@pytest.mark.xdist_group("contracts")
def test_an_unmodified_image_answers_alone_confined_and_case_by_case(
    room: Any, images: Any, volumes: Any, kept: Kept
) -> None:
    folder, arguments = kept.image
    cases = {"first": volumes.nifti(1), "other": volumes.nifti(2)}
    cases["below"] = volumes.nifti_of(volumes.voxels(3) - np.int16(100))
    found = room.ask(
        images.build(folder, **arguments),
        kept.contract,
        volumes.task("scan", output="seg"),
        {case: {"scan": content} for case, content in cases.items()},
    )

    # Whoever cannot answer one case answers the others.
    assert found.outcome.code is Code.OK, found.logs
    assert found.reports["below"].outcome is Code.CRASH
    assert "there is nothing below zero in my world" in found.logs["below"]
    for number, case in enumerate(("first", "other"), start=1):
        assert found.reports[case].outcome is Code.OK, found.logs[case]
        expected = kept.bright * (volumes.voxels(number) > kept.above)
        np.testing.assert_array_equal(found.arrays[case]["seg"], expected)
    # What is mounted where differs; what it may do does not.
    host = found.container["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert int(found.container["Config"]["User"].partition(":")[0]) >= 1000
    assert [mount["RW"] for mount in found.container["Mounts"]].count(True) == 1


def test_a_container_learns_neither_a_case_nor_a_name_of_its_organizer(
    volumes: Any, tmp_path: Path, kept: Kept
) -> None:
    task = volumes.task("scan", output="seg")
    given = task.model_dump(mode="json")
    given["inputs"]["scan"]["file"] = "scanner-A/{case}_label2.nii.gz"
    path = tmp_path / "blob"
    path.write_bytes(volumes.nifti(1))
    file = FileRef(digest="sha256:" + "a" * 64, size=3)
    case = OrderCase(id="patient-7", alias="x4f2", items=1, files={"scan": file})
    asked = adapter(kept.contract).prepare(
        type(task).model_validate(given), case, {"scan": path}, tmp_path
    )

    seen = b"".join(asked.documents.values()) + json.dumps(sorted(asked.inputs)).encode()
    for secret in (b"patient", b"scanner", b"label2", b"true"):
        assert secret not in seen
    assert asked.reading is not None
    assert set(asked.reading.files) == {"seg"}


def test_an_output_that_the_task_has_not_is_refused(
    volumes: Any, tmp_path: Path, kept: Kept, refusal: Callable[..., str]
) -> None:
    task = volumes.task("scan", output="mask")
    case = OrderCase(id="c", alias="x", items=1, files={})
    outputs = kept.contract.outputs or {"seg": AnswerSpec()}
    declared = kept.contract.model_copy(update={"outputs": outputs})
    path = tmp_path / "blob"
    path.write_bytes(volumes.nifti(1))
    said = refusal(adapter(declared).prepare, task, case, {"scan": path}, tmp_path)
    assert said == (
        f"Contract {declared.name.value}: it speaks of the output 'seg'; the task has mask."
    )
