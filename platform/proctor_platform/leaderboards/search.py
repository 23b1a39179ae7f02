"""Finding rows of a snapshot by participant, title or submission.

A snapshot never changes, so the text of its rows is read once and kept for the searches after it.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict

from sqlalchemy import Connection, bindparam, select
from sqlmodel import col

from proctor_platform.tables import LeaderboardRow

_KEPT_SNAPSHOTS = 16

_ROWS = (
    select(col(LeaderboardRow.position), col(LeaderboardRow.body))
    .where(col(LeaderboardRow.leaderboard_id) == bindparam("snapshot"))
    .order_by(col(LeaderboardRow.position))
)


class Finder:
    """The texts of the snapshots that were searched last. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: OrderedDict[str, list[tuple[int, str]]] = OrderedDict()

    def find(self, connection: Connection, snapshot: str, search: str) -> list[int]:
        """Return the positions of the rows that hold every word of ``search``, in any case."""
        words = search.casefold().split()
        texts = self._of(connection, snapshot)
        return [position for position, text in texts if all(word in text for word in words)]

    def _of(self, connection: Connection, snapshot: str) -> list[tuple[int, str]]:
        with self._lock:
            if (kept := self._texts.get(snapshot)) is not None:
                self._texts.move_to_end(snapshot)
                return kept
        rows = connection.execute(_ROWS, {"snapshot": snapshot})
        texts = [(position, _text(body)) for position, body in rows]
        with self._lock:
            self._texts[snapshot] = texts
            while len(self._texts) > _KEPT_SNAPSHOTS:
                self._texts.popitem(last=False)
        return texts


def _text(body: str) -> str:
    row = json.loads(body)
    # A line break, so that no word is found across two fields.
    return "\n".join((row["participant"], row["title"], row["submission"])).casefold()
