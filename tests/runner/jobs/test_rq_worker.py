"""A real Redis on a private socket; the platform is a function that leaves files to be found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import httpx2
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from rq import Queue as RQQueue
from rq.job import Callback, Job
from rq.serializers import JSONSerializer

from proctor.cli.services.redis_server import server_program
from proctor.spec.work import Queue
from proctor_runner import jobs
from proctor_runner.faults import FaultPoint, Faults
from proctor_runner.platform_api import Patience, PlatformApi
from proctor_runner.rq_worker import ALLOWED_FUNCTION, AllowedJob, QueueProcess, fork_bound

WORK = "run_" + "a" * 26


class RedisServer:
    """A redis-server without persistence, to be killed at will."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.process = subprocess.Popen(
            [server_program(), "--port", "0", "--unixsocket", str(self.socket), "--save", ""],
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                with Redis(unix_socket_path=str(self.socket)) as connection:
                    connection.ping()
                return
            except RedisConnectionError:
                assert time.monotonic() < deadline, "redis-server did not start"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis_server(tmp_path_factory):
    # A short path: the name of a socket may have about a hundred characters.
    folder = tmp_path_factory.mktemp("r")
    server = RedisServer(folder)
    yield server
    server.kill()


@pytest.fixture
def connection(redis_server):
    # Tried once: a test that kills Redis need not wait for it to come back.
    once = Retry(NoBackoff(), 0)
    with Redis(unix_socket_path=str(redis_server.socket), retry=once) as connection:
        yield connection


@pytest.fixture
def signals():
    """Put the handlers back that a worker in this process replaces."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGUSR1)
    before = [(number, signal.getsignal(number)) for number in numbers]
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.fixture
def process(connection, fakes, desk, tmp_path, signals):
    """Make a worker process's worth of worker, with a platform that notes every claim in a file."""

    def note(name: str, body: bytes) -> None:
        with (tmp_path / name).open("ab") as stream:
            stream.write(body + b"\n")

    def process(faults: Faults | None = None, on_claim=None):
        order = fakes.order(desk, id=WORK)

        def platform(request):
            body = request.read()
            if request.url.path.endswith("/work/claim"):
                note("claims", body)
                answer = on_claim(json.loads(body)) if on_claim else True
                if not answer:
                    return httpx2.Response(204)
                return httpx2.Response(200, content=order.model_dump_json())
            if request.url.path.endswith("/heartbeat"):
                return httpx2.Response(200, json={"cancel": False, "lease_s": 60})
            if request.method == "GET":
                path = desk.folder / request.url.path.rpartition(":")[2]
                return httpx2.Response(200, content=path.read_bytes())
            if request.url.path.endswith("/complete"):
                note("completed", body)
            return httpx2.Response(204)

        context = jobs.WorkContext(
            api=PlatformApi("http://p", "w", httpx2.MockTransport(platform), Patience(0.2)),
            queue=Queue.RUN_CPU,
            worker="w/run-0",
            state=tmp_path / "state",
            cache_bytes=1 << 30,
            workshop=fakes.Workshop(fakes.Sandbox()),
            faults=faults or Faults(),
        )
        jobs.CONTEXT.set(context)
        return QueueProcess(context, connection, poll_s=1)

    return process


@pytest.fixture
def lines(tmp_path):
    """Read the lines that the fake platform, in whatever process, wrote to a file."""

    def lines(name: str) -> list[dict[str, object]]:
        path = tmp_path / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return lines


@pytest.fixture
def put(connection):
    """Put something into the queue as anyone could who can write to Redis."""

    def put(function=ALLOWED_FUNCTION, *arguments, **options):
        queue = RQQueue("run.cpu", connection=connection, serializer=JSONSerializer)
        return queue.enqueue(function, args=arguments, **options)

    return put


def status_of(job: Job, connection: Redis) -> str:
    return str(AllowedJob.fetch(job.id, connection, serializer=JSONSerializer).get_status().value)


def test_a_bell_has_the_work_done_in_a_process_of_its_own(process, put, lines, connection):
    job = put(ALLOWED_FUNCTION, WORK)
    assert process().work(burst=True, logging_level="ERROR")
    assert [(claim["queue"], claim["worker"]) for claim in lines("claims")] == [
        ("run.cpu", "w/run-0")
    ]
    assert [report["outcome"] for report in lines("completed")] == ["OK"]
    assert status_of(job, connection) == "finished"


@pytest.mark.parametrize(
    ("function", "arguments", "options"),
    [
        ("os.system", ["touch {stolen}"], {}),
        ("proctor_runner.jobs.carry_out", [WORK], {}),
        (ALLOWED_FUNCTION, [], {}),
        (ALLOWED_FUNCTION, ["touch {stolen}"], {}),
        (ALLOWED_FUNCTION, [["run_1"]], {}),
        (ALLOWED_FUNCTION, [WORK, WORK], {}),
        (ALLOWED_FUNCTION, [], {"kwargs": {"work_id": WORK}}),
    ],
)
def test_nothing_but_one_function_with_one_id_comes_out_of_the_queue(
    process, put, lines, connection, tmp_path, function, arguments, options
):
    stolen = tmp_path / "stolen"
    told = [item.format(stolen=stolen) if isinstance(item, str) else item for item in arguments]
    job = put(function, *told, **options)
    process().work(burst=True, logging_level="CRITICAL")
    assert not stolen.exists()
    assert lines("claims") == []
    assert status_of(job, connection) == "failed"


def test_a_callback_in_the_queue_is_never_called(process, put, lines, tmp_path, connection):
    stolen = tmp_path / "stolen"
    callback = Callback("os.mkdir")
    job = put(ALLOWED_FUNCTION, WORK, on_success=callback, on_failure=callback, on_stopped=callback)
    bad = put("os.system", f"touch {stolen}", on_failure=callback)
    process().work(burst=True, logging_level="CRITICAL")
    assert len(lines("completed")) == 1
    assert (status_of(job, connection), status_of(bad, connection)) == ("finished", "failed")
    seen = AllowedJob.fetch(job.id, connection, serializer=JSONSerializer)
    assert (seen.success_callback, seen.failure_callback, seen.stopped_callback) == (None,) * 3
    assert seen.webhooks == []


def test_a_pickle_in_the_queue_is_never_opened(process, connection, lines, tmp_path):
    queue = RQQueue("run.cpu", connection=connection)
    queue.enqueue("os.system", f"touch {tmp_path / 'stolen'}")
    process().work(burst=True, logging_level="CRITICAL")
    assert not (tmp_path / "stolen").exists()
    assert lines("claims") == []


def test_a_worker_killed_at_the_claim_leaves_the_process_that_listens(
    process, put, lines, tmp_path
):
    faults = Faults([FaultPoint.CLAIM], tmp_path / "faults")
    put(ALLOWED_FUNCTION, WORK)
    put(ALLOWED_FUNCTION, WORK)
    assert process(faults).work(burst=True, logging_level="CRITICAL")
    assert len(lines("claims")) == 2
    assert len(lines("completed")) == 1


def test_an_idle_process_finds_work_whose_bell_was_lost_with_redis(process, redis_server, lines):
    def on_claim(claim):
        if len(lines("claims")) == 1:
            return True
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    worker = process(on_claim=on_claim)
    worker.bootstrap(logging_level="CRITICAL")
    worker._install_signal_handlers()
    redis_server.kill()
    assert worker.dequeue_job_and_maintain_ttl(15) is None
    assert len(lines("claims")) == 2
    assert len(lines("completed")) == 1


def test_a_child_dies_with_its_parent():
    reader, writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        child = fork_bound(lambda: time.sleep(60))
        os.write(writer, f"{child}\n".encode())
        time.sleep(60)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        child = int(stream.readline())
        os.kill(child, 0)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        # The child holds the pipe's other end too, so its end is the pipe's.
        assert stream.readline() == ""


def test_all_that_waits_is_done_before_the_next_bell_is_heard(process, put, lines):
    job = put(ALLOWED_FUNCTION, WORK)
    worker = process(on_claim=lambda claim: len(lines("claims")) <= 3)
    worker.bootstrap(logging_level="CRITICAL")
    heard = worker.dequeue_job_and_maintain_ttl(15)
    assert (len(lines("claims")), len(lines("completed"))) == (4, 3)
    assert heard is not None
    assert heard[0].id == job.id
