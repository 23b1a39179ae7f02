"""SimpleITK as this container may use it: one format at a time, on one thread."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "SimpleITK"


def itk_reader(path: Path, format_name: str) -> Any:
    """Return SimpleITK's reader of a file, which takes it for this format and for no other."""
    sitk: Any = importlib.import_module(LIBRARY)
    # One thread: others would reserve more address space than a decoding process may have.
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(format_name)
    reader.SetFileName(str(path))
    return reader


def numbers_of(reader: Any) -> Any:
    """Read the file of a reader whose header was accepted, as an array."""
    return importlib.import_module(LIBRARY).GetArrayFromImage(reader.Execute())
