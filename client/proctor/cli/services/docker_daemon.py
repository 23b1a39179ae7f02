"""A Docker daemon for this session: the one that runs, else one of our own that ends with us.

The hard part is to leave the machine as it was found: a daemon that answers is used and never
touched; one that we started is stopped; what apt installed stays installed, and the person is told.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import docker
from docker.errors import DockerException

from proctor.cli.services.debian import Machine, install, this_machine
from proctor.cli.services.errors import ServiceError
from proctor.cli.services.process_tree import ProcessTree

_PING_LIMIT_S = 5
_READY_LIMIT_S = 60.0
_GRACE_S = 30.0


@dataclass(frozen=True)
class DockerDaemon:
    """A daemon that answers on the default socket or at DOCKER_HOST."""

    started_here: bool


@dataclass(frozen=True)
class DockerUnavailable:
    """There is no daemon, and `reason` is a clause that says why, without a full stop."""

    reason: str


def daemon_answers() -> bool:
    """Return whether the Docker daemon of this environment answers."""
    try:
        client = docker.from_env(timeout=_PING_LIMIT_S)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


@contextmanager
def docker_daemon(
    tree: ProcessTree,
    say: Callable[[str], None],
    machine: Machine | None = None,
    answers: Callable[[], bool] = daemon_answers,
) -> Generator[DockerDaemon | DockerUnavailable]:
    """Give a Docker daemon, or the reason there is none; root on Debian may install and start one.

    Args:
        tree: Runs a daemon that is started here, and stops it.
        say: Receives a line before anything on the machine is changed.
        machine: What may be installed and run; by default this machine.
        answers: Whether a daemon can be reached.
    """
    if answers():
        yield DockerDaemon(started_here=False)
        return
    machine = machine or this_machine()
    installed_here = machine.find_program("dockerd") is None
    if installed_here and (refusal := _install(machine, say)):
        yield DockerUnavailable(refusal)
        return
    if machine.has_systemd and machine.is_root:
        yield from _by_systemd(machine, say, answers)
        return
    yield _start(tree, machine, say, answers)


def _install(machine: Machine, say: Callable[[str], None]) -> str | None:
    packages = ["docker.io"] if machine.has_systemd else ["docker.io", "cgroupfs-mount"]
    refusal = install(machine, packages, say)
    return f"no Docker daemon runs and none is installed; {refusal}" if refusal else None


def _by_systemd(
    machine: Machine, say: Callable[[str], None], answers: Callable[[], bool]
) -> Generator[DockerDaemon | DockerUnavailable]:
    say("Starting the Docker service; it is stopped again at the end.")
    refusal = machine.run(["systemctl", "start", "docker.service"])
    try:
        if refusal or not answers():
            yield DockerUnavailable(f"the Docker service does not start; {refusal or 'no answer'}")
        else:
            yield DockerDaemon(started_here=True)
    finally:
        machine.run(["systemctl", "stop", "docker.socket", "docker.service"])


def _start(
    tree: ProcessTree, machine: Machine, say: Callable[[str], None], answers: Callable[[], bool]
) -> DockerDaemon | DockerUnavailable:
    program = machine.find_program("dockerd")
    if program is None or not machine.is_root:
        return DockerUnavailable("no Docker daemon answers, and starting one needs root")
    if mount := machine.find_program("cgroupfs-mount"):
        machine.run([mount])
    say("Starting a Docker daemon; it is stopped again at the end.")
    try:
        tree.start(
            "dockerd", [program], ready=answers, ready_limit_s=_READY_LIMIT_S, grace_s=_GRACE_S
        )
    except ServiceError as error:
        return DockerUnavailable(f"dockerd does not start: {error.message}")
    return DockerDaemon(started_here=True)
