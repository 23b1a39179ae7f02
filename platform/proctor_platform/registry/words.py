"""Texts of cards as pages can hold them."""

from __future__ import annotations


def cut(text: str, most: int) -> str:
    """Return a text, its end left out where it is longer than so many characters.

    >>> cut("a long text", 7)
    'a long…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
