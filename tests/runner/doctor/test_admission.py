"""A worker that would run models of others on a host without walls does not start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from proctor_runner import worker
from proctor_runner.doctor.admission import admit, in_a_child
from proctor_runner.doctor.findings import Finding, Standing
from proctor_runner.settings import WorkerSettings

LACKS = Finding("memory", Standing.NOT_ENFORCED, "it grew", "Boot otherwise.")
HOLDS = Finding("memory", Standing.ENFORCED, "it was stopped")


class Host:
    """A host that lacks what it is told to, and counts how often it was examined."""

    def __init__(self, folder: Path, *found: Finding) -> None:
        self.found = list(found)
        self.identity: dict[str, Any] | None = {"boot": "1", "engine": "20"}
        self.examined = 0
        self._folder = folder

    def admits(self, sandbox: Any = "docker", **more: Any) -> bool:
        chosen = WorkerSettings(sandbox=sandbox, worker_state=self._folder, **more)
        return admit(chosen, self._examine, lambda image: self.identity, self._folder)

    def _examine(self, state: Path, image_id: str, runtime: str) -> list[Finding]:
        self.examined += 1
        return self.found


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path, HOLDS)


def test_a_host_is_examined_once_until_it_or_its_engine_starts_anew(host: Host) -> None:
    assert [host.admits(), host.admits()] == [True, True]
    assert host.examined == 1
    host.identity = {"boot": "1", "engine": "21"}
    assert host.admits()
    assert host.examined == 2


def test_a_host_that_lacks_a_limit_is_refused_each_time_with_what_to_do(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.found = [LACKS]

    assert [host.admits(), host.admits()] == [False, False]
    assert host.examined == 2
    said = capsys.readouterr().err
    assert "memory: it grew. Boot otherwise." in said
    assert "PROCTOR_ACCEPT_UNENFORCED_LIMITS=true" in said
    host.found = [HOLDS]
    assert host.admits()


def test_an_operator_may_serve_all_the_same_and_is_warned(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.found = [LACKS]

    assert host.admits(accept_unenforced_limits=True)
    assert "enforce: memory." in capsys.readouterr().err


def test_the_process_sandbox_serves_nobody_else(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not host.admits("process")
    assert host.admits("process", accept_unenforced_limits=True)
    assert "no_network" in capsys.readouterr().err


def test_auto_without_an_engine_is_the_process_sandbox_and_is_refused(host: Host) -> None:
    host.identity = None

    assert not host.admits("auto")
    assert host.examined == 0


def test_an_answer_comes_back_from_a_child() -> None:
    assert in_a_child(lambda: True)
    assert not in_a_child(lambda: False)


def test_a_worker_that_runs_models_ends_where_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.Supervisor, "run", lambda supervisor: 0)
    both = {
        "run_token": SecretStr("r"),
        "score_token": SecretStr("s"),
        "sandbox": "process",
        "worker_state": tmp_path,
    }

    assert worker.main(lambda: WorkerSettings(**both)) == 1
    assert worker.main(lambda: WorkerSettings(**both, roles="score")) == 0
