"""Writing to a program that may never read: a moment is waited for room, and no longer.

A line of a case id is far below what a pipe or socket takes at once, so where there is room,
writing it does not block.
"""

from __future__ import annotations

import select

_ROOM_WITHIN_S = 2.0


def wait_for_room(descriptor: int) -> None:
    """Wait until something can be written to a pipe or socket.

    Raises:
        TimeoutError: whoever holds its other end does not read.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not poll.poll(_ROOM_WITHIN_S * 1000):
        raise TimeoutError(f"nothing was read for {_ROOM_WITHIN_S:g} s")
