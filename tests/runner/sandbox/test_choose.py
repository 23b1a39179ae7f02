"""Which sandbox a name leads to, and what is said when it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox import choose as module
from proctor_runner.sandbox.choose import choose
from proctor_runner.sandbox.slots import Slots


@pytest.fixture(autouse=True)
def own_slots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "Slots", lambda: Slots(tmp_path / "slots"))


@pytest.fixture
def no_daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


@pytest.mark.usefixtures("no_daemon")
def test_without_a_daemon_auto_falls_back_and_docker_says_why(tmp_path: Path) -> None:
    sandbox = choose("auto", tmp_path)
    assert sandbox.name == "process"
    assert sandbox.describe("w").sandbox == "process"
    sandbox.close()

    with pytest.raises(PlatformError) as caught:
        choose("docker", tmp_path)
    assert caught.value.code is Code.SANDBOX_FAILED
    assert "No Docker daemon answers" in caught.value.detail


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="auto, docker, process"):
        choose("podman", tmp_path)


@pytest.mark.docker
def test_with_a_daemon_auto_is_docker(tmp_path: Path) -> None:
    sandbox = choose("auto", tmp_path)
    facts = sandbox.describe("w")
    sandbox.close()

    assert (facts.sandbox, facts.worker) == ("docker", "w")
    assert facts.container_engine.startswith("docker ")
    assert facts.cpu_count >= 1


@pytest.mark.docker
def test_a_runtime_that_the_engine_has_not_is_named_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"no runtime 'sun', only .*runc"):
        choose("docker", tmp_path, runtime="sun")
