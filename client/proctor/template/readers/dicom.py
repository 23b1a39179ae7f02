"""DICOM, a single file, by pydicom: for images that have no SimpleITK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..held import on_disk
from ..values import Volume
from .reader import is_of

if TYPE_CHECKING:
    from ..held import File


class _DicomReader:
    formats: tuple[str, ...] = ("dicom",)
    libraries: tuple[str, ...] = ("numpy", "pydicom")
    package = "pydicom"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        import pydicom

        found = pydicom.dcmread(on_disk(file), stop_before_pixels=True)
        return int(found.Columns), int(found.Rows), int(found.get("NumberOfFrames") or 1)

    def native(self, file: File, name: str) -> object:
        import pydicom

        found = pydicom.dcmread(on_disk(file))
        # Decoded now and kept by the data set: a cut file is told here.
        _ = found.pixel_array
        return found

    def owns(self, native: object) -> bool:
        return is_of(native, "pydicom", "Dataset")

    def array(self, native: Any) -> object:
        """Return voxels in units of the modality, slope and intercept applied."""
        import numpy as np

        stored = native.pixel_array
        frames = stored if int(native.get("NumberOfFrames") or 1) > 1 else stored[np.newaxis]
        data = np.ascontiguousarray(np.swapaxes(frames, 0, 2))
        slope = float(native.get("RescaleSlope") or 1)
        intercept = float(native.get("RescaleIntercept") or 0)
        if (slope, intercept) != (1.0, 0.0):
            data = data * slope + intercept
        row_mm, column_mm = (float(length) for length in native.get("PixelSpacing") or (1, 1))
        slice_mm = float(native.get("SpacingBetweenSlices") or native.get("SliceThickness") or 1)
        axes = [float(part) for part in native.get("ImageOrientationPatient") or (1, 0, 0, 0, 1, 0)]
        along_row, along_column = np.array(axes[:3]), np.array(axes[3:])
        affine = np.eye(4)
        affine[:3, 0] = along_row * column_mm
        affine[:3, 1] = along_column * row_mm
        affine[:3, 2] = np.cross(along_row, along_column) * slice_mm
        affine[:3, 3] = [float(part) for part in native.get("ImagePositionPatient") or (0, 0, 0)]
        affine[:2] *= -1
        return Volume(data=data, affine=affine, spacing_mm=(column_mm, row_mm, slice_mm))


READER = _DicomReader()
