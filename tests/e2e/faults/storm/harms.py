"""The faults of the matrix: what is done to the world while a worker stands at a named point.

Each gets the visit of a worker at a point. It lets the worker go on, or kills it, and leaves the
world whole. ``LONE`` faults harm what all share, so one of them happens at a time.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

import redis
from rq import Queue
from rq.serializers import JSONSerializer
from storm.proxy import Answer, CutError, Message
from storm.visit import Visit
from storm.world import LEASE_S, World, filled, is_alive, wait_until

Harm = Callable[[World, Visit], None]

_HELD_S = 0.4
_FUNCTION = "proctor_runner.jobs.execute"


def horse_killed(world: World, visit: Visit) -> None:
    """The process that does the work dies."""
    with suppress(ProcessLookupError):
        os.kill(visit.process, signal.SIGKILL)


def parent_killed(world: World, visit: Visit) -> None:
    """The process that listens dies, and with it the one that works."""
    with suppress(ProcessLookupError):
        os.kill(visit.parent, signal.SIGKILL)
    wait_until(lambda: not is_alive(visit.process), "a child dies with its parent")


def worker_killed(world: World, visit: Visit) -> None:
    """The whole worker dies, and is started again."""
    name = world.worker_of(visit.process)
    visit.missed = name is None
    if name is not None:
        world.kill_worker(name)
        wait_until(lambda: not is_alive(visit.process), "a process dies with its worker")
        world.start_worker(name)


def worker_drained(world: World, visit: Visit) -> None:
    """The worker is asked to go; it finishes, or gives its work back."""
    name = world.worker_of(visit.process)
    visit.missed = name is None
    if name is None:
        return
    process = world.workers[name]
    visit.go()
    os.kill(process, signal.SIGTERM)
    wait_until(lambda: not is_alive(process), "a worker drains")
    world.start_worker(name)


def redis_killed(world: World, visit: Visit) -> None:
    """Redis dies with all it knew, and comes back empty."""
    world.kill_redis()
    visit.go()
    time.sleep(_HELD_S / 2)
    world.start_redis()


def redis_emptied(world: World, visit: Visit) -> None:
    """Somebody says FLUSHALL."""
    with world.redis_client() as client:
        _patiently(client.flushall)
    visit.go()


def redis_paused(world: World, visit: Visit) -> None:
    """Redis takes connections and says nothing."""
    assert world.redis is not None
    world.redis.send_signal(signal.SIGSTOP)
    visit.go()
    time.sleep(_HELD_S)
    world.redis.send_signal(signal.SIGCONT)


def redis_refusing(world: World, visit: Visit) -> None:
    """Redis takes another password than the one that everybody has."""
    with world.redis_client() as client:
        right = client.connection_pool.connection_kwargs["password"]
        _patiently(lambda: client.config_set("requirepass", "another-one"))
        try:
            client.client_kill_filter(_type="normal", skipme=True)
            visit.go()
            time.sleep(_HELD_S)
        finally:
            client.config_set("requirepass", right)


def platform_killed(world: World, visit: Visit) -> None:
    """The platform dies and is started again."""
    world.kill_platform()
    visit.go()
    world.start_platform()


def killed_in_an_upload(world: World, visit: Visit) -> None:
    """The platform dies with half of an upload in its hands."""

    def cut(message: Message) -> Answer | None:
        if not message.is_upload:
            return None
        # A moment, so that the half has come to the disk.
        world.proxy.send_half(message, lambda: (time.sleep(0.05), world.kill_platform()))
        raise CutError

    _once(world, visit, cut)


def killed_in_a_heartbeat(world: World, visit: Visit) -> None:
    """The platform dies having written a heartbeat and not having answered it."""

    def cut(message: Message) -> Answer | None:
        if not message.is_heartbeat:
            return None
        world.proxy.pass_on(message)
        world.kill_platform()
        raise CutError

    _once(world, visit, cut)


def answering_500(world: World, visit: Visit) -> None:
    """The platform answers 500 to everything for a while."""
    with world.proxy.ruled(lambda _: Answer(500, [], b"no")):
        visit.go()
        time.sleep(_HELD_S)


def messages_doubled(world: World, visit: Visit) -> None:
    """What workers say comes twice, and every bell is rung twice more in another order."""

    def twice(message: Message) -> Answer | None:
        if message.of_work or message.is_upload:
            world.proxy.pass_on(message)
        return None

    with world.proxy.ruled(twice):
        visit.go()
        _ring_everything(world, visit.random)
        time.sleep(_HELD_S)


def messages_stale(world: World, visit: Visit) -> None:
    """What was said before is said again: reports of attempts and of work that are long over."""
    visit.go()
    heard = list(world.proxy.heard)
    for message in visit.random.sample(heard, min(20, len(heard))):
        with suppress(CutError):
            world.proxy.pass_on(message)


def messages_reordered(world: World, visit: Visit) -> None:
    """What workers say is lost, said again by them, and then arrives after all, last first."""
    late: list[Message] = []

    def keep(message: Message) -> Answer | None:
        if message.of_work and len(late) < 6 and message not in late:
            late.append(message)
            raise CutError
        return None

    with world.proxy.ruled(keep):
        visit.go()
        time.sleep(_HELD_S)
    for message in reversed(late):
        with suppress(CutError):
            world.proxy.pass_on(message)


def database_locked(world: World, visit: Visit) -> None:
    """Nobody can write for longer than a lease lasts."""
    with closing(sqlite3.connect(world.database, timeout=30, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        visit.go()
        time.sleep(LEASE_S + 0.5)
        database.execute("ROLLBACK")


def database_disk_full(world: World, visit: Visit) -> None:
    """The disk of the database has no byte left."""
    with filled(world.home, world.disk_bytes):
        visit.go()
        time.sleep(_HELD_S)


def blob_disk_full(world: World, visit: Visit) -> None:
    """The disk of the blobs has no byte left."""
    with filled(world.blobs, world.disk_bytes):
        visit.go()
        time.sleep(_HELD_S)


def worker_disk_full(world: World, visit: Visit) -> None:
    """The disk of the workers has no byte left."""
    with filled(world.states, world.disk_bytes):
        visit.go()
        time.sleep(_HELD_S)


LONE: dict[str, Harm] = {
    harm.__name__: harm
    for harm in (
        worker_killed,
        worker_drained,
        redis_killed,
        redis_emptied,
        redis_paused,
        redis_refusing,
        platform_killed,
        killed_in_an_upload,
        killed_in_a_heartbeat,
        answering_500,
        messages_doubled,
        messages_stale,
        messages_reordered,
        database_locked,
        database_disk_full,
        blob_disk_full,
        worker_disk_full,
    )
}
TOGETHER: dict[str, Harm] = {harm.__name__: harm for harm in (horse_killed, parent_killed)}
HARMS = LONE | TOGETHER


def _once(world: World, visit: Visit, cut: Callable[[Message], Answer | None]) -> None:
    """Apply ``cut`` until it has killed the platform, then start that again."""
    done: list[Message] = []
    one_at_a_time = threading.Lock()

    def first(message: Message) -> Answer | None:
        with one_at_a_time:
            if done:
                return None
            try:
                return cut(message)
            except CutError:
                done.append(message)
                raise

    with world.proxy.ruled(first):
        visit.go()
        # Where nothing of the kind comes, the platform dies all the same.
        end = time.monotonic() + 2 * LEASE_S
        while not done and time.monotonic() < end:
            time.sleep(0.02)
        visit.missed = not done
    if is_alive(world.platform):
        world.kill_platform()
    world.start_platform()


def _ring_everything(world: World, generator: random.Random) -> None:
    work = [
        *((row["queue"], row["id"]) for row in world.read("select id, queue from run")),
        *(("score", row["id"]) for row in world.read("select id from evaluation")),
        ("run.cpu", "run_" + "0" * 26),
    ]
    rung = generator.sample(work, min(len(work), 20)) * 2
    generator.shuffle(rung)
    with world.redis_client() as client:
        for queue, subject in rung:
            bell = Queue(queue, connection=client, serializer=JSONSerializer)
            _patiently(lambda bell=bell, subject=subject: bell.enqueue(_FUNCTION, subject))


def _patiently(say: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            say()
            return
        except redis.RedisError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
