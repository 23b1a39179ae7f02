"""What an image declares as volumes is masked, unless something of ours is mounted there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from docker.types import Mount

from proctor.spec.limits import Limits
from proctor_runner.sandbox.settings import GVISOR, ContainerRequest, confinement


def masked(volumes: tuple[str, ...], *mounted: str) -> set[str]:
    request = ContainerRequest(
        image_id="sha256:0",
        name="n",
        uid=1,
        limits=Limits(),
        mounts=tuple(Mount(target, "/somewhere", type="bind") for target in mounted),
        environment={},
        labels={},
        host_cpus=1,
        image_volumes=volumes,
    )
    return set(confinement(request)["tmpfs"]) - {"/tmp", "/dev/shm"}


@pytest.mark.parametrize("volume", ["/data", "/model", "/model/"])
def test_a_declared_volume_is_no_writable_place(volume: str) -> None:
    assert masked((volume,), "/input", "/output") == {volume}


def test_what_is_mounted_there_stays_visible() -> None:
    volumes = ("/input", "/output/", "/model", "/tmp")
    assert masked(volumes, "/input", "/output", "/model") == set()


def test_gvisors_own_kernel_finds_room_beside_the_models_processes() -> None:
    request = ContainerRequest(
        image_id="sha256:0",
        name="n",
        uid=1,
        limits=Limits(pids=24),
        mounts=(),
        environment={},
        labels={},
        host_cpus=1,
    )
    plain, gvisor = confinement(request), confinement(replace(request, runtime=GVISOR))

    assert (plain["runtime"], plain["pids_limit"]) == (None, 24)
    assert gvisor["runtime"] == "runsc"
    assert gvisor["pids_limit"] > 100
