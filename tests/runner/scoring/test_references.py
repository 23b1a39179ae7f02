"""A reference that is no volume is the organizer's to mend, however it is broken."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from proctor_runner.mask_reference import load_volume


def whole() -> bytes:
    return nibabel.Nifti1Image(np.ones((4, 4, 4), np.uint8), np.eye(4)).to_bytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a volume", whole()[:200], whole()[:360], b"\xff" * 400],
    ids=["empty", "text", "cut in the header", "cut in the voxels", "noise"],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_what_is_no_volume_is_refused_in_words(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / "reference"
    path.write_bytes(gzip.compress(content) if suffix == ".nii.gz" else content)
    with pytest.raises(ValueError, match="is no readable NIfTI volume"):
        load_volume(path, suffix)
