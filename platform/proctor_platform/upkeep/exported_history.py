"""The history as a file, a line of JSON an event, to be kept and checked where no database is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from proctor_platform.chain import Head
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import EventRow
from proctor_platform.upkeep.audit import Audit, BrokenEvent, history, sealed_events, walk_chain
from proctor_platform.upkeep.errors import UpkeepError

_FIELDS = ("position", "digest", "id", "at", "subject", "name", "actor", "facts")


def export_history(settings: PlatformSettings, path: Path) -> Head:
    """Write every sealed event, in the order of the chain, and return where the file ends.

    The file holds addresses and ids of tokens, so nobody but its owner may read it.

    Raises:
        UpkeepError: the database has no chain, or the file is there already.
    """
    end = Head(0, "")
    with history(settings) as session:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise UpkeepError(f"{path} is there already.", "Name a new file.") from error
        with (
            os.fdopen(descriptor, "w", encoding="utf-8") as stream,
            closing(sealed_events(session)) as events,
        ):
            for row in events:
                stream.write(_line(row))
                end = Head(row.position or 0, row.digest or "")
    return end


def check_export(path: Path, noted: Head | None = None) -> Audit:
    """Walk along the chain of an exported history.

    Raises:
        UpkeepError: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            head, _, broken = walk_chain(_events(stream), noted)
    except OSError as error:
        raise UpkeepError(f"{path} cannot be read: {error}.", "Name an exported file.") from error
    except _LineError as error:
        reason = f"line {error.number} is no event: {error.reason}"
        return Audit(Head(error.number - 1, ""), 0, BrokenEvent(error.number, None, reason))
    return Audit(head, 0, broken)


class _LineError(ValueError):
    """A line of the file is no event."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason


def _line(row: EventRow) -> str:
    told = {name: getattr(row, name) for name in _FIELDS}
    told["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False) + "\n"


def _events(lines: Iterator[str]) -> Iterator[EventRow]:
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            told["at"] = datetime.fromisoformat(told["at"])
            yield EventRow(**{name: told[name] for name in _FIELDS})
        except (ValueError, KeyError, TypeError) as error:
            raise _LineError(number, str(error)) from error
