"""A chain of readers: the first whose format it is, and whose library is installed, opens a file.

A reader gives a file's *native form*, what its library makes of it, and turns that into its *array
form*: a numpy array, a `Volume`, an `Audio`, or rows of a table.

| format | native form | array form | library |
|---|---|---|---|
| PNG, JPEG | `PIL.Image.Image` | (rows, columns) or (rows, columns, channels) | pillow |
| DICOM, a file | `SimpleITK.Image`, without SimpleITK `pydicom.Dataset` | `Volume` | either |
| DICOM, a folder or zip | `SimpleITK.Image` | `Volume` | SimpleITK |
| NRRD, MetaImage | `SimpleITK.Image` | `Volume` | SimpleITK |
| NIfTI | `nibabel.Nifti1Image`, `Nifti2Image` | `Volume` | nibabel |
| NPY | numpy array | the same | numpy |
| CSV, Parquet | list of dicts, numbers as floats | float64 (rows, columns) | -, pyarrow |
| JSON | what it says | what it says; numbers alone as an array | - |
| text | str | the same | - |
| WAV | `Audio` of integers or floats as stored | `Audio` of float32 from -1 to 1 | - |

A new format is a module with a `READER`, a line in `CHAIN` and an entry in `formats`.
"""

from __future__ import annotations

from importlib.util import find_spec

from ..formats import FORMATS
from . import audio, dicom, itk, nifti, npy, pictures, tables, texts
from .reader import Reader

CHAIN: tuple[Reader, ...] = (
    npy.READER,
    nifti.READER,
    pictures.READER,
    itk.READER,
    dicom.READER,
    tables.CSV_READER,
    tables.PARQUET_READER,
    texts.JSON_READER,
    texts.TEXT_READER,
    audio.READER,
)


class LibraryMissingError(Exception):
    """No installed library reads the format; the text says which would."""


def reader_of(name: str) -> Reader:
    """Return the first reader of a format whose libraries are installed.

    Raises:
        LibraryMissingError: None is.
    """
    able = [reader for reader in CHAIN if name in reader.formats]
    for reader in able:
        if all(find_spec(library) is not None for library in reader.libraries):
            return reader
    packages = " or ".join(reader.package for reader in able)
    raise LibraryMissingError(
        f"{FORMATS[name].title} needs {packages}, which is not installed in the model's image; "
        f"add it there (pip install {able[0].package})"
    )


def to_array(native: object) -> object:
    """Return the array form of a value; one that no reader made is its own."""
    for reader in CHAIN:
        if reader.owns(native):
            return reader.array(native)
    return native
