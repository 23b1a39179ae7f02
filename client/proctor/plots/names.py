"""Names as plots show them. Whoever submits chooses a name, so each is untrusted text.

Plotly reads a part of HTML in every label (bold, links, line breaks), entities, ``%{...}`` in
hover templates and, where MathJax is loaded, TeX between dollar signs. ``escaped`` makes any text
be shown letter by letter; it goes into templates by ``customdata`` only, which is never read as a
template.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

LABEL_LETTERS = 22
"""Letters of a label beside a plot: as many as leave a telephone most of its width."""

HOVER_LETTERS = 120
"""Letters of a name where it is shown in whole."""

_NOT_SHOWN = "(no name)"
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})
# They turn the direction of all that follows, in the labels of others too.
_DIRECTIONS = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def escaped(text: str, letters: int = HOVER_LETTERS) -> str:
    """Return ``text`` in at most ``letters`` letters, for a plotly label, as it is.

    >>> escaped("<b>A&B</b>")
    '&lt;b&gt;A&amp;B&lt;/b&gt;'
    """
    return shortened(text, letters).translate(_MARKUP)


def shortened(text: str, letters: int) -> str:
    """Return ``text`` without control characters, its middle left out where it is too long.

    The end stays: it is what tells versions apart. A letter of double width counts twice.

    >>> shortened("unet-with-attention-v2", 12)
    'unet-wi…n-v2'
    """
    clean = " ".join("".join(_printable(letter) for letter in text).split()) or _NOT_SHOWN
    if _width(clean) <= letters:
        return clean
    tail = letters // 3
    return f"{_fitting(clean, letters - tail - 1)}…{_fitting(clean[::-1], tail)[::-1]}"


def labels(names: Sequence[str], letters: int = LABEL_LETTERS) -> list[str]:
    """Return a short escaped label each; where two would be alike, with its number in the list."""
    short = [shortened(name, letters) for name in names]
    often = Counter(short)
    return [
        escaped(name if often[name] == 1 else f"{shortened(name, letters - 4)} #{number}")
        for number, name in enumerate(short, start=1)
    ]


def _printable(letter: str) -> str:
    if letter in _DIRECTIONS:
        return ""
    return " " if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} else letter


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _fitting(text: str, letters: int) -> str:
    while _width(text) > letters:
        text = text[:-1]
    return text
