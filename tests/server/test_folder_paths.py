"""A path of a model folder that no file system could hold is refused before anything runs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from proctor.spec.base import FileRef
from proctor.spec.digests import FolderEntry

FILE = FileRef(digest=f"sha256:{'a' * 64}", size=1)


@pytest.mark.parametrize("name", ["a" * 256, "weights/" + "é" * 128, "b" * 256 + "/model.py"])
def test_a_name_longer_than_file_systems_allow_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="a name of more than 255 bytes"):
        FolderEntry(path=name, file=FILE)


def test_a_name_as_long_as_file_systems_allow_is_one() -> None:
    assert FolderEntry(path="a" * 255 + "/" + "b" * 255, file=FILE).path.startswith("aaa")
