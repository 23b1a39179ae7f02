"""Only what depends on the image alone is charged to its owner."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from docker.errors import APIError
from requests import exceptions

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.container_end import ContainerEnd
from proctor_runner.sandbox.engine_errors import (
    is_the_archives_fault,
    is_the_images_fault,
    ours,
    without_host_paths,
)
from proctor_runner.sandbox.memory_watch import KernelWitness, MemoryWatch

MIB = 1 << 20


@pytest.mark.parametrize(
    ("said", "theirs"),
    [
        ("No command specified", True),
        ('exec: "/nope": stat /nope: no such file or directory: unknown', True),
        ("mount /proc/..: not a directory", True),
        ("OCI runtime create failed: exec: no space left on device", False),
        ("error setting cgroup config: exec: x", False),
        ("fork: exec: resource temporarily unavailable", False),
        (
            'error mounting "tmpfs" to rootfs at "/cgroup": mount tmpfs:/cgroup: not a directory',
            True,
        ),
        ("lstat /merged/x/cgroup: not a directory", True),
        ("error during init: open /proc/sys/net/ipv4/port_start: no such file", True),
        ("something that nobody has seen before", False),
    ],
)
def test_the_engines_words_decide_whose_fault_a_start_is(said: str, theirs: bool) -> None:
    assert is_the_images_fault(APIError("500", explanation=said)) is theirs


@pytest.mark.parametrize(
    ("said", "theirs"),
    [
        ("Error processing tar file(exit status 1): link /nothere /a: no such file", True),
        ("json: cannot unmarshal number into Go struct field Config.config.User", True),
        ("Error processing tar file(exit status 1): write /a: no space left on device", False),
        ("Error processing tar file(exit status 1): write /a: no space left on device: x", True),
        ("Error processing tar file(exit status 1): unexpected EOF", False),
        ("Error processing tar file(signal: killed): ", False),
        ("something that nobody has seen before", False),
    ],
)
def test_the_engines_words_decide_whose_fault_an_archive_is(said: str, theirs: bool) -> None:
    assert is_the_archives_fault(said) is theirs


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            'exec: "/no/such": stat /no/such: not found',
            'exec: "/no/such": stat /no/such: not found',
        ),
        (
            'error mounting "/srv/w/sandbox/slot-3/input" to rootfs at "/input": mkdirat'
            " /var/lib/docker/overlay2/0a1b/merged/input: not a directory",
            'error mounting "[host]" to rootfs at "/input": mkdirat /input: not a directory',
        ),
        (
            "open /data/engine/rootfs/5f, then /run/containerd/task/5f: no",
            "open [host], then [host]: no",
        ),
        ("lstat /data/engineering/x: no", "lstat /data/engineering/x: no"),
    ],
)
def test_a_participant_is_told_paths_of_the_image_and_none_of_the_host(
    said: str, told: str
) -> None:
    assert without_host_paths(said, ["/srv/w/sandbox/slot-3", "/data/engine", ""]) == told


@pytest.mark.parametrize(
    "error", [exceptions.ConnectionError("refused"), APIError("500", explanation="x")]
)
def test_an_engine_that_fails_is_ours(error: Exception) -> None:
    with pytest.raises(PlatformError) as caught, ours("a test ran"):
        raise error

    assert caught.value.code is Code.SANDBOX_FAILED
    assert "while a test ran" in caught.value.detail


class FakeEngine:
    """An engine whose container ends when told, or whose answers break, each error once."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.ended = threading.Event()

    def wait(self, container: str, timeout: int) -> dict[str, int]:
        self.ended.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        return {"StatusCode": 0}

    def kill(self, container: str, signal: str) -> None:
        self.ended.set()

    def stats(self, container: str, stream: bool, one_shot: bool) -> dict[str, dict[str, int]]:
        return {"memory_stats": {"usage": 7 * MIB}}


def test_a_container_that_outlives_one_request_is_waited_for_by_another() -> None:
    engine = FakeEngine(exceptions.ReadTimeout("an hour is over"))
    end = ContainerEnd(engine, "id")
    engine.ended.set()

    assert end.wait(10)
    assert engine.errors == []
    end.raise_if_daemon_went_away()


@pytest.mark.parametrize(
    "error", [exceptions.ConnectionError("gone"), exceptions.ChunkedEncodingError("cut")]
)
def test_a_daemon_that_goes_away_during_a_run_is_noticed(error: Exception) -> None:
    engine = FakeEngine(error)
    end = ContainerEnd(engine, "id")
    engine.ended.set()

    assert end.wait(10)
    with pytest.raises(PlatformError, match="went away"):
        end.raise_if_daemon_went_away()


def test_a_kill_returns_when_the_container_is_gone() -> None:
    end = ContainerEnd(FakeEngine(), "id")

    assert not end.wait(0)
    end.kill()

    assert end.wait(0)
    end.raise_if_daemon_went_away()


@pytest.mark.parametrize(
    ("engine_says", "named", "peak_bytes", "killed_anyone", "expected"),
    [
        (True, False, 0, False, True),
        (False, True, 0, True, True),
        (False, False, 95 * MIB, True, True),
        (False, False, 95 * MIB, False, False),
        (False, False, 10 * MIB, True, False),
    ],
)
def test_a_kill_for_memory_is_believed_from_any_witness(
    monkeypatch: pytest.MonkeyPatch,
    engine_says: bool,
    named: bool,
    peak_bytes: int,
    killed_anyone: bool,
    expected: bool,
) -> None:
    watch = MemoryWatch(FakeEngine(), "no-such-container", 100 * MIB)
    monkeypatch.setattr(watch, "_peak_bytes", peak_bytes)
    witness = SimpleNamespace(names=lambda _: named, killed_anyone=lambda: killed_anyone)

    assert watch.was_out_of_memory(engine_says, witness) is expected
    assert (watch.peak_bytes == 100 * MIB) is expected


def test_without_control_groups_to_read_the_engine_is_asked_for_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch = MemoryWatch(FakeEngine(), "no-such-container", 100 * MIB)
    watch.look()
    assert watch.peak_bytes is None

    monkeypatch.setattr(watch, "_ask_at", 0.0)
    watch.look()

    assert watch.peak_bytes == 7 * MIB


def test_a_quiet_kernel_accuses_nobody() -> None:
    witness = KernelWitness()

    assert not witness.names("no-such-container")
    witness.close()
    assert not witness.names("no-such-container")
