"""Tables as these pages show them: those of ``proctor.plots``, every cell escaped, and lines."""

from __future__ import annotations

from collections.abc import Sequence

from proctor.plots.table import Table
from proctor_dashboard.text import plain

_DIGEST_SHOWN = 19


def table_html(content: Table) -> str:
    """Return a table that scrolls by itself where it is wider than the page."""
    count = content.text_columns
    heads = "".join(
        f"<th{_mark(at < count)}>{plain(cell)}</th>" for at, cell in enumerate(content.head)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{_mark(at < count)}>{plain(cell)}</td>" for at, cell in enumerate(row))
        + "</tr>"
        for row in content.rows
    )
    return (
        f'<div class="pr-board"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def lines_html(heads: Sequence[str], rows: str) -> str:
    """Return a table of lines that scrolls by itself; its rows come as they are."""
    head = "".join(f'<th class="pr-text">{name}</th>' for name in heads)
    return (
        f'<div class="pr-scroll"><table class="pr-facts pr-lines"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def digest_html(digest: str) -> str:
    """Return the beginning of a digest; the whole appears when it is pointed at."""
    return f'<code title="{plain(digest)}">{plain(digest[:_DIGEST_SHOWN])}…</code>'


def _mark(is_text: bool) -> str:
    return ' class="pr-text"' if is_text else ""
