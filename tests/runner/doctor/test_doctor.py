"""What is found out about a host, with a sandbox that says what each test wants it to say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from proctor_runner.doctor.engine import describe_engine, describe_gpus
from proctor_runner.doctor.examination import describe_process_sandbox, examine_docker
from proctor_runner.doctor.findings import Finding, Standing, not_enforced
from proctor_runner.doctor.walls import probe
from proctor_runner.sandbox import settings
from proctor_runner.sandbox.interface import Ending, Guard, SandboxJob, SandboxResult

WALLS: dict[str, Any] = {
    "interfaces": ["lo"],
    "connect": {"192.0.2.1": 101},
    "families": {"AF_VSOCK": 1, "AF_NETLINK": 1},
    "calls": {"io_uring_setup": 38, "keyctl": 1},
    "writes": {"/x": 30, "/input/x": 30},
    "uid": 61_000,
    "capabilities": [0, 0, 0],
    "no_new_privileges": "1",
    "places": ["/", "/input", "/output", "/proc/sys", "/usr/sbin/docker-init"],
    "processes": 2,
    "forks": 22,
    "files": 24,
    "bytes": 1 << 20,
}


class FakeSandbox:
    """Ends three probes as a good host would, but for what is changed."""

    name = "docker"

    def __init__(self, facts: dict[str, Any], endings: dict[str, Any]) -> None:
        self._facts = facts
        self._endings = endings

    def run(self, job: SandboxJob, cancelled: object) -> SandboxResult:
        good = SandboxResult(Ending.EXITED, 0, 0.1, None, b"")
        script = job.program.command[-1]
        if "forks" in script:
            log = json.dumps({"forks": self._facts.get("forks")}).encode()
            return replace(good, ending=self._endings.get("forks", Ending.EXITED), log=log)
        if "hoard" in script:
            return replace(good, ending=self._endings.get("hoard", Ending.OUT_OF_MEMORY))
        if "setsid" in script:
            ending = self._endings.get("endless", Ending.TIMEOUT)
            return replace(good, ending=ending, seconds=1.0, log=b"x" * 100)
        log = "".join(json.dumps({key: value}) + "\n" for key, value in self._facts.items())
        problems = {} if "link" in self._endings else {"link": "is a symbolic link"}
        ending = self._endings.get("walls", Ending.EXITED)
        return replace(good, ending=ending, log=log.encode(), problems=problems)


def lacking(facts: dict[str, Any] | None = None, **endings: Any) -> list[str]:
    sandbox: Any = FakeSandbox(WALLS | (facts or {}), endings)
    return [str(one.name) for one in not_enforced(probe(sandbox, "i", Path(), "w"))]


def test_a_good_host_lacks_nothing() -> None:
    assert lacking() == []


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({"interfaces": ["eth0", "lo"]}, ["no_network"]),
        ({"connect": {"192.0.2.1": 110}}, ["no_network"]),
        ({"families": {"AF_VSOCK": 0}}, ["vsock", "system_calls"]),
        ({"calls": {"io_uring_setup": 0}}, ["system_calls"]),
        ({"writes": {"/etc/x": 0}}, ["read_only_world"]),
        ({"uid": 0}, ["no_privileges"]),
        ({"capabilities": [0, 0, 0x21]}, ["no_privileges"]),
        ({"no_new_privileges": "0"}, ["no_privileges"]),
        ({"forks": 192}, ["processes"]),
        ({"places": ["/", "/input", "/host"]}, ["own_view"]),
        ({"processes": 300}, ["own_view"]),
        ({"files": 192}, ["output_files"]),
        ({"bytes": 8 << 20}, ["output_bytes"]),
    ],
)
def test_each_wall_that_gives_way_is_named(facts: dict[str, Any], names: list[str]) -> None:
    assert lacking(facts) == names


@pytest.mark.parametrize(
    ("endings", "names"),
    [
        ({"hoard": Ending.TIMEOUT}, ["memory"]),
        ({"endless": Ending.EXITED}, ["wall_clock"]),
        ({"link": "followed"}, ["plain_outputs"]),
    ],
)
def test_each_limit_that_does_not_bite_is_named(endings: Any, names: list[str]) -> None:
    assert lacking(**endings) == names


def test_a_flood_that_the_sandbox_ended_is_a_limit_that_holds() -> None:
    assert lacking({"files": None, "bytes": None}, walls=Ending.OUTPUT_LIMIT) == []
    assert lacking({"files": None, "bytes": None}) == ["output_files", "output_bytes"]


def test_a_fork_bomb_that_ends_for_memory_is_stopped_and_a_silent_one_is_not() -> None:
    assert lacking({"forks": None}, forks=Ending.OUT_OF_MEMORY) == []
    assert lacking({"forks": None}, forks=Ending.TIMEOUT) == ["processes"]


def test_a_probe_that_says_nothing_is_no_proof() -> None:
    sandbox: Any = FakeSandbox({}, {"walls": Ending.START_FAILED})
    (finding,) = probe(sandbox, "i", Path(), "w")

    assert (finding.name, finding.standing) == ("probe", Standing.NOT_ENFORCED)
    assert "start_failed" in finding.found


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {str(one.name): one for one in findings}


def test_versions_with_known_holes_are_called_by_their_holes() -> None:
    version = {
        "Components": [
            {
                "Name": "runc",
                "Version": "1.1.5+ds1",
                "Details": {"GitCommit": "1.1.5+ds1-1+deb12u1"},
            },
            {"Name": "containerd", "Version": "v2.1.5", "Details": {}},
            {"Name": "docker-init", "Version": "0.19.0"},
        ]
    }
    found = by_name(describe_engine({"Runtimes": {"runc": {}, "runsc": {}}}, version))

    assert found["runc"].standing is Standing.ADVICE
    assert "1.1.5+ds1-1+deb12u1" in found["runc"].found
    assert "CVE-2024-21626, CVE-2025-31133" in found["runc"].found
    assert found["containerd"] == Finding("containerd", Standing.FACT, "v2.1.5")
    assert "docker-init" not in found
    assert found["gvisor"].standing is Standing.FACT
    assert found["seccomp"].standing is Standing.ADVICE
    assert not_enforced(found.values()) == []


def test_an_image_store_that_proctor_cannot_run_images_from_is_refused_with_the_way_out() -> None:
    """Engine 29 begins with containerd's, where every run would end with SANDBOX_FAILED."""
    own = {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]]}
    containerd = {
        "Driver": "overlayfs",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    }
    assert not_enforced(describe_engine(own, {})) == []
    (found,) = not_enforced(describe_engine(containerd, {}))
    assert found.name == "image_store"
    assert "containerd-snapshotter" in found.advice


def test_the_second_line_of_defence_is_advised_where_it_is_off() -> None:
    off = by_name(describe_engine({"SecurityOptions": ["name=seccomp,profile=default"]}, {}))
    on = by_name(describe_engine({"SecurityOptions": ["name=userns"]}, {}))

    assert (off["userns"].standing, on["userns"].standing) == (Standing.ADVICE, Standing.FACT)
    assert "userns-remap" in off["userns"].advice
    assert off["seccomp"].standing is Standing.FACT


def test_gpus_are_named_and_their_absence_is_no_fault(driver: Any) -> None:
    assert describe_gpus(driver.open).found == "NVIDIA A10, NVIDIA A10"
    driver.lost = True
    assert describe_gpus(driver.open).found == "none (the library went away)"


def test_the_process_sandbox_is_told_by_what_it_lacks() -> None:
    missing = {str(one.name) for one in not_enforced(describe_process_sandbox())}

    assert {"no_network", "system_calls", "processes"} <= missing
    assert "wall_clock" not in missing


def test_a_daemon_that_does_not_answer_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    (lacking,) = not_enforced(examine_docker(tmp_path))

    assert lacking.name == "daemon"
    assert "none.sock" in lacking.found
    assert "DOCKER_HOST" in lacking.advice


@pytest.mark.docker
def test_this_host_is_examined_and_one_setting_taken_away_is_found(
    decode_image: str,
    docker_client: docker.DockerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    strong = settings.confinement
    change = {"security_opt": ["no-new-privileges:true", "seccomp=unconfined"]}
    found = examine_docker(tmp_path, decode_image)
    monkeypatch.setattr(settings, "confinement", lambda request: strong(request) | change)
    weaker = examine_docker(tmp_path, decode_image)

    assert not_enforced(found) == []
    names = {str(one.name) for one in found}
    assert names >= {str(guard) for guard in Guard} | {"vsock", "cgroup", "gvisor", "output_way"}
    assert [str(one.name) for one in not_enforced(weaker)] == ["vsock", "system_calls"]
    assert list(tmp_path.glob("doctor-*")) == []
