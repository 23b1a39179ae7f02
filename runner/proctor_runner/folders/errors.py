"""What is wrong with somebody's own files, in a sentence that names them."""

from __future__ import annotations


class FolderError(Exception):
    """Folders cannot be scored: what is wrong, and what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class RefusedError(Exception):
    """One prediction cannot be held against its reference; the text is a sentence."""
