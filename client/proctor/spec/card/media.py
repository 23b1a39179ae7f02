"""Media types of input files, as people write them and as they are."""

from __future__ import annotations

import re
from types import MappingProxyType

from proctor.spec.card.io import InputKind

_MEANT = MappingProxyType(
    {
        "image/jpg": "image/jpeg",
        "image/x.nifti": "application/nii",
        "application/gzip": "application/nii-gzip",
        "application/x-gzip": "application/nii-gzip",
        "application/x-nifti": "application/nii",
        "application/nifti": "application/nii",
        "application/x-npy": "application/octet-stream",
        "application/x-nrrd": "application/nrrd",
        "image/nrrd": "application/nrrd",
        "image/dicom": "application/dicom",
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "npy": "application/octet-stream",
        "nii": "application/nii",
        "nii.gz": "application/nii-gzip",
        "nrrd": "application/nrrd",
        "dcm": "application/dicom",
        "mha": "application/x-metaimage",
        "csv": "text/csv",
        "txt": "text/plain",
        "json": "application/json",
        "wav": "audio/wav",
        "parquet": "application/vnd.apache.parquet",
    }
)
_KINDS = MappingProxyType(
    {
        "application/nii": InputKind.VOLUME,
        "application/nii-gzip": InputKind.VOLUME,
        "application/nrrd": InputKind.VOLUME,
        "application/dicom": InputKind.VOLUME,
        "application/x-metaimage": InputKind.VOLUME,
        "application/json": InputKind.JSON,
        "application/octet-stream": InputKind.ARRAY,
        "application/vnd.apache.parquet": InputKind.TABLE,
        "text/csv": InputKind.TABLE,
    }
)
_FAMILIES = MappingProxyType(
    {"image": InputKind.IMAGE, "text": InputKind.TEXT, "audio": InputKind.AUDIO}
)
_SHAPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,99}")


def media_type(said: str) -> str | None:
    """Return the media type that somebody means; None when it is none.

    >>> media_type("image/jpg"), media_type(".nii.gz"), media_type("anything")
    ('image/jpeg', 'application/nii-gzip', None)
    """
    name = said.strip().lower().removeprefix(".")
    name = _MEANT.get(name, name)
    return name if _SHAPE.fullmatch(name) else None


def kind_of(media: str) -> InputKind:
    """Return what kind of input comes in files of a media type.

    >>> kind_of("image/png").value, kind_of("application/x-own").value
    ('image', 'array')
    """
    return _KINDS.get(media) or _FAMILIES.get(media.partition("/")[0], InputKind.ARRAY)
