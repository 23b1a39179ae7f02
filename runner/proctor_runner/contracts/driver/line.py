"""The two descriptors that the program was started with, out of a model's reach."""

import json
import os
import sys
from typing import Any, BinaryIO, Optional

_MOST_LINE_BYTES = 64 * 1024


class Line:
    """The `serve` protocol: ids come in, one line each, and answers go out."""

    def __init__(self, incoming: BinaryIO, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    @classmethod
    def keep(cls) -> "Line":
        """Take over standard input and output: they become empty and the log."""
        incoming, outgoing = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(open(incoming, "rb"), outgoing)

    def send(self, **message: Any) -> None:
        """Write one message, after all that was printed before it."""
        sys.stdout.flush()
        sys.stderr.flush()
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self._outgoing, data) :]

    def next_id(self) -> Optional[str]:
        """Return the id that is asked for next, None at the end."""
        line = self._incoming.readline(_MOST_LINE_BYTES)
        return str(json.loads(line.decode())["id"]) if line else None
