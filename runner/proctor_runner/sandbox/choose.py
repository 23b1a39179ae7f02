"""Chooses the sandbox of this worker."""

from __future__ import annotations

from pathlib import Path

from proctor_runner.sandbox.interface import Sandbox


def choose(name: str, state: Path, keeper_image: str = "") -> Sandbox:
    """Return the sandbox called ``name``; ``auto`` is the first usable of docker and process.

    Args:
        state: The worker's state folder; slots and mounts live in ``state/sandbox``.
        keeper_image: Id of a trusted image with Python, for hosts on which this process may not
            mount; not needed where it may.

    Raises:
        PlatformError: SANDBOX_FAILED, it cannot be used here; the detail says why.
        ValueError: There is no sandbox of that name.
    """
    raise NotImplementedError
