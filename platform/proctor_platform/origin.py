"""From where the request of this moment comes, and with which token: for the history alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_ADDRESS_LENGTH = 64


@dataclass
class Origin:
    """Where a request comes from.

    Attributes:
        address: of the client, as the server sees it; that of a proxy the server does not trust.
        token: the id of the token that was found to be valid. It is looked for in a thread of its
            own, whose context is a copy, so it is noted on this object, which both have.
    """

    address: str
    token: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """Return what an event keeps of it."""
        return {"address": self.address} | ({"token": self.token} if self.token else {})


_ORIGIN: ContextVar[Origin | None] = ContextVar("origin", default=None)


@contextmanager
def request_from(address: str) -> Iterator[None]:
    """Let every event of this block come from an address."""
    before = _ORIGIN.set(Origin(address[:_ADDRESS_LENGTH]))
    try:
        yield
    finally:
        _ORIGIN.reset(before)


def present_origin() -> Origin | None:
    """Return where the request of this moment comes from; none outside of one."""
    return _ORIGIN.get()
