"""A container that Docker really can neither start nor remove, until its runc is killed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, ImageNotFound
from requests.exceptions import RequestException

from proctor.spec.outcomes import PlatformError
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.leftovers import SLOT_LABEL, SLOTS_LABEL, container_name, sweep
from proctor_runner.sandbox.slots import Slots

pytestmark = [pytest.mark.docker, pytest.mark.slow]

PATIENCE_S = 120


@pytest.fixture
def hanging_image(docker_client: docker.DockerClient) -> Iterator[str]:
    """An image, past intake, of which runc never ends saying what it did not find."""
    layer = bytes(2 * tarfile.BLOCKSIZE)
    config = {
        "os": "linux",
        "architecture": docker_client.version()["Arch"],
        "config": {"Cmd": ["x" * 70_000]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    text = json.dumps(config).encode()
    manifest = [{"Config": "c.json", "RepoTags": None, "Layers": ["l.tar"]}]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in [
            ("manifest.json", json.dumps(manifest).encode()),
            ("c.json", text),
            ("l.tar", layer),
        ]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    (image,) = docker_client.images.load(stream.getvalue())
    yield str(image.id)
    try:
        docker_client.images.remove(image.id, force=True)
    except (ImageNotFound, APIError) as error:
        pytest.fail(str(error))


def test_a_container_that_stays_costs_its_slot_and_no_other_until_it_is_gone(
    hanging_image: str, tmp_path: Path
) -> None:
    slots = Slots(tmp_path / "slots")
    impatient = docker.DockerClient.from_env(timeout=5)
    labels = {SLOTS_LABEL: slots.id, SLOT_LABEL: "0"}
    name = container_name(slots.id, 0)
    # Our own containers have an init process, which runc always finds.
    left = impatient.containers.create(hanging_image, name=name, network_mode="none", labels=labels)
    with suppress(APIError, RequestException):
        left.start()
    stuck = processes_of_runc(str(left.id))
    try:
        if not stuck:
            pytest.skip("this runc ends whatever it has to say")
        sandbox = DockerSandbox(impatient, tmp_path / "state", slots)
        assert list(slots.aside()) == [0]
        with pytest.raises(PlatformError, match="a dead worker's container was removed"):
            sandbox.sweep()
        sandbox.close()
    finally:
        for process in stuck:
            os.kill(process, signal.SIGKILL)
    patient_until = time.monotonic() + PATIENCE_S
    while not is_swept(impatient, slots):
        assert time.monotonic() < patient_until
        time.sleep(0.2)
    impatient.close()


def is_swept(client: docker.DockerClient, slots: Slots) -> bool:
    try:
        sweep(client.api, slots)
    except PlatformError:
        return False
    return not slots.aside() and not client.containers.list(
        all=True, filters={"label": f"{SLOTS_LABEL}={slots.id}"}
    )


def processes_of_runc(container: str) -> list[int]:
    """Return the processes of runc that are at a container."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0] == b"runc" and container.encode() in words:
                found.append(int(entry.name))
    return found
