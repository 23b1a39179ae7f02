"""One client's connection: bytes in before a clock runs out, answers out, request after request.

The hard part is patience. A client that says its first lines or its body drop by drop is given up
after a time that depends on nothing it can choose; one that is slow and honest is not.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from .failures import GoneError, RefusedError
from .messages import Body, Head, Request, Response, read_head
from .room import BODY_GRACE_S, REQUEST_GRACE_S, Wait, owner_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .patience import Patience

_RECEIVE_BYTES = 1 << 16
_SMALL_BYTES = 1 << 16
_SEND_BYTES = 1 << 16
_LEAST_S = 0.001
_LINGER_S = 2.0
_MOST_WASTED_BYTES = 16 << 20
_UNREAD_BYTES = 1 << 16
_RESTS, _IN_HEAD, _IN_BODY = range(3)


class Connection:
    """A connection that was accepted; the thread that serves it owns it.

    While it has no thread, `reception` watches it: then nothing is waited for, and what has come so
    far is kept. The methods for that are `rest` to `answer_at_once`.

    Attributes:
        address: Whom it belongs to; see `room.owner_of`.
        wait: How long the client has been waited for.
        deadline: When it is given up, if nothing more comes.
        is_taken: Whether the model's thread is answering it.
        is_closed: Whether it was let go.
    """

    def __init__(
        self,
        accepted: socket.socket,
        patience: Patience,
        most_head_bytes: int,
        address: object = None,
    ) -> None:
        self._socket = accepted
        self._patience = patience
        self._most_head_bytes = most_head_bytes
        # Cut at its front without a copy of the rest, however small the pieces are.
        self._buffer = bytearray()
        self._head: Head | None = None
        self._stage = _RESTS
        self._is_paced = False
        self.is_taken = False
        self.is_closed = False
        if accepted.family != socket.AF_UNIX:
            # Some systems refuse it on a connection that was reset already; reading will tell.
            with suppress(OSError):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = owner_of(address)
        self.wait = Wait(patience.least_bytes_per_s)
        self._heard_bytes = 0
        self.deadline = 0.0
        self.rest()

    @property
    def has_more(self) -> bool:
        """Tell whether something of the next request has come already."""
        return bool(self._buffer) or self._head is not None

    def fileno(self) -> int:
        """Return its number among the files of the process."""
        return self._socket.fileno()

    def rest(self) -> None:
        """Begin to wait for the next request without a thread."""
        if self._socket.gettimeout() != 0:
            self._socket.settimeout(0)
        self._set_clock(self._patience.idle_s)
        self.wait.begin(REQUEST_GRACE_S)
        self._stage = _RESTS

    def take_in(self) -> bool:
        """Take in what has come; return whether the client is still there.

        Raises:
            GoneError: It is not.
        """
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return True
        except OSError as error:
            raise GoneError(str(error)) from error
        self._buffer += data
        return bool(data)

    def head_at_hand(self) -> Head | None:
        """Return the first lines of the next request, None while they are not all there.

        Raises:
            RefusedError: As `next_head`, which will raise it again.
        """
        if self._head is None:
            self._head = self._whole_head(0)
            if self._head is None and self._buffer:
                self._begin(_IN_HEAD, self._patience.head_s)
        return self._head

    def has_body_of(self, head: Head) -> bool:
        """Tell whether all of a body whose length is said has come."""
        length = int(head.headers["content-length"])
        heard_bytes = len(self._buffer)
        if heard_bytes >= length:
            self.wait.end()
            return True
        if self._stage == _IN_BODY:
            self.wait.hear(heard_bytes - self._heard_bytes)
            self.wait.go_on()
        else:
            self.wait.begin(BODY_GRACE_S)
        self._heard_bytes = heard_bytes
        self._begin(_IN_BODY, self._patience.body_s + length / self._patience.least_bytes_per_s)
        return False

    def answer_at_once(
        self, response: Response, keeps_alive: bool, shared: bytes
    ) -> Callable[[], None] | None:
        """Send as much of an answer as can be sent without waiting.

        Returns:
            What sends the rest, for a thread that may wait; None when nothing is left.

        Raises:
            GoneError: The client is gone.
        """
        content = response.content
        if response.file is not None or len(content) > _SMALL_BYTES:
            return partial(self.answer, response, keeps_alive, shared, True)
        data = response.head(len(content), keeps_alive, shared) + content
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise GoneError(str(error)) from error
        return None if sent == len(data) else partial(self._send, data[sent:])

    def next_head(self) -> Head | None:
        """Return the first lines of the next request, None when no more come.

        Raises:
            RefusedError: They are too long, or no request.
            GoneError: The client is gone or too slow.
        """
        self.wait.end()
        head, self._head = self._head, None
        if head is not None:
            return head
        self.wait.begin(REQUEST_GRACE_S)
        self._set_clock(self._patience.idle_s)
        self._is_paced = False
        while not self._buffer.lstrip(b"\r\n"):
            self._buffer.clear()
            if not self._receive():
                return None
        self._set_clock(self._patience.head_s)
        searched = 0
        while True:
            head = self._whole_head(searched)
            if head is not None:
                return head
            searched = len(self._buffer)
            if not self._receive():
                return None

    def request(self, head: Head, most_body_bytes: int) -> Request:
        """Return the request that begins with ``head``; its body is read through this.

        Raises:
            RefusedError: What it says of its body cannot be.
        """
        self._head = None
        self._set_clock(self._patience.body_s)
        self._is_paced = True
        self.wait.begin(BODY_GRACE_S)
        self.wait.end()
        body = Body(self, head.headers, most_body_bytes)
        if head.headers.get("expect", "").lower() == "100-continue":
            body.before = lambda: self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(head.method, head.path, head.query, head.headers, body, is_gone=self.is_gone)

    def some(self, most_bytes: int) -> bytes:
        """Return the next bytes of a body; see `messages.Source`."""
        if not self._buffer and not self._receive():
            raise GoneError("the client left in the middle of a body")
        return self._cut(most_bytes)

    def line(self, most_bytes: int) -> bytes:
        """Return the next line of a body; see `messages.Source`."""
        while (end := self._buffer.find(b"\r\n", 0, most_bytes + 2)) < 0:
            if len(self._buffer) > most_bytes + 2:
                raise RefusedError(400, "bad_request", "A line within the body is too long.")
            if not self._receive():
                raise GoneError("the client left in the middle of a body")
        line = self._cut(end)
        del self._buffer[:2]
        return line

    def answer(self, response: Response, keeps_alive: bool, shared: bytes, body: bool) -> None:
        """Send an answer.

        Args:
            shared: Headers that every answer has, each with its end.
            body: Whether the content follows, which it does not after HEAD.

        Raises:
            GoneError: The client is gone or too slow.
        """
        if response.file is not None:
            self._answer_file(response, response.file, keeps_alive, shared, body)
            return
        content = response.content
        head = response.head(len(content), keeps_alive, shared)
        if not body:
            self._send(head)
        elif len(content) <= _SMALL_BYTES:
            self._send(head + content)
        else:
            self._send(head)
            self._send(content)

    def is_gone(self) -> bool:
        """Tell whether the client has hung up; only while nothing of it is expected."""
        with suppress(OSError, ValueError):
            ready, _, _ = select.select([self._socket], [], [], 0)
            return bool(ready) and self._socket.recv(1, socket.MSG_PEEK) == b""
        return True

    def use_up(self, request: Request) -> bool:
        """Read what is left of a body if it is little; return whether the connection can go on."""
        if request.body.is_over:
            return True
        if request.body.is_broken or request.body.left_bytes > _UNREAD_BYTES:
            return False
        if request.headers.get("expect"):
            return False
        left_bytes = _UNREAD_BYTES
        with suppress(RefusedError, GoneError):
            for piece in request.body.pieces():
                left_bytes -= len(piece)
                if left_bytes < 0:
                    return False
            return True
        return False

    def close_gently(self) -> None:
        """Close after a last answer to one who still sends: he gets to read it first."""
        end = time.monotonic() + _LINGER_S
        wasted = 0
        self.wait.begin(REQUEST_GRACE_S)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            while wasted < _MOST_WASTED_BYTES and (left := end - time.monotonic()) > 0:
                self._socket.settimeout(left)
                data = self._socket.recv(_RECEIVE_BYTES)
                if not data:
                    break
                wasted += len(data)
        self.close()

    def hang_up(self) -> None:
        """End what its thread waits for; the thread lets go of it. From any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go. Safe to call twice, and from another thread to end a wait."""
        self.is_closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _whole_head(self, searched: int) -> Head | None:
        """Return the first lines of the next request if they are all there.

        Args:
            searched: How many bytes hold no end of them.

        Raises:
            RefusedError: They are too long, or no request; what has come is left as it is.
        """
        while self._buffer.startswith((b"\r", b"\n")):
            del self._buffer[0]
        end = self._buffer.find(b"\r\n\r\n", max(0, searched - 3))
        if (len(self._buffer) if end < 0 else end) > self._most_head_bytes:
            raise RefusedError(431, "headers", "The first lines of the request are too long.")
        if end < 0:
            return None
        head = read_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self.wait.end()
        return head

    def _cut(self, length: int) -> bytes:
        piece = bytes(self._buffer[:length])
        del self._buffer[:length]
        return piece

    def _begin(self, stage: int, seconds: float) -> None:
        """Set the clock where another part of a request begins, and not again within it."""
        if self._stage != stage:
            self._stage = stage
            self.deadline = time.monotonic() + seconds

    def _answer_file(
        self, response: Response, file: Path, keeps_alive: bool, shared: bytes, body: bool
    ) -> None:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0)
            self._send(response.head(size, keeps_alive, shared))
            if not body:
                return
            end = time.monotonic() + self._send_s(size)
            self.wait.begin(BODY_GRACE_S)
            try:
                for start in range(0, size, _SEND_BYTES):
                    self._socket.settimeout(max(_LEAST_S, end - time.monotonic()))
                    self._sent(self._socket.sendfile(stream, start, _SEND_BYTES))
            except OSError as error:
                raise GoneError(str(error)) from error
            finally:
                self.wait.end()

    def _send(self, data: bytes) -> None:
        end = time.monotonic() + self._send_s(len(data))
        self.wait.begin(BODY_GRACE_S)
        try:
            for start in range(0, len(data), _SEND_BYTES):
                piece = data[start : start + _SEND_BYTES]
                self._socket.settimeout(max(_LEAST_S, end - time.monotonic()))
                self._socket.sendall(piece)
                self._sent(len(piece))
        except OSError as error:
            raise GoneError(str(error)) from error
        finally:
            self.wait.end()

    def _sent(self, size_bytes: int) -> None:
        self.wait.hear(size_bytes)
        self.wait.go_on()

    def _send_s(self, size: int) -> float:
        return self._patience.body_s + size / self._patience.least_bytes_per_s

    def _set_clock(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def _receive(self) -> bool:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise GoneError("the client is too slow")
        try:
            self._socket.settimeout(left)
            self.wait.go_on()
            data = self._socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            raise GoneError(str(error)) from error
        if self._is_paced:
            self.deadline += len(data) / self._patience.least_bytes_per_s
            self.wait.hear(len(data))
            self.wait.end()
        self._buffer += data
        return bool(data)
