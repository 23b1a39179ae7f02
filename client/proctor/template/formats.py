"""Which format a file has, told by its content; its name decides only between kinds of text.

A name is a claim of whoever sent the file: an upload is called what the sender's machine called
it, and `.nii.gz` is, to others, a gzip file. Formats with a signature are told by it, whatever
the file is called. Text has none: JSON, CSV and plain text are told by the suffix, else by what
the model takes, else by whether it reads as JSON.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .held import File

_HEAD_BYTES = 4096
_NIFTI_BYTES = 544
_GZIP = 31


@dataclass(frozen=True)
class Format:
    """One format: how it is called, its media types (the first is ours), its suffixes."""

    title: str
    mime_types: tuple[str, ...]
    suffixes: tuple[str, ...]


FORMATS: Mapping[str, Format] = {
    "png": Format("PNG", ("image/png",), (".png",)),
    "jpeg": Format("JPEG", ("image/jpeg", "image/jpg"), (".jpg", ".jpeg")),
    "tiff": Format("TIFF", ("image/tiff",), (".tif", ".tiff")),
    "dicom": Format("DICOM", ("application/dicom",), (".dcm",)),
    "dicom_series": Format("DICOM series", ("application/zip",), (".zip",)),
    "nrrd": Format("NRRD", ("application/nrrd", "application/x-nrrd"), (".nrrd",)),
    "metaimage": Format("MetaImage", ("application/x-metaimage",), (".mha",)),
    "nifti": Format("NIfTI", ("application/nii", "image/x.nifti"), (".nii",)),
    "nifti_gzip": Format(
        "NIfTI, gzipped", ("application/nii-gzip", "application/gzip"), (".nii.gz",)
    ),
    "npy": Format("NPY", ("application/octet-stream", "application/x-npy"), (".npy",)),
    "csv": Format("CSV", ("text/csv",), (".csv",)),
    "parquet": Format(
        "Parquet", ("application/vnd.apache.parquet", "application/x-parquet"), (".parquet",)
    ),
    "json": Format("JSON", ("application/json",), (".json",)),
    "text": Format("text", ("text/plain",), (".txt", ".md")),
    "wav": Format("WAV", ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"), (".wav",)),
}
"""Every format that the engine reads, by the name that readers know it under."""

_VOLUMES = ("nifti", "nifti_gzip", "nrrd", "metaimage", "dicom", "dicom_series", "npy")

TYPES: Mapping[str, tuple[str, ...]] = {
    "image": ("png", "jpeg", "tiff", *_VOLUMES),
    "volume": _VOLUMES,
    "array": ("json", "csv", "parquet", "png", "jpeg", "tiff", "wav", *_VOLUMES),
    "table": ("csv", "parquet", "json"),
    "text": ("text", "csv", "json"),
    "audio": ("wav",),
    "json": ("json",),
}
"""The formats that each type of input may come in."""

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"NRRD000", "nrrd"),
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "dicom_series"),
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_TEXTS = ("json", "csv", "text")


def formats_named(text: str) -> tuple[str, ...]:
    """Return the formats that a media type or a suffix stands for; none where nobody knows it.

    >>> formats_named("application/nii-gzip"), formats_named(".JPG"), formats_named("image/webp")
    (('nifti_gzip',), ('jpeg',), ())
    >>> formats_named("application/dicom")
    ('dicom', 'dicom_series')
    """
    plain = text.strip().lower()
    found = [
        name
        for name, entry in FORMATS.items()
        if plain in entry.mime_types or plain in entry.suffixes or "." + plain in entry.suffixes
    ]
    if "dicom" in found:
        found.append("dicom_series")
    return tuple(found)


def detect(file: File, taken: Sequence[str] = ()) -> str | None:
    """Return the format of a file or folder; None where it is none of `FORMATS`.

    Args:
        taken: What the model takes; it decides between kinds of text where the suffix does not.

    Raises:
        OSError: The file cannot be opened.
    """
    if isinstance(file, Path) and file.is_dir():
        return "dicom_series"
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[128:132] == b"DICM":
        return "dicom"
    # After DICOM, whose first 128 bytes are anybody's: a slide may be a TIFF as well.
    if head.startswith(_TIFF):
        return "tiff"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"\x1f\x8b"):
        return "nifti_gzip" if _is_nifti(_unzipped(head)) else None
    if _is_nifti(head):
        return "nifti"
    if head.startswith((b"ObjectType", b"NDims")):
        return "metaimage"
    suffix = file.suffix.lower()
    if suffix in FORMATS["dicom"].suffixes:
        # Old DICOM files begin with their first element, which is no signature.
        return "dicom"
    return _text(head, suffix, taken) if _is_text(head) else None


def claimed(file: File) -> str | None:
    """Return the format that a file's name claims.

    >>> claimed(Path("a/T1.NII.GZ")), claimed(Path("upload"))
    ('nifti_gzip', None)
    """
    name = file.name.lower()
    found = [key for key, entry in FORMATS.items() if name.endswith(entry.suffixes)]
    return found[0] if found else None


def _text(head: bytes, suffix: str, taken: Sequence[str]) -> str:
    for name in _TEXTS:
        if suffix in FORMATS[name].suffixes:
            return name
    for name in taken:
        if name in _TEXTS:
            return name
    return "json" if head.lstrip()[:1] in (b"{", b"[") else "text"


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end in the middle of a letter.
        if error.start < len(head) - 3:
            return False
    return b"\0" not in head


def _is_nifti(head: bytes) -> bool:
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def _unzipped(head: bytes) -> bytes:
    """Return the beginning of what a gzip file holds, as far as it can be told."""
    try:
        return zlib.decompressobj(_GZIP).decompress(head, _NIFTI_BYTES)
    except zlib.error:
        return b""
