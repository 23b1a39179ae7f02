"""The decode step as it runs for real: in its own container, without anything to find there."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import docker
import nibabel as nib
import numpy as np
import pytest

from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.task import TaskSpec
from proctor_runner import decode as decode_package
from proctor_runner.canonical import RawCase
from proctor_runner.decoding import decode, decode_program
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import SandboxJob, SandboxResult
from proctor_runner.sandbox.slots import Slots

DATA = {"inputs": "i", "reference": "r"}
TASK = TaskSpec.model_validate(
    {
        "slug": "task",
        "title": "Task",
        "inputs": {"t1": {"type": "volume", "file": "{case}.nii"}},
        "outputs": {
            "seg": {"type": "mask_image", "file": "seg.mha", "grid": "t1"},
            "p": {"type": "table", "file": "p.csv", "columns": ["a"]},
        },
        "reference": {"truth": {"type": "mask_image", "file": "{case}.nii"}},
        "labels": {1: "one", 300: "many"},
        "data": {"hidden": DATA, "sample": DATA},
        "metrics": [{"id": "m", "name": "m", "output": "seg", "reference": "truth"}],
        "primary": "m",
    }
)


def mha(data: str, voxels: bytes = b"") -> bytes:
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "TransformMatrix = -1 0 0 0 -1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\n"
        f"DimSize = 2 3 4\nElementType = MET_USHORT\nElementDataFile = {data}\n"
    )
    return header.encode() + voxels


@pytest.mark.docker
def test_a_batch_is_decoded_in_a_container(
    docker_client: docker.DockerClient, decode_image: str, tmp_path: Path
) -> None:
    truth = np.arange(24).reshape(2, 3, 4) % 2 * 300
    voxels = truth.astype("<u2").tobytes(order="F")
    for name, content in {
        "grid.nii": nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.eye(4)).to_bytes(),
        "good.mha": mha("LOCAL", voxels),
        "elsewhere.mha": mha("/input/0-grid-t1.nii"),
        "short.mha": mha("LOCAL", voxels[:-2]),
        "p.csv": b"a\n0.5\n",
    }.items():
        (tmp_path / name).write_bytes(content)
    cases = [
        RawCase(
            name,
            1,
            {"seg.mha": tmp_path / f"{name}.mha", "p.csv": tmp_path / "p.csv"},
            {"t1": tmp_path / "grid.nii"},
        )
        for name in ("good", "elsewhere", "short")
    ]
    (tmp_path / "canonical").mkdir()
    sandbox = DockerSandbox(docker_client, tmp_path / "state", Slots(tmp_path / "slots"))
    try:
        found = decode(
            sandbox,
            decode_program(decode_image),
            TASK,
            cases,
            tmp_path / "canonical",
            lambda: False,
            "run_1",
            1,
        )
    finally:
        sandbox.close()

    assert found["good"].outcome is Code.OK, found["good"].detail
    mask = np.load(found["good"].predictions["seg"])
    assert mask.dtype == np.uint16
    np.testing.assert_array_equal(mask, truth)
    np.testing.assert_array_equal(np.load(found["good"].predictions["p"]), [[0.5]])
    assert found["elsewhere"].detail == (
        "seg.mha keeps its voxels in '/input/0-grid-t1.nii'; expected ElementDataFile = LOCAL."
    )
    assert found["short"].detail.startswith("seg.mha is cut off")
    assert {path.name for path in (tmp_path / "canonical").iterdir()} == {"0-0.npy", "0-1.npy"}


def test_the_package_that_parses_strangers_files_needs_nothing_else_of_ours() -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "nibabel", "SimpleITK"}
    folder = Path(decode_package.__file__).parent
    # The decode image computes organizers' metrics as well, by a package beside this one.
    # What leads a reader to another file is one rule with the engine, which the base image has.
    inside = (
        "proctor_runner.decode",
        "proctor_runner.metric_program",
        "proctor.template.own_voxels",
    )
    for path in (*folder.glob("*.py"), *(folder.parent / "metric_program").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                ours = name.startswith(inside)
                assert ours or name.split(".")[0] in allowed, f"{path.name} imports {name}"


class LyingSandbox(DockerSandbox):
    """Leaves whatever a test wants in place of what a decode step would have left."""

    def __init__(self, report: str, array: bytes | None) -> None:
        self._report = report
        self._array = array

    def run(self, job: SandboxJob, cancelled: object) -> SandboxResult:
        from proctor_runner.sandbox.interface import Ending

        contents = {"decode-report.json": self._report.encode(), "0-0.npy": self._array}
        outputs = {}
        for name, content in contents.items():
            if content is not None:
                outputs[name] = job.destination / name
                outputs[name].write_bytes(content)
        return SandboxResult(Ending.EXITED, 0, 1.0, None, b"the last line", outputs)


TABLE = TaskSpec.model_validate(
    TASK.model_dump()
    | {
        "outputs": {"p": {"type": "table", "file": "p.csv", "columns": ["a"]}},
        "metrics": [{"id": "m", "name": "m", "output": "p", "reference": "truth"}],
    }
)


def npy(array: np.ndarray) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


GOOD = '{"cases": {"c": {"outcome": "OK", "detail": ""}}}'


@pytest.mark.parametrize(
    ("report", "array"),
    [
        ("not json", npy(np.zeros((1, 1)))),
        ('{"cases": {}}', npy(np.zeros((1, 1)))),
        ('{"cases": {"c": {"outcome": "WORKER_LOST", "detail": ""}}}', None),
        (GOOD, None),
        (GOOD, npy(np.zeros((2, 1)))),
        (GOOD, npy(np.zeros((1, 1), np.float32))),
        (GOOD, npy(np.zeros((1, 1)))[:-1]),
        (GOOD, npy(np.zeros((1, 1))) + b"x"),
        (GOOD, npy(np.array([[None]]))),
        (GOOD, b"no array"),
    ],
)
def test_a_decode_step_that_lies_is_ours_and_is_tried_again(
    tmp_path: Path, report: str, array: bytes | None
) -> None:
    raw = tmp_path / "p.csv"
    raw.write_text("a\n1\n")

    with pytest.raises(PlatformError) as caught:
        decode(
            LyingSandbox(report, array),
            decode_program(),
            TABLE,
            [RawCase("c", 1, {"p.csv": raw})],
            tmp_path,
            lambda: False,
            "run_1",
            1,
        )

    assert caught.value.code is Code.DECODE_FAILED
