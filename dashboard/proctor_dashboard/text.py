"""Words and numbers as pages show them, and the one place where untrusted text meets markup.

Challenge texts, model cards and details come from strangers. ``plain`` makes any of them safe
inside our own HTML; ``literal`` makes it safe where Streamlit reads Markdown; ``prose`` lets
Markdown through, without pictures: a picture would make every reader's browser call an address of
the author's choosing.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from urllib.parse import urlencode

from proctor.plots.numbers import number
from proctor.spec.leaderboard import BoardValue

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!<>~|:$&])")
_PICTURE = re.compile(r"!+(?=\[)")
_REFERENCE_DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:.*$", re.MULTILINE)


def plain(text: object) -> str:
    """Escape ``text`` for HTML."""
    return html.escape(str(text), quote=True)


def literal(text: object) -> str:
    """Escape ``text`` for Markdown, so that it is shown as it is."""
    return _MARKDOWN.sub(r"\\\1", str(text))


def prose(markdown: str) -> str:
    """Return Markdown whose pictures are links; Streamlit itself escapes HTML in it."""
    return _REFERENCE_DEFINITION.sub("", _PICTURE.sub("", markdown))


def interval(value: BoardValue) -> str:
    """Write the interval of a score, or nothing when it has none."""
    if value.low is None or value.high is None:
        return ""
    return f"{number(value.low, 3)} to {number(value.high, 3)}"


def seconds(value: float | None) -> str:
    """Write a duration for people."""
    if value is None:
        return "–"
    if value < 0.1:
        return f"{value * 1000:.0f} ms" if value >= 0.001 or not value else "< 1 ms"
    if value < 120:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"


def memory(value: int | None) -> str:
    """Write a number of bytes in MiB."""
    return "–" if value is None else f"{value / (1 << 20):.0f} MiB"


def moment(value: datetime) -> str:
    """Write a moment to the minute, in UTC."""
    return value.strftime("%d %b %Y, %H:%M UTC")


def address(page: str, **query: str) -> str:
    """Return the address of another page of the dashboard, escaped for an attribute."""
    return plain(f"{page}?{urlencode(query)}")


def badge(text: str, tone: str = "") -> str:
    """Return a small label; ``tone`` is good, bad, wait or nothing."""
    return f'<span class="pr-badge {"pr-" + tone if tone else ""}">{plain(text)}</span>'


def trail(*steps: tuple[str, str]) -> str:
    """Return the way back: (title, address) pairs, the addresses already escaped."""
    links = [f'<a href="{link}" target="_self">{plain(title)}</a>' for title, link in steps]
    return f'<div class="pr-trail">{" › ".join(links)}</div>'
