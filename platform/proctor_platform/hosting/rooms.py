"""Where requests wait for something to come, in one process of the platform.

Whoever brings it wakes those who wait. What comes through another process wakes nobody here, so
everybody looks again after a moment.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from fastapi import Request

LOOK_AGAIN_S = 0.25


class Rooms:
    """One room a deployment and one a question; used from the process's event loop alone."""

    def __init__(self) -> None:
        self._seats: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self.closed = False

    def enter(self, name: str) -> asyncio.Future[None]:
        """Take a seat before looking, so that nothing comes unseen in between."""
        seat: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._seats[name].add(seat)
        if self.closed:
            seat.set_result(None)
        return seat

    async def wait(self, name: str, seat: asyncio.Future[None], seconds: float) -> None:
        """Wait on a seat until somebody wakes the room, or a moment has passed."""
        try:
            await asyncio.wait([seat], timeout=min(seconds, LOOK_AGAIN_S))
        finally:
            self.leave(name, seat)

    def leave(self, name: str, seat: asyncio.Future[None]) -> None:
        """Give a seat back."""
        seat.cancel()
        self._seats[name].discard(seat)
        if not self._seats[name]:
            del self._seats[name]

    def wake(self, name: str) -> None:
        """Wake everybody in a room."""
        for seat in self._seats.get(name, ()):
            if not seat.done():
                seat.set_result(None)

    def close(self) -> None:
        """Wake everybody: the process is to end."""
        self.closed = True
        for name in list(self._seats):
            self.wake(name)


def rooms_of(request: Request) -> Rooms:
    """Return the application's rooms."""
    rooms: Rooms = request.app.state.rooms
    return rooms
