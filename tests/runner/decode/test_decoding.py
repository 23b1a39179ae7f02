"""Raw outputs become canonical arrays, or one sentence that says what is wrong with them."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.task import TaskSpec
from proctor.spec.work import Environment
from proctor_runner.canonical import RawCase
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.mask import read_mask
from proctor_runner.decode.table import number_of
from proctor_runner.decode.volume import open_volume
from proctor_runner.decoding import DecodedCase, decode, decode_program
from proctor_runner.sandbox.interface import Ending, SandboxJob, SandboxResult
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots

SHAPE = (5, 6, 7)
AFFINE = np.array([[2.0, 0, 0, -10], [0, 2, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]])


def task_of(outputs: dict[str, object], inputs: dict[str, object]) -> TaskSpec:
    first = next(iter(outputs))
    data = {"inputs": "i", "reference": "r"}
    return TaskSpec.model_validate(
        {
            "slug": "task",
            "title": "Task",
            "items_per_case": 10,
            "inputs": inputs,
            "outputs": outputs,
            "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
            "labels": {1: "one", 2: "two"},
            "data": {"hidden": data, "sample": data},
            "metrics": [{"id": "m", "name": "m", "output": first, "reference": "labels"}],
            "primary": "m",
        }
    )


def mask_task(file: str) -> TaskSpec:
    return task_of(
        {"seg": {"type": "mask_image", "file": file, "grid": "t1"}},
        {"t1": {"type": "volume", "file": "{case}.nii.gz"}},
    )


MHA = (
    "ObjectType = Image\nNDims = 3\nTransformMatrix = -1 0 0 0 -1 0 0 0 1\nOffset = 10 20 30\n"
    "ElementSpacing = 2 2 3\nDimSize = 5 6 7\nElementType = MET_UCHAR\nElementDataFile = {data}\n"
)
NRRD = (
    "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 5 6 7\n"
    "space directions: (-2,0,0) (0,-2,0) (0,0,3)\nspace origin: (10,20,30)\nencoding: raw\n{more}\n"
)
TABLE_TASK = task_of(
    {"p": {"type": "table", "file": "p.csv", "columns": ["a", "b"]}},
    {"images": {"type": "array", "file": "{case}.npy"}},
)
ARRAY_TASK = task_of(
    {"p": {"type": "table", "file": "p.npy", "columns": ["a", "b"]}},
    {"images": {"type": "array", "file": "{case}.npy"}},
)
LIST_TASK = task_of(
    {"p": {"type": "label_list", "file": "p.csv"}},
    {"images": {"type": "array", "file": "{case}.npy"}},
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessSandbox]:
    root = tmp_path_factory.mktemp("decode")
    sandbox = ProcessSandbox(root / "state", Slots(root / "slots"))
    yield sandbox
    sandbox.close()


Decoder = Callable[[TaskSpec, dict[str, bytes]], dict[str, DecodedCase]]


@pytest.fixture
def decode_each(sandbox: ProcessSandbox, tmp_path: Path) -> Decoder:
    """Decode files given as bytes, each as a case of its own with two items."""

    def run(task: TaskSpec, contents: dict[str, bytes]) -> dict[str, DecodedCase]:
        (file,) = (output.file for output in task.outputs.values())
        grid = tmp_path / "grid.nii.gz"
        nib.save(nib.Nifti1Image(np.zeros(SHAPE, np.int16), AFFINE), grid)
        cases = []
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
            cases.append(RawCase(name, 2, {file: tmp_path / name}, {"t1": grid}))
        (tmp_path / "canonical").mkdir()
        return decode(
            sandbox,
            decode_program(),
            task,
            cases,
            tmp_path / "canonical",
            lambda: False,
            "run_1",
            1,
        )

    return run


def nifti(
    voxels: np.ndarray,
    affine: np.ndarray = AFFINE,
    change: Callable[[bytearray], None] | None = None,
) -> bytes:
    content = bytearray(nib.Nifti1Image(voxels, affine).to_bytes())
    if change is not None:
        change(content)
    return gzip.compress(bytes(content), 1)


def mask() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, SHAPE).astype(np.uint8)


def test_a_table_becomes_numbers_in_the_order_of_items(decode_each: Decoder) -> None:
    found = decode_each(TABLE_TASK, {"good": b"a,b\n0.25,1e-3\n1,-2\n"})["good"]

    assert found.outcome is Code.OK
    table = np.load(found.predictions["p"])
    assert table.dtype == np.float64
    np.testing.assert_array_equal(table, [[0.25, 0.001], [1, -2]])


def test_every_broken_table_gets_a_sentence_of_its_own(decode_each: Decoder) -> None:
    found = decode_each(
        TABLE_TASK,
        {
            "half": b"a,b\n1,2\n",
            "swapped": b"b,a\n1,2\n3,4\n",
            "headless": b"1,2\n3,4\n",
            "empty": b"",
            "nan": b"a,b\n1,nan\n3,4\n",
            "huge": b"a,b\n1,1e999\n3,4\n",
            "words": b"a,b\n1,1_000\n3,4\n",
            "script": "a,b\n1,\u0661\n3,4\n".encode(),
            "ragged": b"a,b\n1\n3,4\n",
            "binary": b"a,b\n\xff\xfe\n",
            "flood": b"a,b\n" + b"1,2\n" * 10_000,
            "quote": b'a,b\n"1,2\n3,4\n',
        },
    )

    assert {case.outcome for case in found.values()} == {Code.INVALID_OUTPUT}
    said = {name: case.detail for name, case in found.items()}
    assert said == {
        "half": "p.csv has 1 rows; expected 2, one for each item.",
        "swapped": "p.csv has the header 'b,a'; expected 'a,b'.",
        "headless": "p.csv has the header '1,2'; expected 'a,b'.",
        "empty": "p.csv is empty; expected the header 'a,b'.",
        "nan": "p.csv row 1 column 'b' holds 'nan'; expected a finite number.",
        "huge": "p.csv row 1 column 'b' holds '1e999'; expected a finite number.",
        "words": "p.csv row 1 column 'b' holds '1_000'; expected a finite number.",
        "script": "p.csv row 1 column 'b' holds '\u0661'; expected a finite number.",
        "ragged": "p.csv row 1 has 1 values; expected 2.",
        "binary": "p.csv is not UTF-8 text (byte 4).",
        "flood": "p.csv has 40004 bytes; a table of 2 rows and 2 columns has at most 458.",
        "quote": "p.csv is not CSV: unexpected end of data.",
    }


def test_a_long_cell_that_is_no_number_is_refused_in_one_pass() -> None:
    started = time.process_time()
    with pytest.raises(InvalidOutputError, match="expected a finite number"):
        number_of("1" * 60_000 + "x", "p.csv", 1, "a")
    # Each digit once: any digit as the first of the fraction took a minute.
    assert time.process_time() - started < 2


def npy(array: object, **options: object) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), **options)
    return stream.getvalue()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, ">f4"])
def test_a_table_may_be_an_array_and_keeps_its_precision(
    decode_each: Decoder, dtype: object
) -> None:
    values = np.array([[0.1, 2.0], [3.0, 4.0]], dtype=dtype)
    found = decode_each(ARRAY_TASK, {"good": npy(np.asfortranarray(values))})["good"]

    assert found.outcome is Code.OK, found.detail
    table = np.load(found.predictions["p"])
    assert table.dtype == values.dtype.newbyteorder("=")
    np.testing.assert_array_equal(table, values)


def test_every_broken_array_gets_a_sentence_of_its_own(decode_each: Decoder) -> None:
    good = npy(np.ones((2, 2)))
    found = decode_each(
        ARRAY_TASK,
        {
            "flat": npy(np.ones(4)),
            "whole": npy(np.ones((2, 2), np.int64)),
            "inf": npy(np.array([[1, 2], [3, np.inf]])),
            "cut": good[:-1],
            "more": good + b"x",
            "text": b"a,b\n1,2\n3,4\n",
            "empty": b"",
            "pickle": npy(np.array([[1, 2], [3, None]]), allow_pickle=True),
            "flood": npy(np.ones((20_000, 2))),
            "boast": good.replace(b"(2, 2), }".ljust(23), b"(200000000000, 2), }".ljust(23)),
        },
    )

    assert {case.outcome for case in found.values()} == {Code.INVALID_OUTPUT}
    said = {name: case.detail for name, case in found.items()}
    assert said["flat"] == "p.npy has shape (4,); expected (2, 2)."
    assert said["whole"] == "p.npy holds values of type int64; expected float32 or float64."
    assert said["inf"] == "p.npy row 2 column 'b' holds inf; expected a finite number."
    assert said["more"] == "p.npy goes on after its array; expected nothing more."
    assert said["flood"].startswith("p.npy has 320128 bytes; an array of shape (2, 2) has at most")
    for name in ("cut", "text", "empty", "pickle", "boast"):
        assert said[name].startswith("p.npy is no readable .npy array: "), name


def test_a_label_list_takes_numbers_and_names(decode_each: Decoder) -> None:
    found = decode_each(LIST_TASK, {"good": b"label\none\n2\n"})["good"]

    assert found.outcome is Code.OK, found.detail
    labels = np.load(found.predictions["p"])
    assert labels.dtype == np.int64
    assert labels.tolist() == [1, 2]


def test_a_label_that_is_none_is_named_with_its_row(decode_each: Decoder) -> None:
    contents = {"other": b"label\none\nthree\n", "header": b"class\none\ntwo\n"}
    found = decode_each(LIST_TASK, contents)
    assert found["other"].detail == (
        "p.csv row 2 holds 'three'; expected the number or the name of one of the 2 labels."
    )
    assert found["header"].detail == "p.csv has the header 'class'; expected 'label'."


def test_a_mask_in_another_axis_order_comes_back_in_the_order_of_its_grid(
    decode_each: Decoder,
) -> None:
    voxels = mask()
    flipped = AFFINE @ np.array(
        [[-1.0, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    )
    swapped = AFFINE[:, [1, 0, 2, 3]]

    found = decode_each(
        mask_task("seg.nii.gz"),
        {
            "same": nifti(voxels),
            "flipped": nifti(voxels[::-1], flipped),
            "swapped": nifti(voxels.transpose(1, 0, 2), swapped),
            "float": nifti(voxels.astype(np.float32)),
            "four": nifti(voxels[..., None]),
            "wide": nifti(voxels.astype(np.int32)),
        },
    )

    for name, case in found.items():
        assert case.outcome is Code.OK, (name, case.detail)
        array = np.load(case.predictions["seg"])
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, voxels)


def test_every_broken_mask_gets_a_sentence_of_its_own(decode_each: Decoder) -> None:
    voxels = mask()
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.01
    unknown = voxels.copy()
    unknown[0, 0, 0] = 7
    half = voxels.astype(np.float32)
    half[1, 1, 1] = 0.5
    not_a_number = half.copy()
    not_a_number[1, 1, 1] = np.nan

    def set_slope(content: bytearray) -> None:
        struct.pack_into("<f", content, 112, float("nan"))

    def set_offset(content: bytearray) -> None:
        struct.pack_into("<f", content, 108, float("nan"))

    def lie_about_shape(content: bytearray) -> None:
        struct.pack_into("<8h", content, 40, 3, 30_000, 30_000, 30_000, 1, 1, 1, 1)

    found = decode_each(
        mask_task("seg.nii.gz"),
        {
            "shape": nifti(voxels[:-1]),
            "shifted": nifti(voxels, shifted),
            "unknown": nifti(unknown),
            "negative": nifti(-voxels.astype(np.int16)),
            "half": nifti(half),
            "nan": nifti(not_a_number),
            "slope": nifti(voxels, change=set_slope),
            "lie": nifti(voxels, change=lie_about_shape),
            "offset": nifti(voxels, change=set_offset),
            "cut": nifti(voxels)[:-30],
            "cut_inside": gzip.compress(nib.Nifti1Image(voxels, AFFINE).to_bytes()[:-5]),
            "text": b"not an image",
            "empty": b"",
            "bomb": gzip.compress(
                nib.Nifti1Image(voxels, AFFINE).to_bytes() + bytes(64 * 1024 * 1024)
            ),
            "complex": nifti(voxels.astype(np.complex64)),
        },
    )

    assert {case.outcome for case in found.values()} == {Code.INVALID_OUTPUT}
    said = {name: case.detail for name, case in found.items()}
    grid = "5 x 6 x 7 voxels of 2 x 2 x 3 mm at (-10, -20, 30)"
    assert said["shape"] == (
        f"seg.nii.gz lies on {grid.replace('5 x 6', '4 x 6')}; expected the grid of t1, {grid}:"
        " no order of its axes has that shape."
    )
    assert "at (-9.99, -20, 30); expected the grid of t1" in said["shifted"]
    assert said["shifted"].endswith(": the origin is 0.01 mm off, 0.001 mm is allowed.")
    assert said["unknown"] == "seg.nii.gz holds the label 7; the task knows 0, 1, 2."
    assert said["negative"] == "seg.nii.gz holds the label -2; the task knows 0, 1, 2."
    assert "holds 0.5 in 1 of 210 voxels" in said["half"]
    assert "holds nan in 1 of 210 voxels" in said["nan"]
    assert "slope nan" in said["slope"]
    assert "30000 x 30000 x 30000" in said["lie"]
    assert "has its voxels at byte nan" in said["offset"]
    assert "is not a whole gzip file" in said["cut"]
    assert said["cut_inside"].endswith("holds 205 bytes of voxels; its header announces 210.")
    assert said["text"] == "seg.nii.gz is not a NIfTI file."
    assert said["empty"] == "seg.nii.gz is empty."
    assert "holds more bytes of voxels" in said["bomb"]
    assert "complex64" in said["complex"]


GRID = Grid(SHAPE, AFFINE)


def test_numbers_that_are_no_labels_are_background_where_the_task_says_so(
    decode_each: Decoder,
) -> None:
    document = mask_task("seg.nii.gz").model_dump(mode="json")
    document["outputs"]["seg"]["unknown_labels"] = "ignore"
    strange = mask().astype(np.float32)
    strange[0, 0, :5] = [1, 7, -2, 1e30, 2]
    half = strange.copy()
    half[0, 0, 1] = 0.5

    found = decode_each(
        TaskSpec.model_validate(document), {"strange": nifti(strange), "half": nifti(half)}
    )

    assert found["half"].outcome is Code.INVALID_OUTPUT
    assert found["strange"].outcome is Code.OK
    decoded = np.load(found["strange"].predictions["seg"])
    expected = mask()
    expected[0, 0, :5] = [1, 0, 0, 0, 2]
    np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii", ".nii.gz"])
def test_other_formats_lie_on_the_same_grid(tmp_path: Path, suffix: str) -> None:
    voxels = mask()
    image = sitk.GetImageFromArray(voxels.T)
    image.SetSpacing((2.0, 2.0, 3.0))
    image.SetOrigin((10.0, 20.0, 30.0))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    path = tmp_path / f"seg{suffix}"
    sitk.WriteImage(image, path)

    found = read_mask(path, path.name, GRID, "t1", [1, 2])

    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, voxels)


@pytest.mark.parametrize(
    ("name", "header", "expected"),
    [
        ("seg.mha", MHA.format(data="{truth}"), "expected ElementDataFile = LOCAL"),
        ("seg.mha", MHA.format(data="LIST"), "expected ElementDataFile = LOCAL"),
        ("seg.mha", "DimSize = 5 6 7\n" + MHA.format(data="LOCAL"), "gives dimsize twice"),
        ("seg.mha", "\x1b[1mA = 1\n" * 2 + MHA.format(data="LOCAL"), "gives '.x1b.1ma' twice"),
        ("seg.mha", MHA.format(data="b" * 90), f"its voxels in '{'b' * 60}';"),
        ("seg.mha", "HeaderSize = 9\n" + MHA.format(data="LOCAL"), "says HeaderSize"),
        ("seg.mha", "A : CompressedData = True\n" + MHA.format(data="LOCAL"), "not say plainly"),
        ("seg.mha", "CompressedData = yes\n" + MHA.format(data="LOCAL"), "not say plainly"),
        ("seg.mha", MHA.format(data="LOCAL"), "is cut off"),
        ("seg.mha", MHA.replace("5 6 7", "50 6 7").format(data="LOCAL"), "50 x 6 x 7 voxels"),
        ("seg.mha", "no header at all", "has no MetaImage header"),
        ("seg.nrrd", NRRD.format(more="data file: {truth}\n"), "expected its voxels right after"),
        ("seg.nrrd", NRRD.format(more="byte skip: 8\n"), "expected its voxels right after"),
        ("seg.nrrd", NRRD.format(more=""), "is cut off"),
        # What our eyes pass over and the libraries' do not: each of these was read as {truth}.
        (
            "seg.mha",
            MHA.format(data="LOCAL").replace("ElementData", "elementdata")
            + "ElementDataFile = {truth}\n",
            "ElementDataFile twice",
        ),
        (
            "seg.mha",
            MHA.replace(
                "ElementDataFile", "ElementDataFile : {truth}%d 1 1 1=\nElementDataFile"
            ).format(data="LOCAL", truth="{truth}"),
            "ElementDataFile twice",
        ),
        ("seg.mha", "Name = \n" + MHA.format(data="LOCAL"), "is cut off"),
        (
            "seg.mha",
            MHA.replace("ElementData", "Name = \nElementData").format(data="LOCAL")
            + "ElementDataFile = {truth}\n",
            "ElementDataFile twice",
        ),
        (
            "seg.nrrd",
            NRRD.format(more="data file: {truth}%d 1 1 1 3:=x\n"),
            "expected its voxels right after",
        ),
        (
            "seg.nrrd",
            NRRD.format(more="content: a\rdata file: {truth}\n"),
            "expected its voxels right after",
        ),
        (
            "seg.nrrd",
            NRRD.format(more="#\rdata file: {truth}\n"),
            "expected its voxels right after",
        ),
        (
            "seg.nrrd",
            NRRD.format(more="# much\n" * 200_000 + "data file: {truth}\n"),
            "header is longer than",
        ),
        ("seg.nrrd", "no header at all", "has no NRRD header"),
        ("seg.png", "\x89PNG", "has none of the suffixes"),
    ],
)
def test_a_volume_must_hold_its_own_voxels(
    tmp_path: Path, name: str, header: str, expected: str
) -> None:
    truth = tmp_path / "truth.raw"
    truth.write_bytes(mask().tobytes(order="F"))
    shutil.copy(truth, f"{truth}1")
    (tmp_path / name).write_text(header.replace("{truth}", str(truth)), newline="")

    with pytest.raises(InvalidOutputError, match=expected):
        read_mask(tmp_path / name, name, GRID, "t1", [1, 2])


def test_a_missing_file_and_a_link_are_told_apart(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    cases = [
        RawCase("missing", 2, {}),
        RawCase("linked", 2, {}, problems={"p.csv": "is a symbolic link"}),
    ]

    found = decode(
        sandbox, decode_program(), TABLE_TASK, cases, tmp_path, lambda: False, "run_1", 1
    )

    assert found == {
        "missing": DecodedCase(Code.MISSING_OUTPUT, "p.csv was not written to /output."),
        "linked": DecodedCase(
            Code.INVALID_OUTPUT, "p.csv is a symbolic link; expected a plain file."
        ),
    }


def test_a_bad_case_costs_itself_alone(decode_each: Decoder) -> None:
    good = b"a,b\n1,2\n3,4\n"
    found = decode_each(TABLE_TASK, {"first": good, "bad": b"\x00", "last": good})

    assert [case.outcome for case in found.values()] == [Code.OK, Code.INVALID_OUTPUT, Code.OK]


class FallenDecoder:
    """A sandbox in which a job ends without a report when ``falls`` says so of its case ids."""

    name = "process"

    def __init__(self, sandbox: ProcessSandbox, falls: Callable[[SandboxJob], bool]) -> None:
        self._sandbox = sandbox
        self._falls = falls
        self.enforces = sandbox.enforces
        self.jobs: list[list[str]] = []

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        cases = json.loads(job.documents["decode.json"])["cases"]
        self.jobs.append([case["id"] for case in cases])
        if not self._falls(job):
            return self._sandbox.run(job, cancelled)
        left = job.destination / job.outputs[1]
        left.write_bytes(b"half an array")
        return SandboxResult(Ending.OUT_OF_MEMORY, None, 1.0, None, b"", {left.name: left})

    def describe(self, worker: str) -> Environment:
        return self._sandbox.describe(worker)

    def sweep(self) -> None:
        self._sandbox.sweep()

    def close(self) -> None:
        self._sandbox.close()


def tables(folder: Path, **contents: bytes) -> list[RawCase]:
    cases = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        cases.append(RawCase(name, 2, {"p.csv": folder / name}))
    return cases


def test_a_case_that_brings_the_decoder_down_costs_itself_alone(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    def falls(job: SandboxJob) -> bool:
        return any(b"bomb" in path.read_bytes() for path in job.inputs.values())

    fallen = FallenDecoder(sandbox, falls)
    good = b"a,b\n1,2\n3,4\n"
    cases = tables(tmp_path, first=good, bad=b"bomb", last=good)
    (tmp_path / "out").mkdir()

    found = decode(
        fallen, decode_program(), TABLE_TASK, cases, tmp_path / "out", lambda: False, "run_1", 1
    )

    assert {name: case.outcome for name, case in found.items()} == {
        "first": Code.OK,
        "bad": Code.INVALID_OUTPUT,
        "last": Code.OK,
    }
    assert found["bad"].detail == (
        "Reading p.csv brings the decoder down; expected a file that can be read."
    )
    np.testing.assert_array_equal(np.load(found["last"].predictions["p"]), [[1, 2], [3, 4]])
    assert fallen.jobs == [["first", "bad", "last"], ["first"], ["bad"], ["bad"], ["last"]]


def test_a_decoder_that_falls_whatever_it_reads_is_ours(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    fallen = FallenDecoder(sandbox, lambda job: True)
    cases = tables(tmp_path, only=b"a,b\n1,2\n3,4\n")
    (tmp_path / "out").mkdir()

    with pytest.raises(PlatformError, match="out_of_memory") as caught:
        decode(
            fallen, decode_program(), TABLE_TASK, cases, tmp_path / "out", lambda: False, "run_1", 1
        )

    assert caught.value.code is Code.DECODE_FAILED


@pytest.mark.parametrize(
    ("packed", "size", "expected"),
    [
        # ITK left what was in its memory before in the voxels that a packed stream did not reach.
        (zlib.compress(bytes(50)), "", "fewer bytes of voxels than the 210"),
        (zlib.compress(bytes(210))[:-6], "", "fewer bytes of voxels than the 210"),
        (zlib.compress(bytes(211)), "", "more bytes of voxels than the 210"),
        (zlib.compress(bytes(210)), "9", "says '9' in CompressedDataSize"),
    ],
)
def test_packed_voxels_are_all_there(
    tmp_path: Path, packed: bytes, size: str, expected: str
) -> None:
    path = tmp_path / "seg.mha"
    said = f"CompressedDataSize = {size}\n" if size else ""
    header = f"BinaryData = True\nCompressedData = True\n{said}{MHA.format(data='LOCAL')}"
    path.write_bytes(header.encode() + packed)
    volume = open_volume(path, path.name)

    with pytest.raises(InvalidOutputError, match=expected):
        volume.read()
