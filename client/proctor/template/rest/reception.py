"""Waits for clients: newcomers, the next request of who is here, and clocks that run out.

One thread at a time waits. At best it is the model's own, which answers what is whole and short on
the spot: no other thread is woken, and none competes with it. While that one is busy for longer
than a moment another stands in, and gives each request a thread, so that everybody is heard.

The hard part is to change places. Only who holds the lead touches the selector and what is watched
by it; the model's thread lets go of the lead while it answers, and asks for it again.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from .failures import GoneError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Connection
    from .messages import Head

_BACKLOG = 128
_MOMENT_S = 0.02
_LOOK_AGAIN_S = 0.5
_END_S = 2.0


class Desk(Protocol):
    """What is done with who came."""

    def admit(self, accepted: socket.socket, address: object) -> Connection | None:
        """Take a newcomer in; None when there is no room."""
        ...

    def is_quick(self, head: Head) -> bool:
        """Tell whether a request is short and for the model, so that nothing else is waited for."""
        ...

    def answer_here(self, connection: Connection, head: Head) -> Callable[[], None] | None:
        """Answer on this thread without waiting for anybody.

        Returns:
            What is to be done once the connection is no longer watched; None when it stays.
        """
        ...

    def hand_over(self, connection: Connection) -> None:
        """Let a thread serve a connection that is no longer watched."""
        ...

    def end(self, connection: Connection) -> None:
        """Close a connection that is no longer watched."""
        ...


class Reception:
    """Watches a listening socket and the connections that have no thread.

    Args:
        listening: A bound socket; it is closed with the reception.

    Attributes:
        is_attended: Whether the model's thread has ever waited here.
    """

    def __init__(self, listening: socket.socket, desk: Desk) -> None:
        self.is_attended = False
        self._listening = listening
        self._desk = desk
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._watched: set[Connection] = set()
        self._returned: deque[Connection] = deque()
        self._next_look = 0.0
        self._lead = threading.Lock()
        self._is_wanted = False
        self._is_leading = False
        self._is_called = False
        self._turns = 0
        self._changes = 0
        self._stirs = threading.Event()
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._stand_in, name="rest-watch", daemon=True)

    def start(self) -> None:
        """Wait for clients from now on."""
        self._listening.listen(_BACKLOG)
        self._listening.setblocking(False)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._lead.acquire()
        self._watch.start()

    def attend(self) -> None:
        """Wait on this thread, and answer on it what is quick, until `wake` is called."""
        self.is_attended = True
        if self._closing.is_set():
            time.sleep(_MOMENT_S)
            return
        self._take_lead()
        try:
            while not self._is_called and not self._closing.is_set():
                for key, _ in self._ready():
                    # Whoever led meanwhile has seen to the others.
                    if not self._meet(key.fileobj, key.data) or self._is_called:
                        break
        finally:
            self._is_called = False
            self._let_go()

    def wake(self) -> None:
        """Let `attend` return, now or when it is called next; from any thread."""
        self._is_called = True
        self._ring()

    def take_back(self, connection: Connection) -> None:
        """Watch a connection whose thread has nothing more to do; from any thread."""
        self._returned.append(connection)
        self._ring()

    def forget(self, connection: Connection) -> bool:
        """Watch a connection no longer; return whether it was. For who holds the lead."""
        is_watched = connection in self._watched
        if is_watched:
            self._watched.remove(connection)
            self._selector.unregister(connection.fileno())
        return is_watched

    def close(self) -> None:
        """Wait for nobody any more."""
        self._closing.set()
        self._stirs.set()
        self._ring()
        self._watch.join(_END_S)
        # Nobody holds it for long; who was ended by a signal may have left with it.
        self._lead.acquire(timeout=_END_S)
        self._watched.clear()
        self._selector.close()
        for end in (self._listening, self._bell, self._rope):
            end.close()

    def _ring(self) -> None:
        # A bell that is closed, or full of rings, need not be rung.
        with suppress(OSError):
            self._rope.send(b"\0")

    def _take_lead(self) -> None:
        if not self._lead.acquire(blocking=False):
            self._is_wanted = True
            self._ring()
            self._lead.acquire()
            self._is_wanted = False
        self._is_leading = True

    def _let_go(self) -> None:
        if not self._is_leading:
            # A signal came while the lead was asked for.
            return
        self._is_leading = False
        self._turns += 1
        self._lead.release()
        if not self._stirs.is_set():
            self._stirs.set()

    def _stand_in(self) -> None:
        """Wait for clients whenever the model's thread does not; begins with the lead."""
        while not self._closing.is_set():
            try:
                while not self._is_wanted and not self._closing.is_set():
                    for key, _ in self._ready():
                        self._pass_on(key.fileobj, key.data)
            finally:
                self._lead.release()
            while not self._closing.is_set():
                self._stirs.wait()
                self._stirs.clear()
                turns = self._turns
                self._closing.wait(_MOMENT_S)
                # The other thread has been at one and the same thing since.
                if turns == self._turns and self._lead.acquire(blocking=False):
                    self._changes += 1
                    break
            else:
                return
        self._lead.release()

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        while self._returned:
            connection = self._returned.popleft()
            if not connection.is_closed:
                connection.rest()
                self._keep(connection)
        now = time.monotonic()
        if now >= self._next_look:
            self._look_at_clocks(now)
        return self._selector.select(self._next_look - now)

    def _look_at_clocks(self, now: float) -> None:
        self._next_look = now + _LOOK_AGAIN_S
        for connection in list(self._watched):
            if connection.is_taken:
                continue
            if connection.deadline <= now:
                self._end(connection)
            else:
                self._next_look = min(self._next_look, connection.deadline)

    def _meet(self, came: object, connection: Connection | None) -> bool:
        """See what somebody wants, on the model's thread; return whether nobody else led since."""
        if connection is None:
            connection = self._newcomer(came)
        elif connection not in self._watched:
            # It made room for a newcomer.
            return True
        if connection is None:
            return True
        try:
            is_there = connection.take_in()
            head = connection.head_at_hand() if is_there else None
        except GoneError:
            is_there, head = False, None
        except RefusedError:
            # Whoever sent it may have to be listened to for a while; a thread refuses it again.
            self._hand_over(connection)
            return True
        if not is_there:
            self._end(connection)
        elif head is None:
            self._keep(connection)
        elif not self._desk.is_quick(head):
            self._hand_over(connection)
        elif not connection.has_body_of(head):
            self._keep(connection)
        else:
            return self._answer(connection, head)
        return True

    def _answer(self, connection: Connection, head: Head) -> bool:
        connection.is_taken = True
        changes = self._changes
        self._let_go()
        try:
            then = self._desk.answer_here(connection, head)
        finally:
            self._take_lead()
            connection.is_taken = False
        if then is None:
            connection.rest()
            self._keep(connection)
        else:
            self.forget(connection)
            then()
        return changes == self._changes

    def _pass_on(self, came: object, connection: Connection | None) -> None:
        """Give a request to a thread, in place of the model's."""
        if connection is None:
            newcomer = self._newcomer(came)
            if newcomer is not None:
                self._keep(newcomer)
        elif connection.is_taken:
            # Its answer is being made; there is more of it, or it left.
            self.forget(connection)
        else:
            self._hand_over(connection)

    def _newcomer(self, came: object) -> Connection | None:
        """Return who knocks; nobody when it is the bell, or when there is no room."""
        if came is self._bell:
            with suppress(OSError):
                self._bell.recv(4096)
            return None
        try:
            accepted, address = self._listening.accept()
        except BlockingIOError:
            return None
        except OSError:
            # Out of descriptors, say: those who are here may leave some.
            time.sleep(_MOMENT_S)
            return None
        return self._desk.admit(accepted, address)

    def _keep(self, connection: Connection) -> None:
        if connection not in self._watched:
            self._watched.add(connection)
            self._selector.register(connection.fileno(), selectors.EVENT_READ, connection)
        self._next_look = min(self._next_look, connection.deadline)

    def _hand_over(self, connection: Connection) -> None:
        self.forget(connection)
        self._desk.hand_over(connection)

    def _end(self, connection: Connection) -> None:
        self.forget(connection)
        self._desk.end(connection)
