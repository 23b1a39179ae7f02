"""Who gives up a place when all are taken: whoever keeps the service waiting, and holds most.

A client is behind from the moment from which it should have been heard, later by what it moved at
the least pace. Nobody saves up: who sent a lot and then falls silent is behind from then on. Only
who is waited for can be behind; while the model has a request, its client is not.

The hard part is one client with many connections. Where an address holds more places than the
newcomer's would, its own are taken first; nobody takes one from an address that holds fewer than
his own. Behind a proxy all have one address, and who is behind longest gives way.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUEST_GRACE_S = 0.05
"""Before who says no request is counted behind."""

BODY_GRACE_S = 0.5
"""Before who stops within a body, or does not read an answer, is counted behind."""

_MAPPED = b"\0" * 10 + b"\xff" * 2


class Wait:
    """How long a client has been waited for.

    Attributes:
        since: Since when it is behind; None while nothing is expected of it.
    """

    def __init__(self, least_bytes_per_s: float) -> None:
        self.since: float | None = None
        self._least_bytes_per_s = least_bytes_per_s
        self._behind_since = 0.0
        self._grace_s = 0.0

    def begin(self, grace_s: float) -> None:
        """Wait from now on for something new."""
        self._grace_s = grace_s
        self._behind_since = self.since = time.monotonic()

    def go_on(self) -> None:
        """Wait for more of the same."""
        self.since = self._behind_since

    def hear(self, size_bytes: int) -> None:
        """Count what was moved."""
        later = self._behind_since + size_bytes / self._least_bytes_per_s
        self._behind_since = min(time.monotonic(), later)

    def end(self) -> None:
        """Expect nothing."""
        self.since = None

    def overdue_s(self, now: float) -> float | None:
        """Return for how long a client may have been counted behind; None where it may not."""
        since = self.since
        if since is None or now - since < self._grace_s:
            return None
        return now - since - self._grace_s


class Guest(Protocol):
    """Who has a place."""

    @property
    def address(self) -> str:
        """Whom the place belongs to; see `owner_of`."""
        ...

    @property
    def wait(self) -> Wait:
        """How long it has been waited for."""
        ...


G = TypeVar("G", bound=Guest)


def who_makes_room(guests: Iterable[G], newcomer: Guest) -> G | None:
    """Return who has to leave for a newcomer; None where nobody has."""
    present = list(guests)
    places = Counter(guest.address for guest in present)
    now = time.monotonic()
    late: list[tuple[int, float, int]] = []
    for index, guest in enumerate(present):
        overdue_s = guest.wait.overdue_s(now)
        if overdue_s is not None and places[guest.address] >= places[newcomer.address]:
            late.append((places[guest.address], overdue_s, -index))
    return present[-max(late)[2]] if late else None


def owner_of(address: object) -> str:
    """Return what tells two clients apart, of what `accept` says of one.

    Of IPv6 that is the network of 64 bits, which one client has as a whole.

    >>> owner_of(("::ffff:192.0.2.7", 5, 0, 0)) == owner_of(("192.0.2.7", 6))
    True
    >>> owner_of(("2001:db8::1", 5, 0, 0)) == owner_of(("2001:db8::2", 6, 0, 0))
    True
    >>> owner_of("")
    ''
    """
    if not isinstance(address, tuple):
        return ""
    host = str(address[0])
    if ":" not in host:
        return host
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return socket.inet_ntoa(packed[12:]) if packed.startswith(_MAPPED) else packed[:8].hex()
