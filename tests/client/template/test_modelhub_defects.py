"""What is known to go wrong in ModelHub's engine with files and outputs, and does not here."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import proctor.template
from proctor.template.inputs import InputError
from proctor.template.outputs.hdf5 import axes_of

MODEL = "import numpy as np\nclass Model:\n def predict(self, inputs):\n  return {answer}\n"


@pytest.mark.parametrize("name", ["nifti_gzip", "nifti", "npy", "dicom", "png", "jpeg"])
@pytest.mark.parametrize("called", ["upload", "upload.bin", None])
def test_a_single_file_of_every_format_goes_in_whatever_it_is_called(
    make_engine: Any, samples: Any, tmp_path: Path, name: str, called: str | None
) -> None:
    """There only PNG and JPEG did: the library that guessed types knew the others otherwise."""
    path = samples.paths[name]
    if called:
        path = tmp_path / called
        path.write_bytes(samples.paths[name].read_bytes())
    kind = "image" if name in ("png", "jpeg", "dicom") else "volume"
    media = {"nifti_gzip": "application/nii-gzip", "nifti": "application/nii"} | {
        "npy": "application/octet-stream",
        "dicom": "application/dicom",
    }
    formats = [media.get(name, f"image/{name}")]
    engine = make_engine(inputs={"single": {"type": kind, "formats": formats}})
    assert engine.predict({"single": path}).values == {"done": 1}


def test_the_shape_of_an_array_is_that_of_its_values(make_engine: Any, tmp_path: Path) -> None:
    """There the check compared the shape with the text of the file's address."""
    import h5py

    engine = make_engine(
        MODEL.format(answer="np.zeros((2, 4))"), outputs={"mask": {"type": "mask_image"}}
    )
    prediction = engine.predict({})
    prediction.write_hdf5("mask", tmp_path / "mask.h5")
    with h5py.File(tmp_path / "mask.h5") as file:
        assert file["mask"].shape == prediction.values["mask"].shape == (2, 4)


@pytest.mark.parametrize(
    "points", ["[[0, 0], [1, 0], [1, 1]]", "[[0, 0, 1], [1, 0, 1], [1, 1, 1]]"]
)
def test_a_contour_is_an_output_in_two_and_in_three_dimensions(
    make_engine: Any, points: str
) -> None:
    """There it was declared and then refused by the check."""
    engine = make_engine(MODEL.format(answer=points), outputs={"c": {"type": "contour"}})
    assert len(engine.predict({}).values["c"]) == 1


def test_requests_at_once_take_no_file_from_each_other(make_engine: Any, samples: Any) -> None:
    """There the working folder was emptied after every request, whoever else used it."""
    engine = make_engine(
        MODEL.format(answer="{'sum': int(np.asarray(inputs['ct']).sum())}"),
        {"ct": {"type": "volume"}},
    )
    found: list[Any] = []

    def ask() -> None:
        found.append(engine.predict({"ct": samples.paths["dicom_series"]}).values["sum"])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [int(samples.voxels.sum())] * 6


def test_a_refusal_is_a_sentence_with_a_code_and_no_exception_of_a_library(
    make_engine: Any, tmp_path: Path
) -> None:
    """There every error was 400 and the text of a Python exception."""
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00")
    engine = make_engine(inputs={"x": {"type": "array"}})
    with pytest.raises(InputError) as raised:
        engine.predict({"x": tmp_path / "a.npy"})
    assert raised.value.code == "INPUT_UNREADABLE"
    assert str(raised.value).startswith("Input 'x' (a.npy) cannot be read as NPY: ")
    assert "Error(" not in str(raised.value)


def test_what_is_written_tells_axes_and_place(make_engine: Any, samples: Any) -> None:
    """There an array had its type alone: no affine, no order of axes, no unit."""
    engine = make_engine(
        MODEL.format(answer="inputs['t1'].data > 3"),
        {"t1": {"type": "volume"}},
        {"mask": {"type": "mask_image"}},
    )
    prediction = engine.predict({"t1": samples.paths["nrrd"]})
    grid = prediction.grid_of("mask")
    assert np.allclose(grid.affine, samples.affine)
    assert axes_of(prediction.outputs["mask"], (2, 3, 4), grid) == ("i", "j", "k")


def test_the_engine_is_written_for_the_pythons_that_models_have() -> None:
    """There nothing newer than Flask 2.1 and numpy 1 would do; here nothing older than 3.8."""
    folder = Path(proctor.template.__file__).parent
    sources = [path for path in folder.rglob("*.py") if path.name != "scaffold.py"]
    assert len(sources) > 30
    for path in sources:
        ast.parse(path.read_text("utf-8"), str(path), feature_version=(3, 8))
