"""Tables of what differs between two models, every cell escaped."""

from __future__ import annotations

from collections.abc import Sequence

from proctor.plots.numbers import number
from proctor.spec.base import FileRef
from proctor.spec.registry.differences import Change, FileChange, FileChangeKind, ScoreChange
from proctor_dashboard.tables import digest_html, lines_html
from proctor_dashboard.text import badge, interval, plain

_TONES = {
    FileChangeKind.ADDED: "good",
    FileChangeKind.REMOVED: "bad",
    FileChangeKind.CHANGED: "wait",
}


def changes_html(changes: Sequence[Change]) -> str:
    """Return a line a value, with what it was and what it is."""
    return _table(
        ("Where", "Before", "Now"),
        [
            (f"<code>{plain(one.path)}</code>", _value(one.before), _value(one.after))
            for one in changes
        ],
    )


def files_html(changes: Sequence[FileChange]) -> str:
    """Return a line a file that is not the same."""
    return _table(
        ("File", "", "Before", "Now"),
        [
            (
                f"<code>{plain(one.path)}</code>",
                badge(one.kind.value, _TONES[one.kind]),
                _file(one.before),
                _file(one.after),
            )
            for one in changes
        ],
    )


def scores_html(changes: Sequence[ScoreChange]) -> str:
    """Return a line a score, with its gain: positive is better."""
    rows = []
    for one in changes:
        arrow = "↑" if one.higher_is_better else "↓"
        gain = "–"
        if one.gain is not None:
            tone = "pr-up" if one.gain > 0 else "pr-down" if one.gain < 0 else ""
            word = "better by" if one.gain > 0 else "worse by" if one.gain < 0 else "the same"
            gain = f'<span class="{tone}">{word} {number(abs(one.gain)) if one.gain else ""}</span>'
        rows.append(
            (
                f"{plain(one.title)} {arrow}",
                f"{number(one.before.value)} <small>{interval(one.before)}</small>",
                f"{number(one.after.value)} <small>{interval(one.after)}</small>",
                gain,
            )
        )
    return _table(("Score", "Before", "Now", ""), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return lines_html(heads, body)


def _value(text: str | None) -> str:
    return "–" if text is None else plain(text)


def _file(file: FileRef | None) -> str:
    if file is None:
        return "–"
    return f"{file.size:,} bytes {digest_html(file.digest)}"
