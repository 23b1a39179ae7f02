"""Keeps a deployed model running and answers what the platform brings, until told to stop.

Nobody reaches this process: it asks the platform for the next question and sends the answer back.
The web service is the one of `proctor serve`, without a socket: it is handed requests. The model is
behind the same walls as in an examination, and what it prints stays here.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, Protocol
from urllib.parse import urlsplit

from proctor.spec.hosting import AnswerHead, Question, QuestionTurn
from proctor.spec.outcomes import Code, ParticipantError, PlatformError
from proctor.spec.work import HostOrder, ImageContent
from proctor.template.rest.app import App
from proctor.template.rest.failures import GoneError, RefusedError
from proctor.template.rest.messages import Body, Request, Response
from proctor.template.rest.service import Service
from proctor.template.rest.settings import Settings
from proctor_runner.desk import RunDesk, StoppedError
from proctor_runner.model_program import model_program
from proctor_runner.platform_api import LeaseLostError
from proctor_runner.sandbox.interface import SandboxResult
from proctor_runner.serving.sandbox_backend import SandboxBackend
from proctor_runner.serving.served_model import served_model
from proctor_runner.workshop import RunTools

SERVING = "serving"
"""The stage that tells the platform that the model answers."""

_WAIT_S = 5.0
_ANSWERING = 8
_LOG_LINES = 20
_MOST_DETAIL = 1500


class Door(Protocol):
    """Where questions come from and answers go."""

    def next_question(self, wait_s: float) -> QuestionTurn:
        """Return the next question, or none after so long."""
        ...

    def question_body(self, question: Question) -> bytes:
        """Return what was sent with a question."""
        ...

    def answer(self, question: Question, head: AnswerHead, content: bytes) -> None:
        """Answer a question."""
        ...


def host(
    order: HostOrder,
    desk: RunDesk,
    tools: RunTools,
    door: Door,
    scratch: Path,
    cancel: Callable[[], None],
) -> NoReturn:
    """Start the model, say that it serves, and answer until the desk says to stop.

    Args:
        scratch: An empty folder.
        cancel: Called when the platform has another version answer.

    Raises:
        StoppedError: It was told to stop; what was taken has been answered.
        ParticipantError: The model was refused, or cannot be started.
        PlatformError: Something of ours failed.
        LeaseLostError: Another worker has it.
    """
    desk.progress("preparing", 0, 0)
    images = tools.bench.sandbox.name != "process"
    program = model_program(order, desk, tools.shelf, scratch / "model", images)
    content = order.content
    contract = content.contract if isinstance(content, ImageContent) else None
    log: deque[str] = deque(maxlen=_LOG_LINES)
    shown = scratch / "shown"
    found = served_model(
        order.submission, program, order.limits, contract, tools.shelf, shown, log.append
    )
    (scratch / "answers").mkdir()
    backend = found.backend(
        tools.bench.sandbox,
        scratch / "answers",
        lambda text: log.extend(text.splitlines()),
    )
    try:
        desk.progress("starting", 0, 0)
        _start(backend, desk, tools)
        (scratch / "service").mkdir()
        settings = Settings(
            most_body_bytes=order.most_question_bytes, most_waiting=order.most_waiting
        )
        service = Service(backend, settings, scratch / "service")
        model = service.run_aside()
        try:
            desk.progress(SERVING, 0, 0)
            _answer_all(order, App(service), desk, door, cancel)
        finally:
            backend.interrupt()
            service.close()
            model.join()
    finally:
        backend.stop()


def _start(backend: SandboxBackend, desk: RunDesk, tools: RunTools) -> None:
    """Make the model ready.

    Raises:
        ParticipantError: START_FAILED, with the end of what it printed.
        StoppedError: It was told to stop meanwhile.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            if desk.stopped():
                backend.interrupt()
                return

    watcher = threading.Thread(target=watch, name="host-watch", daemon=True)
    watcher.start()
    try:
        failed = backend.start()
    finally:
        over.set()
        watcher.join()
    if desk.stopped():
        raise StoppedError
    if failed is not None:
        raise ParticipantError(Code.START_FAILED, _why(failed))


def _why(failed: SandboxResult) -> str:
    printed = failed.log.decode(errors="replace").strip()[-_MOST_DETAIL:]
    return f"{failed.detail}\n{printed}".strip()


def _answer_all(
    order: HostOrder, app: App, desk: RunDesk, door: Door, cancel: Callable[[], None]
) -> NoReturn:
    free = threading.BoundedSemaphore(_ANSWERING)

    def answer(question: Question) -> None:
        try:
            _answer(app, door, question, order)
        except (LeaseLostError, PlatformError):
            # Whoever asked has left, or the next attempt answers.
            pass
        finally:
            free.release()

    with ThreadPoolExecutor(_ANSWERING, "host-answer") as pool:
        while not desk.stopped():
            if not free.acquire(timeout=0.2):
                continue
            try:
                turn = door.next_question(_WAIT_S)
            except BaseException:
                free.release()
                raise
            if turn.question is not None:
                pool.submit(answer, turn.question)
                continue
            free.release()
            if turn.cancel:
                cancel()
    raise StoppedError


def _answer(app: App, door: Door, question: Question, order: HostOrder) -> None:
    body = door.question_body(question)
    headers = {"host": urlsplit(question.base).netloc, "content-length": str(len(body))}
    if question.content_type:
        headers["content-type"] = question.content_type
    request = Request(
        question.method,
        question.path,
        dict(question.query),
        headers,
        Body(_Bytes(body), headers, order.most_question_bytes),
        base=question.base,
    )
    try:
        response = app.answer(request)
    except RefusedError as error:
        response = app.refusal(question.path, error)
    except GoneError:
        response = app.refusal(question.path, RefusedError(400, "bad_request", "It ends early."))
    except Exception:
        traceback.print_exc(file=sys.stderr)
        response = app.refusal(question.path, RefusedError(500, "internal", "The service failed."))
    content = _content(response, order.most_answer_bytes)
    if content is None:
        response = app.refusal(
            question.path,
            RefusedError(
                502,
                "answer_too_large",
                f"The answer has more than {order.most_answer_bytes} bytes, the most that is sent"
                " here.",
            ),
        )
        content = response.content
    door.answer(question, _head(response), content)


def _content(response: Response, most_bytes: int) -> bytes | None:
    """Return the bytes of an answer; none when they are too many."""
    if response.file is None:
        return response.content if len(response.content) <= most_bytes else None
    if response.file.stat().st_size > most_bytes:
        return None
    return response.file.read_bytes()


def _head(response: Response) -> AnswerHead:
    retry_after = response.headers.get("Retry-After", "")
    return AnswerHead(
        status=response.status,
        media_type=response.media_type,
        retry_after=int(retry_after) if retry_after.isdecimal() else None,
        allow=response.headers.get("Allow", ""),
    )


class _Bytes:
    """A body that is here already; see `messages.Source`."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def line(self, most_bytes: int) -> bytes:
        """Refuse: a body whose length is known has no lines of its own."""
        raise GoneError(f"no line of at most {most_bytes} bytes is there")

    def some(self, most_bytes: int) -> bytes:
        """Return the next bytes."""
        if not self._content:
            raise GoneError("the body has ended")
        piece, self._content = self._content[:most_bytes], self._content[most_bytes:]
        return piece
