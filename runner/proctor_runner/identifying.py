"""Finds header fields of medical files in which a person's name or a date may hide.

It cannot know what a text means, so it reports every text there is. Pixels are not looked at.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel

from proctor_runner.mask_reference import unreadable

_TEXT_FIELDS = ("descrip", "db_name", "aux_file", "intent_name")
_NIFTI_BYTES = 352
_GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT = 4, 8, 16


def identifying_fields(path: Path, file_suffix: str) -> tuple[str, ...]:
    """Return a phrase for every field of the file that may identify a person.

    Raises:
        ValueError: the header cannot be read; the message is a phrase for its owner.
    """
    match file_suffix:
        case ".nii.gz":
            return (*_gzip_fields(path), *_nifti_fields(path, compressed=True))
        case ".nii":
            return _nifti_fields(path, compressed=False)
        case _:
            return (f"a {file_suffix or 'nameless'} header, which is not looked into",)


def _gzip_fields(path: Path) -> tuple[str, ...]:
    with path.open("rb") as stream:
        header = stream.read(10)
    if len(header) < 10 or header[:2] != b"\x1f\x8b":
        raise ValueError("is not compressed with gzip")
    flags, written_at = header[3], int.from_bytes(header[4:8], "little")
    found = []
    if written_at:
        found.append("the time of compression in the gzip header; compress with gzip -n")
    if flags & (_GZIP_EXTRA | _GZIP_NAME | _GZIP_COMMENT):
        found.append("a file name or comment in the gzip header; compress with gzip -n")
    return tuple(found)


def _nifti_fields(path: Path, compressed: bool) -> tuple[str, ...]:
    try:
        if compressed:
            with gzip.open(path) as stream:
                content = stream.read(_NIFTI_BYTES)
        else:
            with path.open("rb") as plain:
                content = plain.read(_NIFTI_BYTES)
        header = nibabel.Nifti1Header(content[:348], check=False)  # type: ignore[no-untyped-call]
    except unreadable() as error:
        raise ValueError(f"is no readable NIfTI volume ({error})") from error
    found = [
        f"{name} = {text!r}"
        for name in _TEXT_FIELDS
        if (text := bytes(header[name].tobytes()).rstrip(b"\0 ").decode("latin-1"))
    ]
    if content[348:349] not in (b"", b"\0"):
        found.append("a header extension")
    return tuple(found)
