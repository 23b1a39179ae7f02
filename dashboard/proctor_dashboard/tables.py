"""Tables of ``proctor.plots`` as this dashboard's pages show them, every cell escaped."""

from __future__ import annotations

from proctor.plots.table import Table
from proctor_dashboard.text import plain


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


def _mark(is_text: bool) -> str:
    return ' class="pr-text"' if is_text else ""
