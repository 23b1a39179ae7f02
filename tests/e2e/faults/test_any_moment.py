"""Faults at any moment, not at named points: processes stopped past their lease, a cut network."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from storm import oracle
from storm.entries import Entry, enter, invite, publish
from storm.proxy import Answer, CutError, Message
from storm.world import LEASE_S, World, is_alive, parent_of, wait_until, world

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount small disks"),
]

_PATIENCE_S = 900.0


class Chaos:
    """Does harm at random moments until it is told to stop; leaves everything running."""

    def __init__(self, world: World, generator: random.Random) -> None:
        self.hits: Counter[str] = Counter()
        self._world = world
        self._generator = generator
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Chaos:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        harms = [
            *(self._stop_a_process, self._stop_a_process, self._kill_a_process),
            *(self._stop_the_platform, self._stop_redis, self._empty_redis),
            *(self._cut_the_network, self._lose_answers, self._restart_the_platform),
        ]
        while not self._over.wait(self._generator.uniform(0.05, 1.5)):
            harm = self._generator.choice(harms)
            harm()
            self.hits[harm.__name__] += 1
            self._revive()
        self._revive()

    def _revive(self) -> None:
        for name, process in self._world.workers.items():
            if not is_alive(process):
                self._world.start_worker(name)
                return self._revive()
        return None

    def _a_process(self) -> int | None:
        found = [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and self._world.worker_of(int(entry.name)) is not None
        ]
        return self._generator.choice(sorted(found)) if found else None

    def _stand_still(self, process: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)
            self._over.wait(self._generator.uniform(0.2, 3 * LEASE_S))
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)

    def _stop_a_process(self) -> None:
        process = self._a_process()
        if process is not None:
            self._stand_still(process)

    def _kill_a_process(self) -> None:
        process = self._a_process()
        if process is not None and parent_of(process):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _stop_the_platform(self) -> None:
        self._stand_still(self._world.platform)

    def _restart_the_platform(self) -> None:
        self._world.kill_platform()
        self._world.start_platform()

    def _stop_redis(self) -> None:
        assert self._world.redis is not None
        self._stand_still(self._world.redis.pid)

    def _empty_redis(self) -> None:
        if self._generator.random() < 0.5:
            self._world.kill_redis()
            self._world.start_redis()
            return
        with suppress(Exception), self._world.redis_client() as client:
            client.flushall()

    def _cut_the_network(self) -> None:
        def hang(message: Message) -> Answer | None:
            if not message.of_work and "/claim" not in message.path:
                return None
            self._over.wait(1.0)
            raise CutError

        with self._world.proxy.ruled(hang):
            self._over.wait(self._generator.uniform(0.5, 2 * LEASE_S))

    def _lose_answers(self) -> None:
        def lose(message: Message) -> Answer | None:
            self._world.proxy.pass_on(message)
            raise CutError

        with self._world.proxy.ruled(lose):
            self._over.wait(self._generator.uniform(0.3, LEASE_S))


def assert_right(made: World, entries: list[Entry], patience_s: float = _PATIENCE_S) -> None:
    wait_until(lambda: oracle.unfinished(made) == 0, "every submission ends", patience_s)
    scored = sum(entry.score is not None for entry in entries)
    wait_until(lambda: not oracle.board_is_missing(made, scored), "the board")
    assert oracle.judge(made, entries) == []
    wait_until(lambda: not oracle.leftovers(made), str(oracle.leftovers(made)))


def test_faults_at_any_moment_cost_nobody_anything(
    short_path: Path, one_case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("PROCTOR_TEST_SEED", "11"))
    number = int(os.environ.get("PROCTOR_TEST_SUBMISSIONS", "80"))
    with world(short_path, at_points=False, forks_models=False) as made:
        publish(made, one_case, docker=False)
        tokens = invite(made, [f"participant-{place}" for place in range(number)])
        for name in ("one", "two"):
            made.start_worker(name)
        with Chaos(made, random.Random(seed)) as chaos:
            with ThreadPoolExecutor(4) as pool:
                entries = list(
                    pool.map(lambda place: enter(made, place, tokens[place]), range(number))
                )
            end = time.monotonic() + _PATIENCE_S / 4
            while oracle.unfinished(made) > number // 10 and time.monotonic() < end:
                time.sleep(0.2)
        with capsys.disabled():
            print(f"\n{sum(chaos.hits.values())} faults: {dict(chaos.hits)}")
        assert_right(made, entries)


@pytest.mark.parametrize("loss", ["emptied", "killed"])
def test_redis_that_forgets_two_hundred_who_wait_loses_nobody(
    short_path: Path, one_case: Path, loss: str
) -> None:
    number = int(os.environ.get("PROCTOR_TEST_WAITING", "200"))
    with world(short_path, at_points=False) as made:
        publish(made, one_case, docker=False)
        tokens = invite(made, [f"participant-{place}" for place in range(number)])
        with ThreadPoolExecutor(4) as pool:
            entries = list(pool.map(lambda place: enter(made, place, tokens[place]), range(number)))
        assert oracle.unfinished(made) == number
        made.start_worker("one")
        wait_until(lambda: oracle.unfinished(made) < number, "work begins")
        if loss == "emptied":
            with made.redis_client() as client:
                client.flushall()
        else:
            made.kill_redis()
            made.start_redis()
        made.start_worker("two")
        assert_right(made, entries)
