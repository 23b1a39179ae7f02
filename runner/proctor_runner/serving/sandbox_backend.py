"""The backend of a service whose model lives in a sandbox.

A session of the sandbox answers one question at a time; a question that the model does not survive
costs that question and a restart. `stop` gives the machine back while nobody asks.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import PlatformError
from proctor.template.card import Card
from proctor.template.held import File, on_disk
from proctor.template.rest.backend import ANSWER_FILE, Answer, AnswerError, Wish
from proctor.template.rest.failures import RefusedError
from proctor_runner.contracts.interface import AskedCase
from proctor_runner.sandbox.interface import (
    Ending,
    Inside,
    Program,
    Sandbox,
    SandboxJob,
    SandboxResult,
    Session,
)
from proctor_runner.serving.exchange import Exchange, NativeExchange

_MOST_ANSWER_BYTES = 64 << 20

_SENTENCES = {
    Ending.FAILED: ("model_failed", "The model failed on this input; the service's log says why."),
    Ending.TIMEOUT: ("model_too_slow", "The model did not answer within its time limit."),
    Ending.OUT_OF_MEMORY: ("model_out_of_memory", "The model needed more memory than it has."),
    Ending.OUT_OF_GPU_MEMORY: (
        "model_out_of_memory",
        "The model needed more GPU memory than it has.",
    ),
    Ending.OUTPUT_LIMIT: ("answer_too_large", "The model's answer is larger than is allowed."),
    Ending.START_FAILED: (
        "model_not_started",
        "The model could not be started; the service's log says why.",
    ),
}


class SandboxBackend:
    """Asks a program in a sandbox; one thread at a time.

    Args:
        sandbox: Used by nobody else while this lives.
        card: What the model says of itself.
        folder: Its folder on this host, if it has one.
        scratch: An existing folder for what comes out of the sandbox.
        told: Receives what the model printed while it was asked, and why it failed.
        exchange: How it is asked; by default as the engine is.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        program: Program,
        card: Card,
        folder: Path | None,
        limits: Limits,
        scratch: Path,
        told: Callable[[str], None] = lambda _text: None,
        exchange: Exchange | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._program = program
        self._card = card
        self._folder = folder
        self._limits = limits
        self._scratch = scratch
        self._told = told
        self._exchange = exchange or NativeExchange(card)
        self._session: Session | None = None
        self._is_stopping = threading.Event()

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._card

    @property
    def folder(self) -> Path | None:
        """Its folder, if it has one."""
        return self._folder

    def start(self) -> SandboxResult | None:
        """Make the model ready before anybody asks; return why it is not, None when it is.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        if self._session is None:
            self._session = self._sandbox.session()
        job = self._job("start", AskedCase({}, {}, ()), self._scratch)
        failed = self._session.start(job, self._is_stopping.is_set)
        if failed is not None:
            self.stop()
        return failed

    def inside(self) -> Inside | None:
        """Say how to get to a model that was started, which is not paused from now on.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        return None if self._session is None else self._session.inside()

    def answer(self, inputs: Mapping[str, File], folder: Path, wish: Wish) -> Answer:
        """Ask the model; see `rest.backend.Backend`."""
        request = secrets.token_hex(8)
        paths = {name: on_disk(file) for name, file in inputs.items()}
        asked = self._exchange.ask(request, paths, wish)
        destination = self._scratch / request
        destination.mkdir()
        try:
            result = self._run(self._job(request, asked, destination))
            return self._read(result, paths, folder)
        finally:
            shutil.rmtree(destination, ignore_errors=True)

    def interrupt(self) -> None:
        """Let a question that is being asked end soon, from another thread."""
        self._is_stopping.set()

    def stop(self) -> None:
        """End the program; the next question starts it again."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _job(self, part: str, asked: AskedCase, destination: Path) -> SandboxJob:
        return SandboxJob(
            work="serve",
            fence=1,
            part=part,
            program=self._program,
            documents=asked.documents,
            inputs=asked.inputs,
            outputs=asked.outputs,
            destination=destination,
            limits=self._limits,
            timeout_s=self._limits.case_s,
            protocol=Protocol.SERVE,
        )

    def _run(self, job: SandboxJob) -> SandboxResult:
        if self._session is None:
            self._session = self._sandbox.session()
        try:
            result = self._session.run(job, self._is_stopping.is_set)
        except PlatformError as error:
            self.stop()
            self._told(str(error.detail))
            raise RefusedError(
                503,
                "sandbox_failed",
                "The sandbox of the model failed; the service's log says why.",
            ) from error
        printed = result.log.decode(errors="replace").strip()
        if printed:
            self._told(printed)
        if result.ending is Ending.START_FAILED:
            # A session gives up for good; the next question deserves another try.
            self.stop()
        if result.ending is not Ending.ANSWERED:
            self._told(result.detail)
        return result

    def _read(self, result: SandboxResult, inputs: Mapping[str, Path], folder: Path) -> Answer:
        if result.ending is Ending.CANCELLED:
            raise RefusedError(503, "stopping", "The service is being stopped.")
        if result.ending is not Ending.ANSWERED:
            code, sentence = _SENTENCES[result.ending]
            status = 504 if result.ending is Ending.TIMEOUT else 500
            raise RefusedError(status, code, sentence)
        try:
            answer = self._exchange.read(
                _text(result), _moved(result, folder), inputs, result.seconds
            )
        except AnswerError as error:
            self._told(f"What the model's container wrote is no answer: {error}.")
            raise RefusedError(
                502, "no_answer", "What the model's container wrote is no answer."
            ) from error
        return answer


def _text(result: SandboxResult) -> bytes:
    path = result.outputs.get(ANSWER_FILE)
    if path is None:
        raise AnswerError(
            "there is none. Its image may hold an engine older than this one, or none of ours"
        )
    if path.stat().st_size > _MOST_ANSWER_BYTES:
        raise AnswerError(f"it has more than {_MOST_ANSWER_BYTES} bytes")
    return path.read_bytes()


def _moved(result: SandboxResult, folder: Path) -> dict[str, Path]:
    """Return the files of an answer by name, moved to where the service wants them."""
    files = {name: path for name, path in result.outputs.items() if name != ANSWER_FILE}
    moved: dict[str, Path] = {}
    if files:
        with suppress(FileExistsError):
            folder.mkdir()
    for name, path in files.items():
        moved[name] = path.rename(folder / name)
    return moved
