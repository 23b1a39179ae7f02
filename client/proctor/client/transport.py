"""One request, tried again when that is safe.

A call is tried again only when doing it twice is doing it once: reads, uploads by digest, and
submissions under an idempotency key. Everything else fails at the first lost connection, since
nobody can tell whether it arrived. What was refused because it came too soon is repeated when the
platform says, whatever it is: nothing was done.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

import httpx2

from proctor.client.errors import ApiError, HostError, problem_of

Params = Mapping[str, str | int | bool]

_TRY_AGAIN = frozenset({502, 503, 504})
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a safe call is repeated."""

    attempts: int = 5
    upload_attempts: int = 9
    """At one part of a large file, without one byte more of it arriving: a minute in all."""
    first_pause_s: float = 0.25
    sleep: Callable[[float], None] = time.sleep

    def pause_s(self, attempt: int, response: httpx2.Response | None) -> float:
        """Return the pause after attempt ``attempt``: what the server asks for, else 2^n."""
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        if asked.isdigit():
            return min(float(asked), _LONGEST_PAUSE_S)
        doubled = self.first_pause_s * 2.0**attempt
        return min(doubled, _LONGEST_PAUSE_S) * random.uniform(0.8, 1.2)  # noqa: S311


class Incoming(NamedTuple):
    """A body on its way, and what names its bytes, if the platform says."""

    chunks: Iterator[bytes]
    etag: str


class Transport:
    """A connection pool to one host that speaks for one token."""

    def __init__(
        self,
        host: str,
        token: str | None,
        *,
        retry: RetryPolicy,
        timeout_s: float,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        self.host = host.rstrip("/")
        headers = {"User-Agent": "proctor-client"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._retry = retry
        self._timeout_s = timeout_s
        try:
            self._http = httpx2.Client(
                base_url=self.host,
                headers=headers,
                timeout=timeout_s,
                transport=transport,
                # Loading the root certificates takes a tenth of a second; plain HTTP, which is
                # never redirected, has no use for them.
                verify=not self.host.startswith("http://"),
            )
        except (httpx2.InvalidURL, ValueError) as error:
            raise HostError(f"{host!r} is not an address: {error}.", _ADDRESS_HINT) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        safe: bool,
        longer_s: float = 0.0,
    ) -> httpx2.Response:
        """Send a request and return its answer, read to the end.

        Args:
            content: the body, or what makes a fresh stream of it for every attempt.
            safe: sending it twice has the effect of sending it once.
            longer_s: how much longer than usual the answer may take.

        Raises:
            ApiError: the platform answered with an error.
            HostError: no answer came.
        """
        for attempt in range(self._retry.attempts):
            last = attempt + 1 == self._retry.attempts
            response = None
            try:
                response = self._http.request(
                    method,
                    path,
                    params=dict(params or {}),
                    content=content() if callable(content) else content,
                    headers=dict(headers or {}),
                    timeout=self._timeout_s + longer_s,
                )
            except httpx2.RequestError as error:
                if last or not safe or isinstance(error, httpx2.UnsupportedProtocol):
                    raise self._unreachable(error) from error
            if response is not None and (last or not _try_again(response, safe=safe)):
                if response.is_error:
                    raise ApiError(problem_of(response))
                return response
            self._retry.sleep(self._retry.pause_s(attempt, response))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str] | None = None) -> Generator[Incoming]:
        """Read a body piece by piece; the caller repeats it when the connection is lost.

        Raises:
            ApiError: the platform answered with an error.
            HostError: no answer came, or it stopped in the middle.
        """
        try:
            with self._http.stream("GET", path, headers=dict(headers or {})) as response:
                if response.is_error:
                    response.read()
                    raise ApiError(problem_of(response))
                yield Incoming(response.iter_bytes(), response.headers.get("ETag", ""))
        except httpx2.RequestError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx2.RequestError) -> HostError:
        reason = str(error) or type(error).__name__
        return HostError(f"{self.host} cannot be reached: {reason}.", _ADDRESS_HINT)


def _try_again(response: httpx2.Response, *, safe: bool) -> bool:
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        # A quota that is used up does not come back by waiting, and names no time.
        return "Retry-After" in response.headers
    return safe and response.status_code in _TRY_AGAIN


_ADDRESS_HINT = (
    "Start a platform with `proctor up`, or name one that runs with --host or PROCTOR_HOST."
)
