"""Rows for spreadsheets: text of strangers must not be taken for a formula."""

from __future__ import annotations

from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> Any:
    """Return a value as it may stand in a cell.

    >>> cell("=1+1"), cell(-1.5), cell("net")
    ("'=1+1", -1.5, 'net')
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
