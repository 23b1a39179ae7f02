"""Takes connections in and has each request answered by one function, on whichever thread has it.

`reception` waits for them; a request that cannot be answered there gets a thread. There are never
more connections than threads were promised: when all are taken, one that keeps the service waiting
makes room (`room`), and where none does a newcomer is told to come again.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
import traceback
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from .connection import Connection
from .failures import GoneError, RefusedError, busy
from .messages import Head, Request, Response
from .patience import Patience
from .reception import Reception
from .room import who_makes_room

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_HEAD_BYTES = 32 * 1024
_SMALL_BODY_BYTES = 1 << 16
_SMALL_LENGTH = re.compile(r"[0-9]{1,5}\Z")


class _Answered(NamedTuple):
    """What became of a request.

    Attributes:
        goes_on: Whether another may follow on the same connection.
        is_read: Whether all that was sent has been read.
    """

    response: Response
    goes_on: bool
    is_read: bool


class Server:
    """A server that has been bound and not yet started.

    Args:
        listening: A bound socket; it is closed with the server.
        answer: Called on the thread of each request; it raises RefusedError for what it refuses.
        refusal: Says a refusal in the form that the path's callers know.
        is_for_model: Tells by method and path whether a request asks for the model and nothing
            else, so that the model's own thread may answer it.
        most_connections: At a time.
        most_body_bytes: Of one request.
        shared_headers: Headers of every answer.
    """

    def __init__(
        self,
        listening: socket.socket,
        answer: Callable[[Request], Response],
        refusal: Callable[[str, RefusedError], Response],
        is_for_model: Callable[[str, str], bool],
        most_connections: int = 128,
        most_body_bytes: int = 512 << 20,
        patience: Patience | None = None,
        shared_headers: dict[str, str] | None = None,
    ) -> None:
        self._answer = answer
        self._refusal = refusal
        self._is_for_model = is_for_model
        self._most_connections = most_connections
        self._most_body_bytes = most_body_bytes
        self._patience = patience or Patience()
        self._shared = "".join(
            f"{name}: {value}\r\n" for name, value in (shared_headers or {}).items()
        ).encode("latin-1")
        self._lock = threading.Lock()
        self._open: dict[int, Connection] = {}
        self.reception = Reception(listening, self)

    def start(self) -> None:
        """Accept connections from now on."""
        self.reception.start()

    def close(self) -> None:
        """Accept nothing more and end every connection."""
        self.reception.close()
        with self._lock:
            still_open = list(self._open.values())
        for connection in still_open:
            connection.close()

    def admit(self, accepted: socket.socket, address: object) -> Connection | None:
        """Count a newcomer in, in place of another if need be; see `reception.Desk`."""
        connection = Connection(accepted, self._patience, MOST_HEAD_BYTES, address)
        with self._lock:
            has_room = len(self._open) < self._most_connections or self._make_room(connection)
            if has_room:
                self._open[id(connection)] = connection
        if has_room:
            return connection
        self._turn_away(connection)
        return None

    def is_quick(self, head: Head) -> bool:
        """See `reception.Desk`."""
        headers = head.headers
        length = _SMALL_LENGTH.match(headers.get("content-length", ""))
        if length is None or int(length.group()) > _SMALL_BODY_BYTES:
            return False
        plain = "expect" not in headers and "transfer-encoding" not in headers
        return plain and self._is_for_model(head.method, head.path)

    def answer_here(self, connection: Connection, head: Head) -> Callable[[], None] | None:
        """See `reception.Desk`."""
        try:
            answered = self._answered(connection, head)
            left = connection.answer_at_once(answered.response, answered.goes_on, self._shared)
        except GoneError:
            return partial(self.end, connection)
        if left is None and answered.goes_on and not connection.has_more:
            return None
        if left is None and answered.is_read and not answered.goes_on:
            return partial(self.end, connection)

        def finish() -> bool:
            if left is not None:
                left()
            return self._goes_on(connection, answered)

        return partial(self._start, connection, finish)

    def hand_over(self, connection: Connection) -> None:
        """See `reception.Desk`."""
        self._start(connection, partial(self._one_request, connection))

    def end(self, connection: Connection) -> None:
        """See `reception.Desk`."""
        with self._lock:
            self._open.pop(id(connection), None)
        connection.close()

    def _make_room(self, newcomer: Connection) -> bool:
        leaves = who_makes_room(self._open.values(), newcomer)
        if leaves is None:
            return False
        del self._open[id(leaves)]
        if self.reception.forget(leaves):
            leaves.close()
        else:
            leaves.hang_up()
        return True

    def _turn_away(self, connection: Connection) -> None:
        with suppress(GoneError):
            connection.answer(self._refusal("", busy()), False, self._shared, True)
        connection.close()

    def _start(self, connection: Connection, first: Callable[[], bool]) -> None:
        thread = threading.Thread(
            target=self._serve, args=(connection, first), name="rest-connection", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            self._turn_away(connection)
            self.end(connection)

    def _serve(self, connection: Connection, first: Callable[[], bool]) -> None:
        """Answer on a thread of its own what comes; begin with ``first``."""
        try:
            goes_on = first()
            while goes_on and (connection.has_more or not self.reception.is_attended):
                goes_on = self._one_request(connection)
            if goes_on:
                self.reception.take_back(connection)
                return
        except (GoneError, OSError):
            # A file of an answer may go while it is sent, like a client.
            pass
        self.end(connection)

    def _one_request(self, connection: Connection) -> bool:
        """Answer the next request; return whether another may follow."""
        try:
            head = connection.next_head()
        except RefusedError as error:
            connection.answer(self._refusal("", error), False, self._shared, True)
            connection.close_gently()
            return False
        if head is None:
            return False
        answered = self._answered(connection, head)
        connection.answer(answered.response, answered.goes_on, self._shared, head.method != "HEAD")
        return self._goes_on(connection, answered)

    def _answered(self, connection: Connection, head: Head) -> _Answered:
        request: Request | None = None
        try:
            request = connection.request(head, self._most_body_bytes)
            response = self._answer(request)
        except RefusedError as error:
            response = self._refusal(head.path, error)
        except GoneError:
            raise
        except Exception:
            # The one who asked gets no traceback; the log has it.
            traceback.print_exc(file=sys.stderr)
            response = self._refusal(
                head.path, RefusedError(500, "internal", "The service failed; its log says why.")
            )
        if request is None:
            return _Answered(response, False, False)
        goes_on = head.keeps_alive and connection.use_up(request)
        return _Answered(response, goes_on, request.body.is_over)

    def _goes_on(self, connection: Connection, answered: _Answered) -> bool:
        if not answered.goes_on and not answered.is_read:
            connection.close_gently()
        return answered.goes_on


def listen_on(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address.

    Raises:
        OSError: It is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except BaseException:
        listening.close()
        raise
    return listening


def listen_at(path: Path) -> socket.socket:
    """Return a socket that is bound to a file which only this user may open.

    Raises:
        OSError: Something is there already.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        os.chmod(path, 0o600)
    except BaseException:
        listening.close()
        raise
    return listening
