"""What the operator of a service decides."""

from __future__ import annotations

from dataclasses import dataclass

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True)
class Settings:
    """How a service is run.

    Attributes:
        hosts: Names by which it may be called, without a port; empty for any. A page of another
            host that resolves its name to this machine is kept out by it.
        url_hosts: Hosts that inputs may be fetched from.
        origins: Web pages that may call it from a browser, such as `https://app.example`.
        most_body_bytes: Of a request.
        most_waiting: Requests that may wait for the model behind the one that has it.
        most_wait_s: How long one of them waits at most.
        most_connections: At a time.
        keep_s: How long the files of an answer can be fetched.
        most_kept_bytes: Of all those files together.
    """

    hosts: frozenset[str] = frozenset()
    url_hosts: tuple[str, ...] = ()
    origins: frozenset[str] = frozenset()
    most_body_bytes: int = 512 << 20
    most_waiting: int = 16
    most_wait_s: float = 60.0
    most_connections: int = 128
    keep_s: float = 900.0
    most_kept_bytes: int = 1 << 30
