"""A process that asks the platform itself, forked as a worker forks it."""

from __future__ import annotations

import json
import os
import signal
import threading

import httpx2
import pytest
from structlog.testing import capture_logs

from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import Queue, Role, WorkerFacts
from proctor_runner import jobs
from proctor_runner.faults import Faults
from proctor_runner.http_worker import WAIT_S, AskingProcess
from proctor_runner.platform_api import Patience, PlatformApi

FACTS = WorkerFacts(version="1", role=Role.RUN, slots=1, sandbox="auto", host="h", cache_bytes=1)


@pytest.fixture(autouse=True)
def signals():
    """Put the handlers back that a worker in this process replaces."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = [(number, signal.getsignal(number)) for number in numbers]
    yield
    for number, handler in before:
        signal.signal(number, handler)


class Pauses:
    """Notes every pause instead of making it, and ends the process after some."""

    def __init__(self, most: int) -> None:
        self.seconds: list[float] = []
        self._most = most

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) == self._most:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def context(fakes, desk, tmp_path):
    """Make what a process knows, with a platform that answers claims by a function."""

    def context(claimed):
        order = fakes.order(desk)

        def platform(request):
            body = request.read()
            if request.url.path.endswith("/work/claim"):
                return claimed(json.loads(body), order)
            if request.url.path.endswith("/heartbeat"):
                return httpx2.Response(200, json={"cancel": False, "lease_s": 60})
            if request.method == "GET":
                path = desk.folder / request.url.path.rpartition(":")[2]
                return httpx2.Response(200, content=path.read_bytes())
            if request.url.path.endswith("/complete"):
                (tmp_path / "completed").write_bytes(body)
            return httpx2.Response(204)

        return jobs.WorkContext(
            api=PlatformApi("http://p", "w", httpx2.MockTransport(platform), Patience(0.2)),
            queue=Queue.RUN_CPU,
            worker="w/run-0",
            state=tmp_path / "state",
            cache_bytes=1 << 30,
            workshop=fakes.Workshop(fakes.Sandbox()),
            faults=Faults(),
            facts=FACTS,
        )

    return context


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_it_asks_the_platform_to_wait_and_does_what_comes(context, tmp_path):
    asked = []

    def claimed(claim, order):
        asked.append(claim)
        if len(asked) == 1:
            return httpx2.Response(200, content=order.model_dump_json())
        stop()
        return httpx2.Response(204)

    AskingProcess(context(claimed)).work()
    assert json.loads((tmp_path / "completed").read_text())["outcome"] == "OK"
    assert (asked[0]["wait_s"], asked[0]["facts"]["host"]) == (WAIT_S, "h")
    assert len(asked) == 2


def test_a_stop_does_not_wait_for_a_question_that_is_open(context):
    answers = threading.Event()

    def claimed(claim, order):
        stop()
        answers.wait(60)
        return httpx2.Response(204)

    AskingProcess(context(claimed)).work()
    assert not answers.is_set()


def test_work_that_was_claimed_is_done_although_a_stop_came(context, tmp_path):
    def claimed(claim, order):
        return httpx2.Response(200, content=order.model_dump_json())

    process = AskingProcess(context(claimed), enough=lambda: (tmp_path / "completed").exists())
    process.work()
    assert (tmp_path / "completed").exists()


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        (httpx2.Response(503), "platform_unreachable"),
        (
            httpx2.Response(
                401,
                json={
                    "type": "urn:proctor:outcome:UNAUTHENTICATED",
                    "title": "t",
                    "status": 401,
                    "code": "UNAUTHENTICATED",
                    "detail": "This token is unknown or revoked.",
                },
            ),
            "token_refused",
        ),
    ],
)
def test_a_platform_that_is_away_or_refuses_is_asked_again_ever_more_seldom(context, answer, event):
    pauses = Pauses(8)
    with capture_logs() as said:
        AskingProcess(context(lambda claim, order: answer), pause=pauses).work()
    assert {line["event"] for line in said} == {event}
    longest = [line["again_within_s"] for line in said]
    assert longest[:6] == [1, 2, 4, 8, 16, 30]
    assert all(
        0.5 * most <= paused <= most for paused, most in zip(pauses.seconds, longest, strict=False)
    )


def test_a_platform_that_is_back_is_told_of(context):
    pauses, answers = Pauses(99), iter([httpx2.Response(503), httpx2.Response(204)])

    def claimed(claim, order):
        try:
            return next(answers)
        except StopIteration:
            stop()
            return httpx2.Response(204)

    with capture_logs() as said:
        AskingProcess(context(claimed), pause=pauses).work()
    assert [line["event"] for line in said] == ["platform_unreachable", "platform_answers_again"]
    assert len(pauses.seconds) == 1


def test_a_gpu_that_is_gone_keeps_a_process_from_asking(context, fakes):
    class Gone:
        def facts(self):
            raise PlatformError(Code.SANDBOX_FAILED, "GPU GPU-1 is not there any more.")

    asked = []
    known = context(lambda claim, order: asked.append(claim) or httpx2.Response(204))
    with capture_logs() as said:
        AskingProcess(jobs.WorkContext(**{**vars(known), "gpus": Gone()}), pause=Pauses(2)).work()
    assert asked == []
    assert {line["event"] for line in said} == {"gpu_lost"}
