"""Why upkeep cannot be done, told to the operator."""

from __future__ import annotations


class UpkeepError(Exception):
    """What happened and what to do next; nothing was changed unless the message says so."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
