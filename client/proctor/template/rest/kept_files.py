"""Files that an answer points to: kept for a while under names that nobody can guess."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

_NAME_BYTES = 16


class KeptFiles:
    """A folder of answers' files; the oldest go first.

    Args:
        folder: An empty folder of this service's own.
        most_bytes: Of all files together.
        keep_s: How long a file is kept at most.
    """

    def __init__(
        self,
        folder: Path,
        most_bytes: int = 1 << 30,
        keep_s: float = 900.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._keep_s = keep_s
        self._clock = clock
        self._lock = threading.Lock()
        self._sizes: dict[str, tuple[float, int]] = {}
        self._total_bytes = 0

    def keep(self, file: Path, suffix: str, is_ours: bool = True) -> str:
        """Take a file over, or a copy of one that is not ours; return the name it is found by."""
        name = secrets.token_hex(_NAME_BYTES) + suffix
        size = file.stat().st_size
        if is_ours:
            shutil.move(str(file), str(self._folder / name))
        else:
            shutil.copyfile(file, self._folder / name)
        with self._lock:
            self._sizes[name] = (self._clock(), size)
            self._total_bytes += size
            self._let_go(name)
        return name

    def find(self, name: str) -> Path | None:
        """Return the file of a name that was given out and is still kept."""
        with self._lock:
            self._let_go(name)
            return self._folder / name if name in self._sizes else None

    def _let_go(self, wanted: str) -> None:
        now = self._clock()
        for name, (since, size) in list(self._sizes.items()):
            is_old = now - since > self._keep_s
            if not is_old and (self._total_bytes <= self._most_bytes or name == wanted):
                break
            del self._sizes[name]
            self._total_bytes -= size
            (self._folder / name).unlink(missing_ok=True)
