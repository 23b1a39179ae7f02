from __future__ import annotations

import threading

import pytest

from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import HeartbeatReply
from proctor_runner.desk import StopReason
from proctor_runner.lease import Lease
from proctor_runner.platform_api import LeaseLostError

LONGEST_WAIT_S = 120


class Platform:
    """Answers heartbeats, and lets a test wait for one."""

    def __init__(self, lease_s: float = 3600.0) -> None:
        self.lease_s = lease_s
        self.cancel = False
        self.error: Exception | None = None
        self.beats: list[tuple[str, int, int]] = []
        self.arrived = threading.Semaphore(0)

    def __call__(self, stage, cases_done, cases_total, give_up_s):
        self.beats.append((stage, cases_done, cases_total))
        self.arrived.release()
        if self.error is not None:
            raise self.error
        return HeartbeatReply(cancel=self.cancel, lease_s=self.lease_s)


@pytest.fixture
def platform():
    return Platform()


def test_the_first_heartbeat_is_sent_before_any_work(platform):
    with Lease(platform, 3600, cases_total=8) as lease:
        assert platform.beats == [("starting", 0, 8)]
        assert lease.stop_reason is None


def test_a_new_stage_is_told_at_once_and_a_new_number_waits(platform):
    with Lease(platform, 3600) as lease:
        assert platform.arrived.acquire(timeout=LONGEST_WAIT_S)
        lease.progress("running", 1, 8)
        assert platform.arrived.acquire(timeout=LONGEST_WAIT_S)
        lease.progress("running", 2, 8)
    assert platform.beats == [("starting", 0, 0), ("running", 1, 8)]


def test_beats_come_four_times_a_lease():
    platform = Platform(lease_s=0.04)
    # Its clock stands still, so that a slow machine does not let the lease lapse.
    with Lease(platform, 0.04, clock=lambda: 0.0):
        for _ in range(4):
            assert platform.arrived.acquire(timeout=LONGEST_WAIT_S)


def test_a_refused_heartbeat_is_a_lost_lease(platform):
    platform.error = LeaseLostError("fence 2 has it")
    with Lease(platform, 3600) as lease:
        assert lease.stop_reason is StopReason.LEASE_LOST


def test_heartbeats_without_an_answer_lose_the_lease(platform):
    platform.error = PlatformError(Code.INTERNAL, "no answer")
    with Lease(platform, 3600) as lease:
        assert lease.stop_reason is StopReason.LEASE_LOST


def test_a_lease_is_lost_by_our_own_clock_when_a_heartbeat_hangs(platform):
    now = [100.0]
    with Lease(platform, 60, clock=lambda: now[0]) as lease:
        assert lease.stop_reason is None
        now[0] += platform.lease_s - 1
        assert lease.stop_reason is None
        now[0] += 1
        assert lease.stop_reason is StopReason.LEASE_LOST


def test_a_wish_to_cancel_comes_with_a_heartbeat(platform):
    platform.cancel = True
    with Lease(platform, 3600) as lease:
        assert lease.stop_reason is StopReason.CANCELLED


def test_a_lost_lease_outweighs_a_wish_to_cancel(platform):
    with Lease(platform, 3600) as lease:
        lease.stop(StopReason.CANCELLED)
        lease.stop(StopReason.DRAINED)
        assert lease.stop_reason is StopReason.CANCELLED
        lease.stop(StopReason.LEASE_LOST)
        assert lease.stop_reason is StopReason.LEASE_LOST
