"""What a disk does to files: it fails with an OSError, and it forgets what was not flushed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proctor.spec.outcomes import Code, PlatformError


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turn what the disk refuses into a failure of ours.

    Raises:
        PlatformError: STORAGE_FAILED.
    """
    try:
        yield
    except OSError as error:
        raise PlatformError(Code.STORAGE_FAILED, error.strerror or "The disk failed.") from error


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    Without this a power cut may lose a name although the bytes are safe.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
