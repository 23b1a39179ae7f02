"""NRRD, MetaImage and DICOM by SimpleITK, DICOM as a file or as a series in a folder or zip.

The library knows left from right the other way around: its x points to the left and its y to the
back, so both change sign in a `Volume`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..held import on_disk
from ..own_voxels import holds_own_voxels
from ..values import Volume
from .reader import is_of

if TYPE_CHECKING:
    from ..held import File

_READERS = {"nrrd": "NrrdImageIO", "metaimage": "MetaImageIO", "dicom": "GDCMImageIO"}
_MOST_FILES = 10_000
_MOST_SERIES_BYTES = 4 * 1024**3


class _ItkReader:
    formats: tuple[str, ...] = (*_READERS, "dicom_series")
    libraries: tuple[str, ...] = ("numpy", "SimpleITK")
    package = "SimpleITK"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        if name == "dicom_series":
            return None
        reader = _reader(on_disk(file), name)
        reader.ReadImageInformation()
        size = tuple(int(length) for length in reader.GetSize())
        values = int(reader.GetNumberOfComponents())
        return (*size, *(1,) * (3 - len(size)), *((values,) if values > 1 else ()))

    def native(self, file: File, name: str) -> object:
        path = on_disk(file)
        if name != "dicom_series":
            return _reader(path, name).Execute()
        if path.is_dir():
            return _series([file for file in sorted(path.iterdir()) if file.is_file()])
        import tempfile

        with tempfile.TemporaryDirectory(prefix="series-") as folder:
            return _series(_unpack(path, Path(folder)))

    def owns(self, native: object) -> bool:
        return is_of(native, "SimpleITK", "Image")

    def array(self, native: Any) -> object:
        import numpy as np

        # Its arrays are indexed the other way around; the values of a voxel come last in both.
        stored = _library().GetArrayFromImage(native)
        axes = native.GetDimension()
        order = [*range(axes - 1, -1, -1), *range(axes, stored.ndim)]
        data = np.ascontiguousarray(stored.transpose(order))
        if axes < 3:
            data = np.expand_dims(data, axes)
        spacing = np.ones(3)
        spacing[: min(axes, 3)] = native.GetSpacing()[:3]
        origin = np.zeros(3)
        origin[: min(axes, 3)] = native.GetOrigin()[:3]
        direction = np.eye(3)
        turned = np.asarray(native.GetDirection()).reshape(axes, axes)
        direction[: min(axes, 3), : min(axes, 3)] = turned[:3, :3]
        affine = np.eye(4)
        affine[:3, :3] = direction * spacing
        affine[:3, 3] = origin
        affine[:2] *= -1
        x, y, z = (float(length) for length in spacing)
        return Volume(data=data, affine=affine, spacing_mm=(x, y, z))


def _reader(path: Path, name: str) -> Any:
    itk = _library()
    if name != "dicom":
        _refuse_detached_data(path)
    reader = itk.ImageFileReader()
    reader.SetImageIO(_READERS[name])
    reader.SetFileName(str(path))
    return reader


def _library() -> Any:
    """Import SimpleITK, whose functions are typed in part."""
    import SimpleITK

    return SimpleITK


def _refuse_detached_data(path: Path) -> None:
    """Refuse a header that names another file for its voxels: it could name any on this machine."""
    if not holds_own_voxels(path):
        raise ValueError("its voxels lie in another file; write header and voxels in one")


def _series(files: list[Path]) -> Any:
    """Read the files of the one series among them, in the order of their places."""
    if not files:
        raise ValueError("holds no file")
    itk = _library()
    folder = str(files[0].parent)
    found = itk.ImageSeriesReader.GetGDCMSeriesIDs(folder)
    if len(found) != 1:
        raise ValueError(f"holds {len(found)} DICOM series; exactly one is expected")
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(itk.ImageSeriesReader.GetGDCMSeriesFileNames(folder, found[0]))
    return reader.Execute()


def _unpack(path: Path, folder: Path) -> list[Path]:
    """Unpack under names of our own: a name in a zip may lead anywhere."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        size_bytes = sum(member.file_size for member in members)
        if len(members) > _MOST_FILES or size_bytes > _MOST_SERIES_BYTES:
            raise ValueError(
                f"unpacks to {len(members)} files of {size_bytes} bytes; at most {_MOST_FILES} of "
                f"{_MOST_SERIES_BYTES} are read"
            )
        files = []
        for number, member in enumerate(members):
            files.append(folder / f"{number:06}.dcm")
            files[-1].write_bytes(archive.read(member))
    return files


READER = _ItkReader()
