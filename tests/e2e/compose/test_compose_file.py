"""What docker-compose.yml promises, read from the file; nothing is started."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from proctor_platform.settings import PlatformSettings
from proctor_runner.settings import WorkerSettings

ROOT = Path(__file__).resolve().parents[3]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
# Where state lies is the volumes' business.
PLATFORM_ELSEWHERE = {"PROCTOR_BLOB_FOLDER"}
# Files stand for tokens here, and faults are for tests.
WORKER_ELSEWHERE = {
    "PROCTOR_RUN_TOKEN",
    "PROCTOR_SCORE_TOKEN",
    "PROCTOR_HOST_TOKEN",
    "PROCTOR_FAULT_AT",
    "PROCTOR_FAULT_TIMES",
    "PROCTOR_FAULT_SOCKET",
}


def variables(settings: type[PlatformSettings] | type[WorkerSettings]) -> set[str]:
    return {f"PROCTOR_{name.upper()}" for name in settings.model_fields}


def sources(service: str) -> set[str]:
    return {volume.partition(":")[0] for volume in SERVICES[service].get("volumes", ())}


def test_docker_compose_takes_the_file() -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    finished = subprocess.run(
        [program, "config", "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr


def test_every_setting_of_the_platform_can_be_given_to_compose() -> None:
    given = set(SERVICES["platform"]["environment"])
    assert given == variables(PlatformSettings) - PLATFORM_ELSEWHERE


def test_every_setting_of_the_worker_can_be_given_to_compose() -> None:
    for name in ("worker", "scorer"):
        given = set(SERVICES[name]["environment"])
        assert given == variables(WorkerSettings) - WORKER_ELSEWHERE


def test_only_the_api_and_the_dashboard_are_published_and_to_this_host_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"platform", "dashboard"}
    assert all(
        port.startswith("${PROCTOR_BIND:-127.0.0.1}:")
        for ports in published.values()
        for port in ports
    )


def test_redis_is_on_the_inner_network_alone() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert document["networks"]["inside"] == {"internal": True}
    assert SERVICES["redis"]["networks"] == ["inside"]


def test_the_worker_has_no_part_of_the_platforms_home() -> None:
    assert "home" in sources("platform")
    assert "home" not in sources("worker") | sources("scorer")
    assert {name for name in SERVICES if "/var/run/docker.sock" in sources(name)} == {
        "worker",
        "images",
    }


def test_a_worker_that_runs_models_has_no_token_for_references() -> None:
    assert "score-token" not in sources("worker")
    assert "run-token" not in sources("scorer")


def test_the_database_is_reached_by_the_platform_alone() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert document["networks"]["rows"] == {"internal": True}
    assert {name for name in SERVICES if "rows" in SERVICES[name].get("networks", ())} == {
        "postgres",
        "platform",
    }
    assert {name for name in SERVICES if "password" in sources(name)} == {
        "password",
        "postgres",
        "platform",
    }


def test_nothing_but_what_must_be_is_root() -> None:
    root = {name for name, service in SERVICES.items() if service.get("user") == "0:0"}
    assert root == {"worker", "images"}


def test_what_stays_is_restarted_and_what_ends_is_not() -> None:
    once = {name for name, service in SERVICES.items() if service["restart"] == "no"}
    assert once == {"password", "tokens", "images"}
    assert all(
        service["restart"] == "unless-stopped"
        for name, service in SERVICES.items()
        if name not in once
    )


def test_one_service_builds_the_image_and_all_that_start_it_wait_for_that_one() -> None:
    """Version 2 builds side by side: of two builds under one name the second fails."""

    def waited_for(name: str) -> set[str]:
        direct = set(SERVICES[name].get("depends_on", ()))
        return direct.union(*(waited_for(other) for other in direct))

    own = {name for name, service in SERVICES.items() if "PROCTOR_IMAGE" in service["image"]}
    (builder,) = {name for name, service in SERVICES.items() if "build" in service}
    assert builder in own
    assert all(builder in waited_for(name) for name in own - {builder})


def test_an_image_that_is_built_here_is_asked_of_no_registry() -> None:
    own = [service for service in SERVICES.values() if "PROCTOR_IMAGE" in service["image"]]
    assert {service["pull_policy"] for service in own} == {"never"}


def test_the_workers_state_has_one_path_inside_and_outside() -> None:
    path = SERVICES["worker"]["environment"]["PROCTOR_WORKER_STATE"]
    assert f"{path}:{path}" in SERVICES["worker"]["volumes"]


def test_the_images_packages_are_pinned_as_the_projects_are() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(), flags=re.MULTILINE))

    assert pins("requirements-server.lock") <= pins("requirements.lock"), "run `make lock`"


def test_the_image_holds_every_package_of_the_project() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) /source/\w+$", dockerfile, flags=re.MULTILINE))
    allowed = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied == {"client", "platform", "runner", "metrics", "dashboard"}
    assert copied <= allowed
