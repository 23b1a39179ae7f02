"""Finds and removes what a dead worker left in the engine and among the mounts of this host.

Everything a slot makes has a name that follows from the slot, and labels that this module sets
itself. Both must agree: an image brings labels of its own, and a container that a person started
from it is none of ours.
"""

from __future__ import annotations

from contextlib import suppress

import docker
from docker.errors import NotFound

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox import tmpfs
from proctor_runner.sandbox.engine_errors import ours
from proctor_runner.sandbox.output_area import remove_keeper
from proctor_runner.sandbox.slots import Slots

SLOTS_LABEL = "proctor.slots"
SLOT_LABEL = "proctor.slot"


def container_name(slots_id: str, number: int) -> str:
    """Return the name of the only container slot ``number`` may have."""
    return f"proctor-{slots_id}-{number}"


def output_name(slots_id: str, number: int) -> str:
    """Return the name of the slot's output: a mount's source, or a keeper and its volume."""
    return f"{container_name(slots_id, number)}-output"


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
    """Remove the leftovers of every slot that nobody holds.

    Raises:
        PlatformError: SANDBOX_FAILED, the daemon did not answer.
    """
    for number in sorted(_used_slots(api, slots.id)):
        with slots.if_free(number) as free:
            if free:
                remove_leftovers(api, slots.id, number)


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
