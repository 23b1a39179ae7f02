"""The most memory that each process of a platform held, watched from outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

_PERIOD_S = 0.2
_KIB = 1024


class MemoryWatch:
    """Watches all descendants of a process while it is entered; a context manager.

    Args:
        root: Process id whose descendants are watched.
        kinds: What a command line holds, and what a process of that kind is called.
    """

    def __init__(self, root: int, kinds: dict[str, str]) -> None:
        self._root = root
        self._kinds = kinds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak_bytes: dict[str, int] = {}

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            for process in _descendants(self._root):
                try:
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    held = _most_held(process)
                except OSError:
                    continue
                name = next((name for part, name in self._kinds.items() if part in command), "")
                if name:
                    self.peak_bytes[name] = max(held, self.peak_bytes.get(name, 0))


def _descendants(root: int) -> Iterator[Path]:
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    yield from (Path("/proc") / str(process) for process in sorted(found - {root}))


def _most_held(process: Path) -> int:
    for line in (process / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * _KIB
    return 0
