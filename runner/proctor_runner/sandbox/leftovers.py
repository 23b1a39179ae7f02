"""Finds and removes what a dead worker left in the engine and among the mounts of this host.

Everything a slot makes has a name that follows from the slot, and labels that this module sets
itself. Both must agree: an image brings labels of its own, and a container that a person started
from it is none of ours. A slot of which the engine does not remove what it is told to is set aside,
so that the next job has another one and not the same failure.
"""

from __future__ import annotations

from contextlib import suppress

import docker
import structlog
from docker.errors import NotFound

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox import tmpfs
from proctor_runner.sandbox.engine_errors import ENGINE_ERRORS, ours
from proctor_runner.sandbox.output_area import remove_keeper
from proctor_runner.sandbox.slots import Slot, Slots

SLOTS_LABEL = "proctor.slots"
SLOT_LABEL = "proctor.slot"

_log = structlog.get_logger()


def container_name(slots_id: str, number: int) -> str:
    """Return the name of the only container slot ``number`` may have."""
    return f"proctor-{slots_id}-{number}"


def output_name(slots_id: str, number: int) -> str:
    """Return the name of the slot's output: a mount's source, or a keeper and its volume."""
    return f"{container_name(slots_id, number)}-output"


def take_clean(api: docker.APIClient, slots: Slots) -> Slot:
    """Return the lowest slot of which nothing is left in the engine or among the mounts.

    Raises:
        PlatformError: SANDBOX_FAILED, the daemon does not answer, or there is none.
    """
    while True:
        slot = slots.take()
        try:
            remove_leftovers(api, slots.id, slot.number)
        except PlatformError as error:
            is_aside = _set_aside(api, slot, error)
            slot.release()
            if not is_aside:
                raise
        except BaseException:
            slot.release()
            raise
        else:
            return slot


def remove_leftovers(api: docker.APIClient, slots_id: str, number: int) -> None:
    """Remove everything that slot ``number`` may have left; its holder must be the caller or dead.

    Raises:
        PlatformError: SANDBOX_FAILED, the daemon or the kernel did not.
    """
    with ours("a dead worker's container was removed"), suppress(NotFound):
        api.remove_container(container_name(slots_id, number), v=True, force=True)
    remove_keeper(api, output_name(slots_id, number))
    for path in tmpfs.mounted(output_name(slots_id, number)):
        try:
            tmpfs.unmount(path)
        except OSError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"{path} cannot be unmounted: {error.strerror}."
            ) from error


def sweep(api: docker.APIClient, slots: Slots) -> None:
    """Remove the leftovers of every slot that nobody holds, and restore those set aside.

    Raises:
        PlatformError: SANDBOX_FAILED, the daemon did not answer, or did not remove some of them.
    """
    failure = None
    for number in sorted(_used_slots(api, slots.id) | slots.aside().keys()):
        with slots.if_free(number) as slot:
            if slot is None:
                continue
            try:
                remove_leftovers(api, slots.id, number)
            except PlatformError as error:
                if not _set_aside(api, slot, error):
                    raise
                failure = error
            else:
                slot.restore()
    if failure is not None:
        raise failure


def _set_aside(api: docker.APIClient, slot: Slot, error: PlatformError) -> bool:
    """Set a slot aside unless the daemon is away; return whether it was done."""
    try:
        api.ping()
        slot.set_aside(error.detail)
    except (*ENGINE_ERRORS, OSError):
        return False
    _log.warning("slot_set_aside", slot=slot.number, detail=error.detail)
    return True


def _used_slots(api: docker.APIClient, slots_id: str) -> set[int]:
    ours_only = {"label": f"{SLOTS_LABEL}={slots_id}"}
    with ours("containers were listed"):
        containers = api.containers(all=True, filters=ours_only)
        volumes = api.volumes(filters=ours_only)["Volumes"] or []
    found = set()
    for names, labels in [
        *((one["Names"], one["Labels"]) for one in containers),
        *(([one["Name"]], one["Labels"]) for one in volumes),
    ]:
        text = (labels or {}).get(SLOT_LABEL, "")
        if text.isdecimal() and any(
            name.lstrip("/")
            in (container_name(slots_id, int(text)), output_name(slots_id, int(text)))
            for name in names
        ):
            found.add(int(text))
    return found
