from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from proctor.spec.work import Queue, Role
from proctor_runner.gpus.interface import GpuLostError
from proctor_runner.scratch import scratch_folder, sweep_scratch
from proctor_runner.settings import SettingsError, WorkerSettings
from proctor_runner.worker import Child, Supervisor, children_of


class Told:
    """A pipe by which processes tell the test what they did."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def say(self, text: str) -> None:
        os.write(self._writer, f"{text}\n".encode())

    def next(self) -> list[str]:
        ready, _, _ = select.select([self._reader], [], [], 120)
        assert ready, "no process said anything"
        # Unbuffered: select must see what is left.
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self._reader, 1)
        return line.decode().split()

    def close(self) -> None:
        os.close(self._writer)
        os.close(self._reader)


@pytest.fixture
def told():
    told = Told()
    yield told
    told.close()


@pytest.fixture
def supervised():
    """Run a supervisor in a process of its own and give its id; end it in any case."""
    started = []

    def supervised(work, drain_s):
        pid = os.fork()
        if pid == 0:
            # What it logs is not the test's.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os._exit(Supervisor([Child("w/run-0", work)], drain_s).run())
        started.append(pid)
        return pid

    yield supervised
    for pid in started:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_process_that_is_killed_is_started_again(told, supervised):
    def work():
        told.say(f"started {os.getpid()}")
        signal.pause()

    supervisor = supervised(work, drain_s=5)
    first = int(told.next()[1])
    os.kill(first, signal.SIGKILL)
    second = int(told.next()[1])
    assert second != first
    os.kill(supervisor, signal.SIGTERM)
    assert ended(supervisor) == 0


def test_a_worker_lets_work_come_to_its_end_before_it_goes(told, supervised):
    def work():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        told.say("ready")
        signal.sigwait({signal.SIGTERM})
        told.say("draining")
        told.say("done")

    supervisor = supervised(work, drain_s=30)
    assert told.next() == ["ready"]
    os.kill(supervisor, signal.SIGTERM)
    assert told.next() == ["draining"]
    assert told.next() == ["done"]
    assert ended(supervisor) == 0


def test_a_worker_that_may_not_wait_gives_its_work_back(told, supervised):
    def work():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        told.say("ready")
        signal.sigwait({signal.SIGUSR1})
        told.say("given back")

    supervisor = supervised(work, drain_s=0)
    assert told.next() == ["ready"]
    os.kill(supervisor, signal.SIGTERM)
    assert told.next() == ["given", "back"]
    assert ended(supervisor) == 0


def test_processes_die_with_a_supervisor_that_is_killed(told, supervised):
    def work():
        told.say(f"started {os.getpid()}")
        time.sleep(600)

    supervisor = supervised(work, drain_s=0)
    child = int(told.next()[1])
    os.kill(supervisor, signal.SIGKILL)
    assert ended(supervisor) == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while Path(f"/proc/{child}").exists():
        state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            break
        assert time.monotonic() < deadline


def settings(tmp_path, **changes):
    facts = {"run_token": SecretStr("r"), "score_token": SecretStr("s"), "worker_state": tmp_path}
    return WorkerSettings(**(facts | changes))


def test_there_is_one_process_for_each_role_and_slot(tmp_path):
    children = children_of(settings(tmp_path, worker_name="host", run_slots=2))
    names = [child.name for child in children]
    assert names == ["host/run-0", "host/run-1", "host/score-0", "host/sweep"]


def test_a_score_worker_has_no_sandbox_to_sweep(tmp_path):
    children = children_of(settings(tmp_path, worker_name="host", roles="score", run_token=None))
    assert [child.name for child in children] == ["host/score-0"]


def test_roles_come_with_commas_and_each_has_its_queue(tmp_path, monkeypatch):
    monkeypatch.setenv("PROCTOR_ROLES", "run,score")
    found = settings(tmp_path, run_queue=Queue.RUN_GPU)
    assert found.roles == (Role.RUN, Role.SCORE)
    assert (found.queue(Role.RUN), found.queue(Role.SCORE)) == (Queue.RUN_GPU, Queue.SCORE)
    with pytest.raises(ValidationError):
        settings(tmp_path, roles="run,cook")


def test_a_role_without_a_token_is_refused_by_name(tmp_path):
    with pytest.raises(SettingsError, match="PROCTOR_SCORE_TOKEN_FILE"):
        children_of(settings(tmp_path, score_token=None))


def test_a_token_file_that_others_may_read_is_refused(tmp_path):
    file = tmp_path / "token"
    file.write_text("tok_1.secret\n")
    file.chmod(0o640)
    found = settings(tmp_path, run_token=None, run_token_file=file)
    with pytest.raises(SettingsError, match="chmod 600"):
        found.token(Role.RUN)
    file.chmod(0o600)
    assert found.token(Role.RUN) == "tok_1.secret"


def test_a_secret_is_not_shown_with_the_settings(tmp_path):
    assert "tok_1.secret" not in repr(settings(tmp_path, run_token=SecretStr("tok_1.secret")))


def test_every_setting_says_what_it_is_for():
    fields = WorkerSettings.model_fields.items()
    assert [name for name, field in fields if not field.description] == []


def test_the_scratch_of_a_dead_process_is_swept_and_that_of_a_living_one_is_not(tmp_path):
    program = (
        "import os, sys; from pathlib import Path\n"
        "from proctor_runner.scratch import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1]), 'run_1-1') as folder:\n"
        "    (folder / 'file').touch(); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert list(tmp_path.glob("run_1-1-*/file"))
    with scratch_folder(tmp_path, "run_2-1") as folder:
        sweep_scratch(tmp_path)
        assert folder.is_dir()
        assert not list(tmp_path.glob("run_1-1-*"))
    assert list(tmp_path.iterdir()) == []


class Host:
    """A host with so many GPUs; None is one without a driver."""

    def __init__(self, gpus: int | None) -> None:
        self._gpus = gpus

    @contextmanager
    def open(self):
        if self._gpus is None:
            raise GpuLostError("NVML cannot be used: no driver")
        yield self

    def gpus(self):
        return tuple(range(self._gpus))


@pytest.mark.parametrize(
    ("gpus", "changes", "processes"),
    [(4, {}, 4), (4, {"gpus_per_run": 2}, 2), (4, {"run_slots": 1}, 1)],
)
def test_a_worker_for_gpus_has_one_process_for_each(tmp_path, gpus, changes, processes):
    found = settings(tmp_path, roles="run", run_queue=Queue.RUN_GPU, **changes)
    children = children_of(found, Host(gpus).open)
    assert sum("/run-" in child.name for child in children) == processes


@pytest.mark.parametrize(
    ("gpus", "sentence"),
    [(None, "needs GPUs: NVML cannot be used: no driver"), (1, "this host has 1")],
)
def test_a_worker_for_gpus_on_a_host_without_says_so(tmp_path, gpus, sentence):
    found = settings(tmp_path, run_queue=Queue.RUN_GPU, gpus_per_run=2)
    with pytest.raises(SettingsError, match=sentence):
        children_of(found, Host(gpus).open)


def test_a_worker_asks_the_platform_as_long_as_redis_is_away(tmp_path, monkeypatch):
    asked = []

    class Asking:
        def __init__(self, context, enough):
            asked.append((context.worker, enough()))

        def work(self):
            asked.append("worked")

    monkeypatch.setattr("proctor_runner.worker.AskingProcess", Asking)
    found = settings(
        tmp_path, worker_name="host", roles="score", redis_url=f"unix://{tmp_path}/none"
    )
    (child,) = children_of(found)
    child.work()
    assert asked == [("host/score-0", False), "worked"]
