"""A connection to one platform: typed requests in, typed answers out."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TypeVar

import httpx2
from pydantic import BaseModel, TypeAdapter, ValidationError

from proctor.client.errors import HostError
from proctor.client.transport import RetryPolicy, Transport

T = TypeVar("T")

API = "/api/v1"


class Connection:
    """What every call needs; see ``Client`` for what it takes."""

    def __init__(
        self,
        host: str,
        token: str | None,
        *,
        retry: RetryPolicy | None,
        timeout_s: float,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        self._retry = retry or RetryPolicy()
        self._wire = Transport(
            host, token, retry=self._retry, timeout_s=timeout_s, transport=transport
        )

    @property
    def host(self) -> str:
        """The platform's address."""
        return self._wire.host

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def _get(self, kind: type[T], path: str, **params: str | int) -> T:
        return self._parse(kind, self._wire.send("GET", API + path, params=params, safe=True))

    def _post(self, kind: type[T], path: str, body: BaseModel, *, safe: bool = False) -> T:
        return self._parse(kind, self._send_json(path, body, safe=safe))

    def _send_json(
        self, path: str, body: BaseModel, *, safe: bool, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        return self._wire.send(
            "POST",
            API + path,
            content=body.model_dump_json().encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
            safe=safe,
        )

    def _parse(self, kind: type[T], response: httpx2.Response) -> T:
        try:
            return TypeAdapter(kind).validate_json(response.content)
        except ValidationError as error:
            raise HostError(
                f"{response.request.url} answered something that is not the Proctor API: "
                f"{error.error_count()} fields differ, first {error.errors()[0]['loc']}.",
                "Check the address, and that client and platform have the same version.",
            ) from error
