"""The faults of the matrix that take a Docker daemon of one's own, and containers on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from docker.errors import APIError
from docker.models.containers import Container
from storm.harms import Harm
from storm.visit import Visit
from storm.world import World

_HELD_S = 0.4


def container_killed(world: World, visit: Visit) -> None:
    """Somebody kills every container of this platform."""
    _each_container(world, visit, lambda container: container.kill())
    visit.go()


def container_removed(world: World, visit: Visit) -> None:
    """Somebody removes every container of this platform, and the volumes with them."""
    _each_container(world, visit, lambda container: container.remove(force=True, v=True))
    visit.go()


def daemon_killed(world: World, visit: Visit) -> None:
    """The daemon dies, and is started again when everybody has noticed."""
    assert world.engine is not None
    world.engine.kill()
    visit.go()
    time.sleep(_HELD_S)
    world.engine.start()


def daemon_restarted(world: World, visit: Visit) -> None:
    """The daemon is stopped as an operator does it, with its containers, and started again."""
    assert world.engine is not None
    world.engine.stop()
    visit.go()
    world.engine.start()


def daemon_disk_full(world: World, visit: Visit) -> None:
    """The disk of the daemon has no byte left."""
    assert world.engine is not None
    with world.engine.full():
        visit.go()
        time.sleep(2 * _HELD_S)


ENGINE_HARMS: dict[str, Harm] = {
    harm.__name__: harm
    for harm in (
        container_killed,
        container_removed,
        daemon_killed,
        daemon_restarted,
        daemon_disk_full,
    )
}


def _each_container(world: World, visit: Visit, harm: Callable[[Container], None]) -> None:
    assert world.engine is not None
    client = world.engine.client()
    try:
        found = client.containers.list(all=True, filters={"label": "proctor.slots"})
        visit.missed = not found
        for container in found:
            # What ends meanwhile need not be harmed.
            with suppress(APIError):
                harm(container)
    finally:
        client.close()
