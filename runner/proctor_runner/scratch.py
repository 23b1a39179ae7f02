"""Folders that live as long as one attempt, and the removal of those whose attempt was killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(root: Path, name: str) -> Iterator[Path]:
    """Make an empty folder below ``root`` and remove it with everything in it at the end."""
    folder = root / f"{os.getpid()}-{name}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_scratch(root: Path) -> None:
    """Remove the folders whose process is gone."""
    for folder in root.glob("[0-9]*-*"):
        if not Path(f"/proc/{folder.name.partition('-')[0]}").exists():
            shutil.rmtree(folder, ignore_errors=True)
