"""What a serving program says: its protocol on one stream, everything else as its log.

Bytes come in from threads that read; one thread asks. A line of standard output that is no message
of the protocol is log. What a program says is never repeated in a sentence of ours: it knows the
hidden case, and its log is shown only where the phase allows it.
"""

from __future__ import annotations

import json
import threading
import time
from enum import Enum
from typing import Any

from proctor_runner.sandbox.logs import sanitize

MOST_LINE_BYTES = 64 * 1024
_MOST_ERROR_CHARACTERS = 2_000
_QUIET_S = 0.01
_QUIET_AFTER_MUCH_S = 0.3
_FLOOD_BYTES = 64 * 1024
_HEARD_OUT_WITHIN_S = 5.0


class Answer(Enum):
    """What a program made of a case."""

    OK = "ok"
    ERROR = "error"


class Conversation:
    """One program's side of the protocol, from its start to its end."""

    def __init__(self, log_bytes: int) -> None:
        self._log_bytes = log_bytes
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._line = b""
        self._log = b""
        self._error = b""
        self._printed_bytes, self._printed_at = 0, 0.0
        self._asked: str | None = None
        self._ready = False
        self._answer: Answer | None = None
        self._problem = ""

    @property
    def is_ready(self) -> bool:
        """Whether it has said that it is ready."""
        return self._ready

    @property
    def answer(self) -> Answer | None:
        """What it made of the case that was asked last."""
        return self._answer

    @property
    def problem(self) -> str:
        """How it broke the protocol, as a sentence; empty while it has not."""
        return self._problem

    def ask(self, case_id: str) -> bytes:
        """Begin a case and return the line to send."""
        with self._lock:
            self._asked, self._answer = case_id, None
            self._printed_bytes = 0
            if not self._problem:
                self._news.clear()
        return json.dumps({"id": case_id}, separators=(",", ":")).encode() + b"\n"

    def wait(self, seconds: float) -> bool:
        """Wait for what is expected, ready or an answer, or for a problem."""
        return self._news.wait(seconds)

    def hear(self, data: bytes) -> None:
        """Take what came on standard output."""
        with self._lock:
            *lines, self._line = (self._line + data).split(b"\n")
            if len(self._line) > MOST_LINE_BYTES:
                lines.append(self._line)
                self._line = b""
            # Kept at once: a flood of empty lines would copy the whole log for each.
            self._keep(b"".join(line + b"\n" for line in lines if not self._take(line)))

    def print(self, data: bytes) -> None:
        """Take what came on standard error."""
        with self._lock:
            self._printed_bytes += len(data)
            self._printed_at = time.monotonic()
            self._keep(data)

    def hear_out(self) -> None:
        """Wait for what a program that stands still has printed and nobody has read yet.

        Its two outputs travel apart, so an answer may arrive before the last words printed ahead
        of it; the more there is of them, the later they come. Who printed nothing is not waited
        for.
        """
        end = time.monotonic() + _HEARD_OUT_WITHIN_S
        while self._printed_bytes and (now := time.monotonic()) < end:
            much = self._printed_bytes > _FLOOD_BYTES or self._answer is Answer.ERROR
            left_s = self._printed_at + (_QUIET_AFTER_MUCH_S if much else _QUIET_S) - now
            if left_s <= 0:
                return
            time.sleep(left_s)

    def end(self) -> None:
        """Take an unfinished line for log: nothing more will come."""
        with self._lock:
            line, self._line = self._line, b""
            self._keep(line)

    def take_log(self) -> bytes:
        """Return what was printed since this was asked last, safe to show."""
        with self._lock:
            if self._error not in self._log:
                self._keep(self._error + b"\n")
            log, self._log, self._error = self._log, b"", b""
        return sanitize(log, self._log_bytes)

    def _take(self, line: bytes) -> bool:
        """Take a line if it is a message; what is none is log."""
        message = _message(line)
        if len(line) > MOST_LINE_BYTES:
            self._blame(f"It wrote a line of more than {MOST_LINE_BYTES} bytes to standard output.")
        elif message is None:
            return False
        elif "ready" in message:
            if self._ready:
                self._blame("It said twice that it is ready.")
            self._ready = True
            self._news.set()
        elif message.get("id") != self._asked or self._asked is None:
            self._blame("It answered a case that it was not asked.")
        elif self._answer is not None:
            self._blame("It answered the case twice.")
        elif message.get("ok") == 1:
            self._answer = Answer.OK
            self._news.set()
        elif "error" in message:
            self._answer = Answer.ERROR
            self._error = str(message["error"])[:_MOST_ERROR_CHARACTERS].encode(errors="replace")
            self._news.set()
        else:
            self._blame("It answered neither ok nor error.")
        return message is not None

    def _blame(self, sentence: str) -> None:
        self._problem = self._problem or sentence
        self._news.set()

    def _keep(self, data: bytes) -> None:
        # Control characters are taken out later, so more is kept than is shown.
        self._log = (self._log + data)[-2 * self._log_bytes - 65_536 :]


def _message(line: bytes) -> dict[str, Any] | None:
    """Return the message of a line, None when it is none."""
    if len(line) > MOST_LINE_BYTES or not line.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and ("ready" in found or "id" in found) else None
