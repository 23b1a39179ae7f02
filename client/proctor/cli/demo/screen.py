"""What the demo shows while it works: numbered steps with their times, and every submission.

A terminal gets one table that changes in place; a pipe gets a line for every change.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from proctor.cli.output import Format, console, emit, plain, say

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table


@dataclass
class Steps:
    """The steps of the demo and how long each took."""

    started_at: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, title: str) -> Generator[None]:
        """Say that a step begins, and keep its time."""
        say(f"\n{len(self.seconds) + 1}. {title}")
        begun_at = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - begun_at
        say(f"   done in {self.seconds[title]:.1f} s")

    def show(self) -> None:
        """Print the time of every step."""
        total = time.monotonic() - self.started_at
        rows = [
            {"step": title, "seconds": f"{seconds:.1f}"}
            for title, seconds in [*self.seconds.items(), ("all", total)]
        ]
        emit(rows, Format.TABLE, title="Seconds")


class StateBoard:
    """The state of every submission, shown as it changes."""

    def __init__(self, names: list[str]) -> None:
        self._states = dict.fromkeys(names, "not submitted")
        self._width = max(map(len, names), default=0)
        self._began_at = time.monotonic()
        self._live: Live | None = None

    @property
    def states(self) -> Mapping[str, str]:
        """The last state of each submission."""
        return self._states

    def set(self, name: str, state: str) -> None:
        """Show that a submission is in ``state`` now."""
        if self._states[name] == state:
            return
        self._states[name] = state
        if self._live is not None:
            self._live.update(self._table())
        else:
            elapsed = time.monotonic() - self._began_at
            say(f"   {elapsed:6.1f} s  {name:<{self._width}}  {state}")

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.live import Live

            self._live = Live(self._table(), console=console(stderr=True), refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2), show_header=False)
        for name, state in self._states.items():
            table.add_row(Text(name), Text(plain(state)))
        return table
