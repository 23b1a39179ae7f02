"""The folder ``storm`` beside this file is what the fault suite is made of."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose sockets have short names."""
    folder = tmp_path_factory.mktemp("f")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def one_case(write_challenge: Callable[..., Path], tmp_path: Path) -> Path:
    """The folder of a challenge of one case, in which everybody may enter once."""
    folder = write_challenge(tmp_path / "half", "half", quota={"total": 1})
    for split in ("hidden", "sample"):
        for path in (folder / "data" / split).rglob("*.npy"):
            if path.name != "c1.npy":
                path.unlink()
    return folder
