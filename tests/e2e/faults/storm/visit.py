"""Workers at named points, and which fault meets which of them there."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from storm.world import is_alive

_TURN_S = 0.6
"""A visit that is to meet a fault of which only one may happen waits so long for another's end."""


class Visit:
    """A worker's process that stands at a named point until it is told to go on."""

    def __init__(self, connection: socket.socket, generator: random.Random) -> None:
        with connection.makefile("rb") as stream:
            told = json.loads(stream.readline())
        self._connection = connection
        self.point: str = told["point"]
        self.process: int = told["process"]
        self.parent: int = told["parent"]
        self.random = generator
        self.missed = False

    def go(self) -> None:
        """Let the process go on, if it still lives. Safe to call twice."""
        with suppress(OSError):
            self._connection.sendall(b"\n")
        self._connection.close()


class Director:
    """Hears of every visit, and has each pair of point and fault happen as often as is planned.

    Args:
        address: The socket at which workers ask.
        plan: What may still happen at each point; the last of a list is next.
        lone: Faults of which only one may happen at a time; whoever meets another waits a moment.
    """

    def __init__(
        self,
        address: Path,
        plan: Mapping[str, list[str]],
        lone: Mapping[str, Callable[[Visit], None]],
        together: Mapping[str, Callable[[Visit], None]],
        generator: random.Random,
    ) -> None:
        self._plan = plan
        self._lone, self._together = lone, together
        self._choosing, self._busy = threading.Lock(), threading.Lock()
        self._happening = 0
        self._is_over = False
        self._planned = self.left
        self._least_left = 0
        self._random = generator
        self.hits: Counter[tuple[str, str]] = Counter()
        self.took_s: defaultdict[str, float] = defaultdict(float)
        self.errors: list[BaseException] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(address))
        self._server.listen(64)
        self._thread = threading.Thread(target=self._listen)

    @property
    def left(self) -> int:
        """How many faults have not happened yet."""
        with self._choosing:
            return self._happening + sum(map(len, self._plan.values()))

    def allow(self, part: float) -> None:
        """Let so large a part of the plan happen by now, so that it spreads over all work."""
        self._least_left = max(0, round(self._planned * (1.0 - part)))

    def start(self) -> None:
        self._thread.start()

    def calm(self) -> None:
        """Let every further visit pass."""
        with self._choosing:
            self._is_over = True
        while self._happening:
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        try:
            visit = Visit(connection, random.Random(self._random.random()))
        except (OSError, ValueError):
            connection.close()  # killed while it asked
            return
        name = self._choose(visit.point)
        happened = False
        try:
            if name in self._together:
                happened = self._harm(self._together[name], visit, name)
            elif name is not None and self._busy.acquire(timeout=_TURN_S):
                try:
                    happened = self._harm(self._lone[name], visit, name)
                finally:
                    self._busy.release()
        except BaseException as error:
            self.errors.append(error)
        finally:
            visit.go()
            self._end(visit.point, name, happened)

    def _harm(self, harm: Callable[[Visit], None], visit: Visit, name: str) -> bool:
        if not is_alive(visit.process):
            return False  # another fault was its end while it waited
        began_at = time.monotonic()
        harm(visit)
        self.took_s[name] += time.monotonic() - began_at
        return not visit.missed

    def _choose(self, point: str) -> str | None:
        with self._choosing:
            waiting = self._plan.get(point)
            left = sum(map(len, self._plan.values()))
            if not waiting or left <= self._least_left or self._is_over:
                return None
            self._happening += 1
            return waiting.pop()

    def _end(self, point: str, name: str | None, happened: bool) -> None:
        if name is None:
            return
        with self._choosing:
            self._happening -= 1
            if happened:
                self.hits[point, name] += 1
            else:
                self._plan[point].insert(0, name)


def every_pair(
    points: Sequence[str], harms: Sequence[str], rounds: int, generator: random.Random
) -> dict[str, list[str]]:
    """Plan every fault at every point so many times, in a random order."""
    plan = {}
    for point in points:
        plan[point] = [harm for _ in range(rounds) for harm in generator.sample(harms, len(harms))]
    return plan
