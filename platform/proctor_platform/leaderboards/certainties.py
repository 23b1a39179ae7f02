"""Statistics of snapshots as bytes, made once: they take seconds and never change."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import NamedTuple

from sqlmodel import Session

from proctor_platform.leaderboards.certainty import board_statistics
from proctor_platform.parts import PRIVATE, PUBLIC
from proctor_platform.rates import LaterError
from proctor_platform.rights import Feedback

_KEPT_BYTES = 64 << 20
_MOST_WAITING = 4
_RETRY_AFTER_S = 5


class Asked(NamedTuple):
    """Which statistics, and how exact."""

    snapshot: str
    column: str | None
    private: bool
    digits: int | None

    @property
    def etag(self) -> str:
        """The entity tag; the content never changes."""
        text = repr(tuple(self)[1:])
        return f'"{self.snapshot}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


class Certainties:
    """The statistics that were asked for last. Safe to use from several threads."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES, waiting: int = _MOST_WAITING) -> None:
        self._kept_bytes = kept_bytes
        self._places = threading.BoundedSemaphore(waiting)
        self._bytes = 0
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._kept: OrderedDict[Asked, bytes] = OrderedDict()

    def body(self, session: Session, asked: Asked, feedback: Feedback) -> bytes:
        """Return the statistics as JSON; whoever may not see them was refused before.

        Raises:
            ProctorError: the snapshot has no such column, or as many as may wait do: every other
                page would wait for a thread behind more of them.
        """
        if (kept := self._find(asked)) is not None:
            return kept
        if not self._places.acquire(blocking=False):
            raise LaterError("Statistics of other boards are being worked out", _RETRY_AFTER_S)
        try:
            return self._made(session, asked, feedback)
        finally:
            self._places.release()

    def _made(self, session: Session, asked: Asked, feedback: Feedback) -> bytes:
        # One at a time: a board that many open at once is worked out once.
        with self._making:
            if (kept := self._find(asked)) is not None:
                return kept
            part = PRIVATE if asked.private else PUBLIC
            found = board_statistics(session, asked.snapshot, part, asked.column, feedback)
            body = found.model_dump_json().encode()
            self._keep(asked, body)
        return body

    def _find(self, asked: Asked) -> bytes | None:
        with self._lock:
            if (kept := self._kept.get(asked)) is not None:
                self._kept.move_to_end(asked)
            return kept

    def _keep(self, asked: Asked, body: bytes) -> None:
        with self._lock:
            self._bytes += len(body) - len(self._kept.pop(asked, b""))
            self._kept[asked] = body
            while self._bytes > self._kept_bytes and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
