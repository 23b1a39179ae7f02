"""A small platform on a real socket: it keeps what it is given and answers as it is told."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Answer = tuple[int, Any]
Reply = Answer | Callable[["Call"], Answer]


@dataclass
class Call:
    """One request that arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakePlatform:
    """Replies by "METHOD /path"; a list of replies is used up one by one, the last one stays."""

    url: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def on(self, route: str, *replies: Reply) -> None:
        method, path = route.split(" ")
        full = path if path == "/healthz" else f"/api/v1{path}"
        self.replies[f"{method} {full}"] = list(replies)

    def made(self, route: str) -> list[Call]:
        method, path = route.split(" ")
        return [c for c in self.calls if c.method == method and c.path == f"/api/v1{path}"]

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        replies = self.replies.get(f"{call.method} {call.path}")
        if replies:
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            return reply(call) if callable(reply) else reply
        if call.path == "/api/v1/blobs/missing":
            asked = call.json()["digests"]
            return 200, {"missing": [digest for digest in asked if digest not in self.blobs]}
        if call.path.startswith("/api/v1/blobs/"):
            digest = call.path.removeprefix("/api/v1/blobs/")
            if call.method == "PUT":
                self.blobs[digest] = call.body
                return 201, None
            if digest in self.blobs:
                return 200, self.blobs[digest]
        return 404, problem(404, "NOT_FOUND", "There is no such thing.")


def problem(status: int, code: str, title: str, detail: str = "", hint: str = "") -> dict[str, Any]:
    """Return a problem document."""
    return {
        "type": f"https://proctor.invalid/problems/{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    platform: FakePlatform

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        call = Call(self.command, path, query, dict(self.headers), body)
        status, content = self.platform.answer(call)
        extra: dict[str, str] = {}
        if isinstance(content, tuple):
            content, extra = content
        kind = "application/json"
        if isinstance(content, bytes):
            data, kind = content, "application/octet-stream"
        elif isinstance(content, str):
            data, kind = content.encode(), "text/plain; charset=utf-8"
        else:
            data = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    fake = FakePlatform()
    handler = type("Handler", (_Handler,), {"platform": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(name="problem")
def problem_fixture() -> Callable[..., dict[str, Any]]:
    return problem


DIGEST = "sha256:" + "0" * 64
MOMENT = "2026-03-01T12:00:00Z"


@pytest.fixture
def submission_view() -> Callable[..., dict[str, Any]]:
    """Make a submission's document."""

    def make(**changes: Any) -> dict[str, Any]:
        return {
            "id": "sub_1",
            "challenge": "digits",
            "challenge_version": 1,
            "phase": "main",
            "participant": "ada",
            "kind": "folder",
            "card": {"name": "svc", "title": "SVC"},
            "message": "",
            "baseline": False,
            "content_digest": DIGEST,
            "state": "accepted",
            "progress": "queued",
            "final": False,
            "outcome": None,
            "runs": [],
            "submitted_at": MOMENT,
            "yours": True,
            **changes,
        }

    return make


@pytest.fixture
def run_view() -> Callable[..., dict[str, Any]]:
    """Make a run's document."""

    def make(**changes: Any) -> dict[str, Any]:
        return {
            "id": "run_1",
            "task": "classify",
            "purpose": "first",
            "state": "succeeded",
            "stage": "done",
            "outcome": "OK",
            "cases_done": 4,
            "cases_failed": 0,
            "cases_total": 4,
            "attempt": 1,
            "seconds": 2.5,
            "environment": environment(),
            "queued_at": MOMENT,
            "started_at": MOMENT,
            "ended_at": MOMENT,
            **changes,
        }

    return make


def environment(**changes: Any) -> dict[str, Any]:
    """Make an environment's document."""
    return {
        "worker": "w1",
        "sandbox": "docker",
        "cpu": "A",
        "cpu_count": 2,
        "kernel": "6.1",
        "libraries": {"numpy": "2.4.6"},
        **changes,
    }


@pytest.fixture
def submission_create() -> Any:
    from proctor.spec.api import SubmissionCreate

    return SubmissionCreate.model_validate(
        {
            "challenge": "digits",
            "phase": "main",
            "content": {
                "kind": "folder",
                "runtime": "runtime-cpu",
                "entries": [{"path": "model.py", "file": {"digest": DIGEST, "size": 1}}],
            },
            "card": {"name": "svc"},
        }
    )


@pytest.fixture
def board() -> dict[str, Any]:
    """A leaderboard with one row and one column."""
    key = "classify/top1/mean"
    return {
        "id": "lea_1",
        "number": 7,
        "challenge": "digits",
        "challenge_title": "Digits",
        "challenge_version": 1,
        "phase": "main",
        "created_at": MOMENT,
        "ranking": {},
        "ranking_sentence": "Ranked by the mean.",
        "columns": [
            {
                "key": key,
                "task": "classify",
                "metric": "top1",
                "label": "mean",
                "title": "Top-1",
                "higher_is_better": True,
                "definition_id": "top_k.v1",
                "decides": True,
            }
        ],
        "total_rows": 1,
        "rows": [
            {
                "rank": 1,
                "rank_low": 1,
                "rank_high": 2,
                "submission": "sub_1",
                "participant": "ada",
                "title": "=SVC\u001b[31m",
                "kind": "folder",
                "baseline": True,
                "content_digest": DIGEST,
                "evaluations": ["eva_1"],
                "values": {
                    key: {"value": 0.9912, "low": 0.98, "high": 1.0, "n_used": 8, "n_total": 9}
                },
                "failed_cases": 0,
                "total_cases": 4,
                "seconds_per_case": 0.5,
                "hardware": "A",
                "submitted_at": MOMENT,
            }
        ],
    }


ANSWER_ALL = """
import json, sys
from pathlib import Path
from proctor.template.engine import Engine, ModelError

for model, case, answer in json.loads(sys.argv[1]):
    try:
        Engine.start(Path(model), 0).answer(Path(case), Path(answer))
        print(json.dumps(""), flush=True)
    except ModelError as error:
        print(json.dumps(str(error)), flush=True)
"""


@dataclass(frozen=True)
class Answered:
    """What a model said to the first public case of a challenge: its one file, or why not."""

    files: tuple[Path, ...]
    error: str

    @property
    def file(self) -> Path:
        assert self.error == ""
        (file,) = self.files
        return file


@pytest.fixture(scope="session")
def ask_models(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[list[tuple[Path, Path]]], list[Answered]]:
    """Let models answer a case of a challenge, (challenge, model) each, all in one process.

    Frameworks take seconds to be imported, so they are once.
    """

    def ask(asked: list[tuple[Path, Path]]) -> list[Answered]:
        place = tmp_path_factory.mktemp("asked")
        jobs = []
        for number, (challenge, model) in enumerate(asked):
            case = _first_case(challenge, place / f"case-{number}")
            jobs.append([str(model), str(case), str(place / f"answer-{number}")])
        finished = subprocess.run(
            [sys.executable, "-c", ANSWER_ALL, json.dumps(jobs)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        errors = [json.loads(line) for line in finished.stdout.splitlines()]
        assert len(errors) == len(jobs)
        return [
            Answered(tuple(sorted(Path(answer).glob("*"))), error)
            for (_, _, answer), error in zip(jobs, errors, strict=True)
        ]

    return ask


def _first_case(challenge: Path, place: Path) -> Path:
    """Write the first case of a challenge's sample as a container finds it."""
    from proctor_runner.challenge_folder import load_challenge

    (task,) = load_challenge(challenge).tasks
    inputs = {}
    place.mkdir()
    for name, declared in task.inputs.items():
        source = challenge / task.data.sample.inputs / declared.file.format(case="sample-1")
        (place / source.name).write_bytes(source.read_bytes())
        inputs[name] = {"type": declared.type.value, "file": source.name}
    document = {
        "contract": 1,
        "case": "c",
        "items": [str(item) for item in range(task.items_per_case)],
        "inputs": inputs,
        "outputs": {
            name: output.model_dump(mode="json", exclude_none=True)
            for name, output in task.outputs.items()
        },
        "meta": {},
        "seed": 0,
    }
    (place / "case.json").write_text(json.dumps(document))
    return place
