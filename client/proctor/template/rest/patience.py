"""How long who asks is waited for, as whoever starts a service says it."""

from __future__ import annotations


class Patience:
    """How long a client is waited for.

    Attributes:
        head_s: For the first lines of a request, from its first byte on.
        idle_s: For the next request.
        body_s: For a body, before its length counts.
        least_bytes_per_s: A body or an answer that goes slower than this is given up.
    """

    def __init__(
        self,
        head_s: float = 10.0,
        idle_s: float = 30.0,
        body_s: float = 20.0,
        least_bytes_per_s: float = 20_000.0,
    ) -> None:
        self.head_s = head_s
        self.idle_s = idle_s
        self.body_s = body_s
        self.least_bytes_per_s = least_bytes_per_s
