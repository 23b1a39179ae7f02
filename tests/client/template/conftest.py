"""Engines in this process, and a file of every format that they read."""

from __future__ import annotations

import json
import locale
import sys
import wave
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow
import pytest
import SimpleITK
from PIL import Image
from pyarrow import parquet

from proctor.template.engine import Engine

SEES = "class Model:\n def predict(self, inputs):\n  Model.seen = inputs\n  return {'done': 1}\n"


@dataclass(frozen=True, eq=False)
class Samples:
    """A file of every format by its name, all volumes, pictures and tables with one content.

    The volume is of i, j, k = 2, 3, 4; the picture of 4 rows, 5 columns and 3 channels.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    voxels: Any = field(default_factory=lambda: np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    affine: Any = field(
        default_factory=lambda: np.array(
            [[-2.0, 0, 0, 90], [0, -2, 0, 126], [0, 0, 3, -72], [0, 0, 0, 1]]
        )
    )
    pixels: Any = field(default_factory=lambda: np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    sound: Any = field(
        default_factory=lambda: np.array([[0, 1000], [-32768, 32767], [5, -5]], dtype=np.int16)
    )
    rows: tuple[dict[str, float], ...] = (
        {"age": 4.0, "weight": 0.5},
        {"age": 6.0, "weight": 1.5},
    )

    def itk_image(self) -> Any:
        """Return the volume as SimpleITK has it: axes the other way around, x to the left."""
        image = SimpleITK.GetImageFromArray(self.voxels.transpose(2, 1, 0))
        image.SetSpacing((2.0, 2.0, 3.0))
        image.SetOrigin((-90.0, -126.0, -72.0))
        return image


MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeEngine]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = sys.modules.get("model")

    def make(body: str = SEES, inputs: Any = None, outputs: Any = None) -> Engine:
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        (folder / "model.py").write_text(body)
        io = {"inputs": inputs or {}, "outputs": outputs or {}}
        (folder / "model.json").write_text(json.dumps({"io": io}))
        return Engine.start(folder, 0)

    yield make
    sys.modules.pop("model", None)
    if before is not None:
        sys.modules["model"] = before


@contextmanager
def locale_kept() -> Iterator[None]:
    """Undo what the writer of DICOM files does: it sets this process's locale to C for good."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


def write_series(image: Any, folder: Path) -> None:
    """Write a volume as a DICOM series, its slices in no order."""
    folder.mkdir()
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    orientation = "\\".join(str(value) for value in (1, 0, 0, 0, 1, 0))
    for k in range(image.GetDepth()):
        part = image[:, :, k]
        x, y, z = image.TransformIndexToPhysicalPoint((0, 0, k))
        for tag, value in (
            ("0008|0018", f"1.2.826.0.1.3680043.2.1125.{k + 1}"),
            ("0020|000e", "1.2.826.0.1.3680043.2.1125.100"),
            ("0008|0060", "CT"),
            ("0020|0032", f"{x}\\{y}\\{z}"),
            ("0020|0037", orientation),
            ("0020|0013", str(k)),
        ):
            part.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{(k * 7) % 5}.dcm"))
        with locale_kept():
            writer.Execute(part)


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    folder = tmp_path / "files"
    folder.mkdir()
    samples = Samples()
    found = samples.paths
    found |= {
        "png": folder / "a.png",
        "jpeg": folder / "a.jpg",
        "tiff": folder / "a.tif",
        "dicom": folder / "a.dcm",
        "nrrd": folder / "a.nrrd",
        "metaimage": folder / "a.mha",
        "nifti": folder / "a.nii",
        "nifti_gzip": folder / "a.nii.gz",
        "npy": folder / "a.npy",
        "csv": folder / "a.csv",
        "parquet": folder / "a.parquet",
        "json": folder / "a.json",
        "text": folder / "a.txt",
        "wav": folder / "a.wav",
        "dicom_series": folder / "a.zip",
    }
    Image.fromarray(samples.pixels).save(found["png"])
    Image.fromarray(samples.pixels).save(found["jpeg"])
    Image.fromarray(samples.pixels).save(found["tiff"])
    image = samples.itk_image()
    SimpleITK.WriteImage(image[:, :, 1], str(found["dicom"]))
    SimpleITK.WriteImage(image, str(found["nrrd"]))
    SimpleITK.WriteImage(image, str(found["metaimage"]))
    for name in ("nifti", "nifti_gzip"):
        nibabel.Nifti1Image(samples.voxels, samples.affine).to_filename(found[name])
    np.save(found["npy"], samples.voxels)
    found["csv"].write_text("age,weight\n4,0.5\n6,1.5\n")
    parquet.write_table(pyarrow.table({"age": [4, 6], "weight": [0.5, 1.5]}), found["parquet"])
    found["json"].write_text(json.dumps(samples.rows))
    found["text"].write_text("Zürich\n", "utf-8")
    with wave.open(str(found["wav"]), "wb") as stream:
        stream.setnchannels(2)
        stream.setsampwidth(2)
        stream.setframerate(8000)
        stream.writeframes(samples.sound.tobytes())
    write_series(image, folder / "series")
    with zipfile.ZipFile(found["dicom_series"], "w") as archive:
        for slice_file in sorted((folder / "series").iterdir()):
            archive.write(slice_file, f"../../{slice_file.name}")
    return samples
