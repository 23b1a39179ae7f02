"""A worker that hosts a model: what it asks the platform for, and what it says of the model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from queue import Empty, Queue
from types import SimpleNamespace
from typing import Any

import pytest

from proctor.spec.digests import FolderEntry, digest_file
from proctor.spec.hosting import AnswerHead, Question, QuestionTurn
from proctor.spec.limits import GIB, Limits
from proctor.spec.outcomes import Code, ParticipantError
from proctor.spec.work import FolderContent, HostOrder
from proctor_runner.desk import StoppedError
from proctor_runner.model_program import NoImages
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots
from proctor_runner.serving.host import SERVING, host

MODEL = """
class Model:
    def load(self, folder):
        BODY

    def predict(self, inputs):
        return {"sum": [float(inputs["values"].sum())]}
"""
IO = {"inputs": {"values": {"type": "array"}}, "outputs": {"sum": {"type": "vector"}}}
BASE = "https://proctor.example/api/v1/hosted/dep_1"
LONGEST_WAIT_S = 120


class Desk:
    """Has the model's files, and says to stop when it is told to."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files
        self.stages: Queue[str] = Queue()
        self.stop = threading.Event()

    def fetch(self, file: Any) -> Path:
        return self._files[file.digest]

    def progress(self, stage: str, done: int, total: int) -> None:
        self.stages.put(stage)

    def stopped(self) -> bool:
        return self.stop.is_set()

    def intake_passed(self) -> None:
        raise AssertionError("what is deployed was accepted before")


class Door:
    """The platform's side: questions go in, answers come out."""

    def __init__(self) -> None:
        self.turns: Queue[QuestionTurn] = Queue()
        self.answers: Queue[tuple[str, AnswerHead, bytes]] = Queue()
        self._bodies: dict[str, bytes] = {}

    def ask(self, path: str, body: bytes = b"", **fields: Any) -> tuple[AnswerHead, bytes]:
        name = str(len(self._bodies))
        self._bodies[name] = body
        question = Question(
            id=name,
            method="POST" if body else "GET",
            path=path,
            query=fields.pop("query", {}),
            content_type=fields.pop("content_type", ""),
            body_bytes=len(body),
            base=BASE,
        )
        self.turns.put(QuestionTurn(question=question))
        answered, head, content = self.answers.get(timeout=LONGEST_WAIT_S)
        assert answered == name
        return head, content

    def next_question(self, wait_s: float) -> QuestionTurn:
        try:
            return self.turns.get(timeout=0.05)
        except Empty:
            return QuestionTurn()

    def question_body(self, question: Question) -> bytes:
        return self._bodies[question.id]

    def answer(self, question: Question, head: AnswerHead, content: bytes) -> None:
        self.answers.put((question.id, head, content))


class Hosting(threading.Thread):
    """A model that is being hosted, on a thread of its own."""

    def __init__(self, order: HostOrder, desk: Desk, sandbox: Any, scratch: Path) -> None:
        super().__init__(daemon=True)
        self.desk, self.door = desk, Door()
        self.ended: BaseException | None = None
        self._order, self._scratch = order, scratch
        self._tools: Any = SimpleNamespace(bench=SimpleNamespace(sandbox=sandbox), shelf=NoImages())

    def run(self) -> None:
        desk: Any = self.desk
        try:
            host(self._order, desk, self._tools, self.door, self._scratch, self.desk.stop.set)
        except BaseException as error:
            self.ended = error

    def wait_until_serving(self) -> None:
        while self.desk.stages.get(timeout=LONGEST_WAIT_S) != SERVING:
            pass

    def end(self) -> BaseException | None:
        self.desk.stop.set()
        self.join(LONGEST_WAIT_S)
        assert not self.is_alive()
        return self.ended


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Hosting]]:
    """Begin to host a model with a line of its own in ``load``."""
    begun: list[Hosting] = []
    with closing(ProcessSandbox(tmp_path / "state", Slots(tmp_path / "slots"))) as sandbox:

        def start(body: str = "pass", **limits: Any) -> Hosting:
            source = tmp_path / "source"
            source.mkdir()
            (source / "model.py").write_text(MODEL.replace("BODY", body))
            card = {"name": "sum", "title": "A <b>sum</b>", "io": IO}
            (source / "model.json").write_text(json.dumps(card))
            files = {path.name: path for path in source.iterdir()}
            entries = tuple(
                FolderEntry(path=name, executable=False, file=digest_file(path))
                for name, path in sorted(files.items())
            )
            order = HostOrder(
                id="hst_1",
                fence=1,
                token="",
                lease_s=30,
                deployment="dep_1",
                submission="sub_1",
                content=FolderContent(entries=entries, runtime="runtime-cpu"),
                limits=Limits(memory_bytes=GIB, case_s=20, **limits),
                most_question_bytes=1000,
                most_answer_bytes=100_000,
                most_waiting=4,
            )
            (tmp_path / "scratch").mkdir()
            desk = Desk({entry.file.digest: files[entry.path] for entry in entries})
            hosting = Hosting(order, desk, sandbox, tmp_path / "scratch")
            hosting.start()
            begun.append(hosting)
            return hosting

        yield start
        for hosting in begun:
            hosting.end()


def test_a_hosted_model_answers_what_the_platform_brings(begin: Callable[..., Hosting]) -> None:
    hosting = begin()
    hosting.wait_until_serving()
    head, content = hosting.door.ask(
        "/predict", b'{"values": {"value": [1, 2, 3.5]}}', content_type="application/json"
    )
    assert (head.status, head.media_type) == (200, "application/json")
    assert json.loads(content)["outputs"]["sum"]["value"] == [6.5]
    head, content = hosting.door.ask("/")
    assert head.media_type == "text/html; charset=utf-8"
    assert b"A &lt;b&gt;sum&lt;/b&gt;" in content
    assert b'href="/' not in content
    assert b'src="/' not in content
    head, content = hosting.door.ask("/openapi.json")
    assert json.loads(content)["servers"] == [{"url": BASE}]
    assert isinstance(hosting.end(), StoppedError)


def test_what_is_wrong_with_a_question_is_said_and_costs_nothing_else(
    begin: Callable[..., Hosting],
) -> None:
    hosting = begin()
    hosting.wait_until_serving()
    assert hosting.door.ask("/nowhere")[0].status == 404
    head, _ = hosting.door.ask("/predict_sample", b"{}")
    assert (head.status, head.allow) == (405, "GET")
    assert hosting.door.ask("/predict", b"x" * 1001)[0].status == 413
    assert hosting.door.ask("/predict", b"{", content_type="application/json")[0].status == 400
    assert hosting.door.ask("/healthz")[0].status == 200


def test_a_model_that_cannot_be_loaded_says_why(begin: Callable[..., Hosting]) -> None:
    hosting = begin('raise KeyError("no weights here")')
    hosting.join(LONGEST_WAIT_S)
    assert isinstance(hosting.ended, ParticipantError)
    assert hosting.ended.code is Code.START_FAILED
    assert "no weights here" in hosting.ended.detail


def test_a_model_that_is_told_to_stop_while_it_loads_ends(begin: Callable[..., Hosting]) -> None:
    hosting = begin("import time; time.sleep(600)")
    while hosting.desk.stages.get(timeout=LONGEST_WAIT_S) != "starting":
        pass
    assert isinstance(hosting.end(), StoppedError)


def test_the_platform_can_have_another_version_answer(begin: Callable[..., Hosting]) -> None:
    hosting = begin()
    hosting.wait_until_serving()
    hosting.door.turns.put(QuestionTurn(cancel=True))
    hosting.join(LONGEST_WAIT_S)
    assert isinstance(hosting.ended, StoppedError)
