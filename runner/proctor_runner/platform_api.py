"""The worker's own HTTP client: claim work, then speak under the order's token.

A connection error or a 5xx is tried again with growing pauses, a 4xx never. The hard part is the
fence: a 409 LEASE_LOST means that another attempt has this work, so everything here must be dropped
and nothing may be reported any more; it is its own exception so that no one mistakes it.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import httpcore2  # noqa: F401  httpx2 does with its first client only: here, in every fork
import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from proctor.spec.api import Problem
from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes, digest_file
from proctor.spec.hosting import AnswerHead, Question, QuestionTurn, TurnAsked
from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import (
    AnyOrder,
    CaseReport,
    Claim,
    Failure,
    Heartbeat,
    HeartbeatReply,
    IntakePassed,
    RunReport,
    ScoreReport,
    WorkerWelcome,
)

_ORDER: TypeAdapter[AnyOrder] = TypeAdapter(AnyOrder)
T = TypeVar("T")
_CHUNK_BYTES = 1 << 20
_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)


class UnreachableError(PlatformError):
    """The platform did not answer for as long as it was asked."""


class LeaseLostError(Exception):
    """This work is no longer ours: stop, drop everything, report nothing."""


@dataclass(frozen=True)
class Patience:
    """How long and how often a request is tried again."""

    give_up_s: float = 60.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0


class PlatformApi:
    """The platform as a worker sees it. Safe to use from several threads."""

    def __init__(
        self,
        url: str,
        token: str,
        transport: httpx2.BaseTransport | None = None,
        patience: Patience | None = None,
        lapses: bool = False,
    ) -> None:
        self._lapses = lapses
        self._url = url
        self._transport = transport
        self._patience = patience or Patience()
        self._token = token
        self._client: httpx2.Client | None = None
        self._client_process = 0
        self._lock = threading.Lock()

    def claim(self, claim: Claim, give_up_s: float | None = None) -> AnyOrder | None:
        """Ask for work; None when it is not ours to do or none waits.

        Raises:
            PlatformError: the platform does not answer, or not as agreed.
        """
        response = self._send("POST", "/work/claim", document=claim, give_up_s=give_up_s)
        if response.status_code == httpx2.codes.NO_CONTENT:
            return None
        return _read(_ORDER, response)

    def welcome(self, give_up_s: float | None = None) -> WorkerWelcome:
        """Ask what this worker's token is good for.

        Raises:
            UnreachableError: no answer within ``give_up_s``.
            PlatformError: the token is refused, or this is no platform.
        """
        response = self._send("GET", "/workers/me", give_up_s=give_up_s)
        return _read(TypeAdapter(WorkerWelcome), response)

    def of_order(self, order: AnyOrder) -> OrderApi:
        """Return the part of the platform that ``order``'s token opens."""
        api = PlatformApi(self._url, order.token, self._transport, self._patience, lapses=True)
        return OrderApi(api, order)

    def close(self) -> None:
        """Close every connection."""
        if self._client is not None and self._client_process == os.getpid():
            self._client.close()
            self._client = None

    @property
    def _http(self) -> httpx2.Client:
        """The client of this process: a forked child must not talk on its parent's connection."""
        with self._lock:
            if self._client is None or self._client_process != os.getpid():
                self._client = httpx2.Client(
                    base_url=f"{self._url.rstrip('/')}/api/v1",
                    headers={"Authorization": f"Bearer {self._token}"},
                    timeout=_TIMEOUT,
                    transport=self._transport,
                    # Certificates take longer to load than most answers take.
                    verify=not self._url.startswith("http://"),
                )
                self._client_process = os.getpid()
            return self._client

    def _send(
        self,
        method: str,
        path: str,
        document: BaseModel | None = None,
        body: Callable[[], Iterator[bytes]] | None = None,
        size: int = 0,
        give_up_s: float | None = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """Send until there is an answer that need not be repeated; return it when it is good."""

        def once() -> httpx2.Response:
            headers: dict[str, str] = {}
            content: bytes | Iterator[bytes] | None = None
            if document is not None:
                headers["Content-Type"] = "application/json"
                content = document.model_dump_json().encode()
            elif body is not None:
                headers["Content-Length"] = str(size)
                content = body()
            response = self._http.request(
                method, path, content=content, headers=headers, params=query
            )
            self._refuse(response)
            return response

        return self._patiently(once, give_up_s)

    def _refuse(self, response: httpx2.Response) -> None:
        if not response.is_error:
            return
        if response.status_code >= 500:
            raise _TryAgainError(f"status {response.status_code}")
        # An order's token lapses with its lease, so being unknown is having lost it.
        if self._lapses and response.status_code == httpx2.codes.UNAUTHORIZED:
            raise LeaseLostError("the order's token is no longer valid")
        try:
            problem = Problem.model_validate_json(response.content)
        except ValidationError as error:
            raise PlatformError(
                Code.INTERNAL, f"the platform refused with status {response.status_code}"
            ) from error
        if problem.code is Code.LEASE_LOST:
            raise LeaseLostError(problem.detail)
        raise PlatformError(
            problem.code, problem.detail or f"{problem.title} (status {response.status_code})"
        )

    def _download(self, path: str, stream: BinaryIO) -> None:
        def once() -> None:
            stream.seek(0)
            stream.truncate()
            with self._http.stream("GET", path) as response:
                if response.is_error:
                    response.read()
                self._refuse(response)
                for chunk in response.iter_bytes(_CHUNK_BYTES):
                    stream.write(chunk)

        self._patiently(once)

    def _patiently(self, once: Callable[[], T], give_up_s: float | None = None) -> T:
        limit_s = self._patience.give_up_s if give_up_s is None else give_up_s
        deadline = time.monotonic() + limit_s
        pause_s = self._patience.first_pause_s
        while True:
            try:
                return once()
            except (httpx2.TransportError, _TryAgainError) as error:
                if time.monotonic() + pause_s >= deadline:
                    waited = f" for {limit_s:.0f} s" if limit_s else ""
                    raise UnreachableError(
                        Code.INTERNAL, f"{self._url} did not answer{waited}: {error}"
                    ) from error
            # Jitter keeps workers that lost the platform together from coming back together.
            time.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311
            pause_s = min(2 * pause_s, self._patience.longest_pause_s)


class OrderApi:
    """What an order's token allows: its blobs, its reports, its lease."""

    def __init__(self, api: PlatformApi, order: AnyOrder) -> None:
        self._api = api
        self._path = f"/work/{order.id}"
        self._fence = order.fence

    def heartbeat(
        self, stage: str, cases_done: int, cases_total: int, give_up_s: float
    ) -> HeartbeatReply:
        """Keep the lease for another while.

        Raises:
            LeaseLostError: another attempt has it.
            PlatformError: no answer within ``give_up_s``.
        """
        beat = Heartbeat(
            fence=self._fence, stage=stage, cases_done=cases_done, cases_total=cases_total
        )
        response = self._api._send(
            "POST", f"{self._path}/heartbeat", document=beat, give_up_s=give_up_s
        )
        return _read(TypeAdapter(HeartbeatReply), response)

    def intake_passed(self) -> None:
        """Say that the image kept the rules of intake."""
        self._api._send("POST", f"{self._path}/intake", document=IntakePassed(fence=self._fence))

    def download(self, file: FileRef, stream: BinaryIO) -> None:
        """Write the blob's bytes to ``stream``; the caller checks the digest."""
        self._api._download(f"{self._path}/blobs/{file.digest}", stream)

    def upload(self, path: Path) -> FileRef:
        """Store a file and return what it is called there."""
        file = digest_file(path)

        def body() -> Iterator[bytes]:
            with path.open("rb") as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield chunk

        self._api._send("PUT", f"{self._path}/blobs/{file.digest}", body=body, size=file.size)
        return file

    def upload_bytes(self, content: bytes) -> FileRef:
        """Store a few bytes and return what they are called there."""
        file = FileRef(digest=digest_bytes(content), size=len(content))
        self._api._send(
            "PUT",
            f"{self._path}/blobs/{file.digest}",
            body=lambda: iter((content,)),
            size=file.size,
        )
        return file

    def report_case(self, report: CaseReport) -> None:
        """Write the result of one case; a second time it changes nothing."""
        self._api._send("POST", f"{self._path}/cases", document=report)

    def complete(self, report: RunReport | ScoreReport) -> None:
        """End the work with its report."""
        self._api._send("POST", f"{self._path}/complete", document=report)

    def fail(self, code: Code, detail: str) -> None:
        """Give the work back: a failure of ours is tried again, an organizer's is final."""
        failure = Failure(fence=self._fence, code=code, detail=detail[:2000])
        self._api._send("POST", f"{self._path}/fail", document=failure)

    def next_question(self, wait_s: float) -> QuestionTurn:
        """Ask what a hosted model is asked next; the answer waits so long for a question."""
        asked = TurnAsked(fence=self._fence, wait_s=wait_s)
        response = self._api._send("POST", f"{self._path}/questions", document=asked)
        return _read(TypeAdapter(QuestionTurn), response)

    def question_body(self, question: Question) -> bytes:
        """Return what was sent with a question.

        Raises:
            PlatformError: whoever asked has left.
        """
        if not question.body_bytes:
            return b""
        return self._api._send("GET", f"{self._path}/questions/{question.id}/body").content

    def answer(self, question: Question, head: AnswerHead, content: bytes) -> None:
        """Answer a question.

        Raises:
            PlatformError: whoever asked has left.
        """
        said = head.model_dump(mode="json", exclude_defaults=True)
        self._api._send(
            "PUT",
            f"{self._path}/questions/{question.id}/answer",
            body=lambda: iter((content,)),
            size=len(content),
            query={name: str(value) for name, value in said.items()},
        )

    def close(self) -> None:
        """Close every connection."""
        self._api.close()


class _TryAgainError(Exception):
    """The platform answered 5xx."""


def _read(adapter: TypeAdapter[T], response: httpx2.Response) -> T:
    try:
        return adapter.validate_json(response.content)
    except ValidationError as error:
        raise PlatformError(
            Code.INTERNAL,
            f"the platform's answer is not understood; are both of one version? {error}",
        ) from error
