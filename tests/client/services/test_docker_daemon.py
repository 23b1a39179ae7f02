from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proctor.cli.services.debian import Machine, install
from proctor.cli.services.docker_daemon import DockerDaemon, DockerUnavailable, docker_daemon
from proctor.cli.services.process_tree import ProcessTree


@dataclass
class FakeMachine:
    """A machine whose apt brings a dockerd, and whose dockerd answers once it runs."""

    folder: Path
    installed: bool = False
    daemon_works: bool = True
    ran: list[str] = field(default_factory=list)
    refuses: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    service_runs: bool = False

    def machine(
        self, *, is_root: bool = True, is_debian: bool = True, systemd: bool = False
    ) -> Machine:
        return Machine(is_root, is_debian, systemd, self.find_program, self.run)

    def find_program(self, name: str) -> str | None:
        return str(self._dockerd()) if name == "dockerd" and self.installed else None

    def run(self, command: Sequence[str]) -> str | None:
        line = " ".join(command)
        self.ran.append(line)
        if self.refuses.get(line, 0) > 0:
            self.refuses[line] -= 1
            return "no such package"
        if "install" in command:
            self.installed = True
        if command[0] == "systemctl":
            self.service_runs = command[1] == "start"
        return None

    def answers(self) -> bool:
        return self.service_runs or (self.folder / "running").exists()

    def _dockerd(self) -> Path:
        program = self.folder / "dockerd"
        mark = self.folder / "running"
        loop = f"trap 'rm {mark}; exit' TERM; touch {mark}; sleep 600 & wait"
        program.write_text(
            f"#!/bin/sh\n{loop if self.daemon_works else 'echo no cgroups >&2; exit 1'}\n"
        )
        program.chmod(0o755)
        return program


def test_a_daemon_that_answers_is_used_and_nothing_is_changed(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    with (
        ProcessTree(tmp_path / "logs") as tree,
        docker_daemon(tree, fake.said.append, fake.machine(), lambda: True) as daemon,
    ):
        assert daemon == DockerDaemon(started_here=False)
    assert fake.ran == []
    assert fake.said == []


def test_root_on_debian_installs_and_starts_a_daemon_and_stops_it(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    with ProcessTree(tmp_path / "logs") as tree:
        with docker_daemon(tree, fake.said.append, fake.machine(), fake.answers) as daemon:
            assert daemon == DockerDaemon(started_here=True)
            assert fake.answers()
        tree.stop()
    assert not fake.answers()
    assert fake.said[0].startswith("Installing docker.io")
    assert "stopped again" in fake.said[1]


def test_a_service_started_by_systemd_is_stopped_by_it(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path, installed=True)
    machine = fake.machine(systemd=True)
    with ProcessTree(tmp_path / "logs") as tree:
        with docker_daemon(tree, fake.said.append, machine, fake.answers) as daemon:
            assert daemon == DockerDaemon(started_here=True)
        assert not fake.answers()
    assert fake.ran[-1] == "systemctl stop docker.socket docker.service"


def test_without_root_the_reason_is_given(tmp_path: Path) -> None:
    for installed, reason in ((False, "installed as root"), (True, "starting one needs root")):
        fake = FakeMachine(tmp_path, installed=installed)
        machine = fake.machine(is_root=False)
        with (
            ProcessTree(tmp_path / "logs") as tree,
            docker_daemon(tree, fake.said.append, machine, fake.answers) as daemon,
        ):
            assert isinstance(daemon, DockerUnavailable)
            assert reason in daemon.reason
        assert fake.ran == []


def test_another_distribution_is_left_alone(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path)
    refusal = install(fake.machine(is_debian=False), ["docker.io"], fake.said.append)
    assert refusal is not None
    assert "this is not Debian" in refusal
    assert fake.ran == []


def test_a_daemon_that_cannot_start_is_reported_with_its_log(tmp_path: Path) -> None:
    fake = FakeMachine(tmp_path, installed=True, daemon_works=False)
    with (
        ProcessTree(tmp_path / "logs") as tree,
        docker_daemon(tree, fake.said.append, fake.machine(), fake.answers) as daemon,
    ):
        assert isinstance(daemon, DockerUnavailable)
        assert "no cgroups" in daemon.reason


def test_package_lists_are_fetched_when_the_first_install_fails(tmp_path: Path) -> None:
    command = "apt-get install --yes --no-install-recommends chromium"
    fake = FakeMachine(tmp_path, refuses={command: 1})
    assert install(fake.machine(), ["chromium"], fake.said.append) is None
    assert fake.ran == [command, "apt-get update", command]
