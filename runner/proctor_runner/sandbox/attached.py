"""A process in a container as three byte streams over one connection to the engine.

The engine sends both outputs in frames of eight bytes and a payload. Whoever holds the connection
holds the process's standard input: it closes with it.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import Any, NamedTuple

import docker

from proctor_runner.sandbox.waiting_to_write import wait_for_room

STDOUT, STDERR = 1, 2
_HEADER = struct.Struct(">BxxxL")
_CHUNK_BYTES = 1 << 16


class Piece(NamedTuple):
    """Some bytes of one of the two outputs."""

    stream: int
    data: bytes


class Attached:
    """The connection; ``read`` belongs to one thread, ``send`` to another."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._socket: socket.socket = getattr(stream, "_sock", stream)
        self._left_bytes, self._kind = 0, 0
        # The client's own limit is for answers that do not come; a model may think for long.
        self._socket.settimeout(None)

    @classmethod
    def to_container(cls, api: docker.APIClient, container_id: str) -> Attached:
        """Attach to a container that has not been started, so that nothing is missed."""
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        return cls(api.attach_socket(container_id, params=wanted))

    @classmethod
    def to_command(cls, api: docker.APIClient, container_id: str, command: list[str]) -> Attached:
        """Start a command in a running container; it must wait to be spoken to."""
        made = api.exec_create(container_id, command, stdin=True)
        return cls(api.exec_start(made["Id"], socket=True))

    def give_up_after(self, seconds: float) -> None:
        """Let reading and sending raise TimeoutError when nothing happens for so long."""
        self._socket.settimeout(seconds)

    def send(self, data: bytes) -> None:
        """Write to standard input.

        Raises:
            OSError: nobody reads it any more, or not now.
        """
        wait_for_room(self._socket.fileno())
        self._socket.sendall(data)

    def read(self) -> Piece | None:
        """Return what came next, None at the end.

        Raises:
            OSError: the connection broke.
        """
        while self._left_bytes == 0:
            header = self._exactly(_HEADER.size)
            if header is None:
                return None
            self._kind, self._left_bytes = _HEADER.unpack(header)
        data = self._socket.recv(min(self._left_bytes, _CHUNK_BYTES))
        if not data:
            return None
        self._left_bytes -= len(data)
        return Piece(self._kind, data)

    def close(self) -> None:
        """Let go, and wake a thread that reads."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        # The client keeps the answer with its socket; closing that closes all there is.
        getattr(self._stream, "_response", self._stream).close()

    def _exactly(self, size: int) -> bytes | None:
        found = b""
        while len(found) < size:
            data = self._socket.recv(size - len(found))
            if not data:
                return None
            found += data
        return found
