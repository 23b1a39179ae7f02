"""A table as text, whoever shows it: no cell is markup."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A head and rows of equal length; the first ``text_columns`` are words, the rest numbers.

    Attributes:
        is_prose: Its words are sentences, not names: they are shown whole, and may be missing.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1
    is_prose: bool = False
