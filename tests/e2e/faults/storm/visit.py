"""Workers at named points, and which fault meets which of them there."""

from __future__ import annotations

import itertools
import json
import random
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


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
        lone: Faults of which only one may happen at a time.
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
        self._planned = self.left
        self._least_left = 0
        self._random = generator
        self._choosing, self._busy = threading.Lock(), threading.Lock()
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
        return sum(map(len, self._plan.values()))

    def allow(self, part: float) -> None:
        """Let so large a part of the plan happen by now, so that it spreads over all work."""
        self._least_left = max(0, round(self._planned * (1.0 - part)))

    def start(self) -> None:
        self._thread.start()

    def calm(self) -> None:
        """Let every further visit pass."""
        for waiting in self._plan.values():
            waiting.clear()
        with self._busy:
            return

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
        began_at = time.monotonic()
        try:
            if name is None:
                return
            (self._lone | self._together)[name](visit)
            self.took_s[name] += time.monotonic() - began_at
            if visit.missed:
                self._plan[visit.point].insert(0, name)
            else:
                self.hits[visit.point, name] += 1
        except BaseException as error:
            self.errors.append(error)
        finally:
            visit.go()
            if name in self._lone:
                self._busy.release()

    def _choose(self, point: str) -> str | None:
        with self._choosing:
            waiting = self._plan.get(point)
            if not waiting or self.left <= self._least_left:
                return None
            free = self._busy.acquire(blocking=False)
            for index in reversed(range(len(waiting))):
                if free or waiting[index] in self._together:
                    name = waiting.pop(index)
                    if free and name in self._together:
                        self._busy.release()
                    return name
            return None


def every_pair(
    points: Sequence[str], harms: Sequence[str], rounds: int, generator: random.Random
) -> dict[str, list[str]]:
    """Plan every fault at every point so many times, in a random order."""
    plan = {}
    for point in points:
        plan[point] = [harm for _ in range(rounds) for harm in generator.sample(harms, len(harms))]
    return plan


def some_pairs(
    points: Sequence[str], harms: Sequence[str], each: int, generator: random.Random
) -> dict[str, list[str]]:
    """Plan so many faults at every point, and all of them equally often, give or take one.

    >>> some_pairs("ab", "xyz", 2, random.Random(1))
    {'a': ['x', 'z'], 'b': ['y', 'x']}
    """
    order = itertools.cycle(generator.sample(harms, len(harms)))
    return {point: list(itertools.islice(order, each)) for point in points}
