"""Listens, gives each connection a thread, and has each request answered by one function.

There are never more connections than threads were promised: when all are taken, one that rests
makes room, and where none rests a newcomer is told to come again.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

from .connection import Connection, Patience
from .failures import GoneError, RefusedError, busy
from .messages import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_HEAD_BYTES = 32 * 1024
_BACKLOG = 128
_RESTS_AT_LEAST_S = 0.05


class Server:
    """A server that has been bound and not yet started.

    Args:
        listening: A bound socket; it is closed with the server.
        answer: Called on the thread of each connection; it raises RefusedError for what it refuses.
        refusal: Says a refusal in the form that the path's callers know.
        most_connections: At a time.
        most_body_bytes: Of one request.
        shared_headers: Headers of every answer.
    """

    def __init__(
        self,
        listening: socket.socket,
        answer: Callable[[Request], Response],
        refusal: Callable[[str, RefusedError], Response],
        most_connections: int = 128,
        most_body_bytes: int = 512 << 20,
        patience: Patience | None = None,
        shared_headers: dict[str, str] | None = None,
    ) -> None:
        self._listening = listening
        self._answer = answer
        self._refusal = refusal
        self._most_connections = most_connections
        self._most_body_bytes = most_body_bytes
        self._patience = patience or Patience()
        self._shared = "".join(
            f"{name}: {value}\r\n" for name, value in (shared_headers or {}).items()
        ).encode("latin-1")
        self._lock = threading.Lock()
        self._open: dict[int, Connection] = {}
        self._is_closed = False
        self._thread = threading.Thread(target=self._accept, name="rest-accept", daemon=True)

    def start(self) -> None:
        """Accept connections from now on."""
        self._listening.listen(_BACKLOG)
        self._thread.start()

    def close(self) -> None:
        """Accept nothing more and end every connection."""
        self._is_closed = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._lock:
            still_open = list(self._open.values())
        for connection in still_open:
            connection.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                accepted, _ = self._listening.accept()
            except OSError:
                if self._is_closed:
                    return
                # Out of descriptors, say: those who are here may leave some.
                time.sleep(0.05)
                continue
            connection = Connection(accepted, self._patience, MOST_HEAD_BYTES)
            if not self._admit(connection):
                self._turn_away(connection)
                continue
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="rest-connection", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:
                self._leave(connection)
                self._turn_away(connection)

    def _admit(self, connection: Connection) -> bool:
        """Count a connection in, in place of one that rests if need be."""
        with self._lock:
            if len(self._open) >= self._most_connections:
                oldest = min(
                    (one for one in self._open.values() if one.rests_since is not None),
                    key=lambda one: one.rests_since or 0.0,
                    default=None,
                )
                rested = oldest is not None and oldest.rests_since is not None
                if not rested or oldest is None:
                    return False
                if time.monotonic() - (oldest.rests_since or 0.0) < _RESTS_AT_LEAST_S:
                    return False
                del self._open[id(oldest)]
                oldest.close()
            self._open[id(connection)] = connection
            return True

    def _leave(self, connection: Connection) -> None:
        with self._lock:
            self._open.pop(id(connection), None)

    def _turn_away(self, connection: Connection) -> None:
        with suppress(GoneError):
            connection.answer(self._refusal("", busy()), False, self._shared, True)
        connection.close()

    def _serve(self, connection: Connection) -> None:
        try:
            while self._one_request(connection):
                pass
        except (GoneError, OSError):
            # A file of an answer may go while it is sent, like a client.
            pass
        finally:
            connection.close()
            self._leave(connection)

    def _one_request(self, connection: Connection) -> bool:
        """Answer the next request; return whether another may follow."""
        path, method = "", "GET"
        request: Request | None = None
        keeps_alive = False
        try:
            head = connection.next_head()
            if head is None:
                return False
            path, method = head.path, head.method
            request = connection.request(head, self._most_body_bytes)
            keeps_alive = head.keeps_alive
            response = self._answer(request)
        except RefusedError as error:
            response = self._refusal(path, error)
        except GoneError:
            raise
        except Exception:
            # The one who asked gets no traceback; the log has it.
            traceback.print_exc(file=sys.stderr)
            response = self._refusal(
                path, RefusedError(500, "internal", "The service failed; its log says why.")
            )
        goes_on = keeps_alive and request is not None and connection.use_up(request)
        connection.answer(response, goes_on, self._shared, method != "HEAD")
        if not goes_on and (request is None or not request.body.is_over):
            connection.close_gently()
        return goes_on


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
