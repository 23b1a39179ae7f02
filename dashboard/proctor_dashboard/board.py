"""The ranked table: from a page of a leaderboard to HTML, every cell escaped."""

from __future__ import annotations

from collections import Counter

from proctor.plots.numbers import number
from proctor.spec.challenge import SubmissionKind
from proctor.spec.leaderboard import (
    BoardColumn,
    BoardRow,
    BoardScore,
    BoardValue,
    Claim,
    ClaimFlag,
    Leaderboard,
    Verdict,
)
from proctor_dashboard.text import address, badge, interval, plain, seconds

_VERDICT_TONE = {
    Verdict.IDENTICAL: "good",
    Verdict.WITHIN_TOLERANCE: "good",
    Verdict.DIFFERENT: "bad",
}


def board_html(board: Leaderboard, columns: tuple[BoardColumn, ...]) -> str:
    """Return the board as a table with ``columns`` in the given order."""
    head = "".join(
        [
            '<th title="and the interval of its rank">Rank</th>',
            '<th class="pr-text">Submission</th>',
            *_score_head(board.score),
            *(head for column in columns for head in _column_heads(column)),
            '<th title="answered of all; the others take the worst value">Cases</th>',
            "<th>Time per&nbsp;case</th>",
        ]
    )
    sizes = Counter(row.tie_group for row in board.rows if row.tie_group is not None)
    tied = [group for group, size in sizes.items() if size > 1]
    tones = {group: number % 2 for number, group in enumerate(tied)}
    body = "".join(_row(row, board, columns, _tone(row, tones)) for row in board.rows)
    return (
        f'<div class="pr-board"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _score_head(score: BoardScore | None) -> list[str]:
    """Return the head of what the order is made from, where no column is it."""
    if score is None:
        return []
    arrow = "↑" if score.higher_is_better else "↓"
    unit = f" ({score.unit})" if score.unit else ""
    hint = "what the ranks are made from"
    return [f'<th class="pr-decides" title="{hint}">{plain(score.title)}{plain(unit)} {arrow}</th>']


def _column_heads(column: BoardColumn) -> list[str]:
    """Return the head of a column, and of what authors claim of it where any does."""
    if not column.claimed:
        return [_column_head(column)]
    hint = "what the author says, from the model's card; no rank depends on it"
    return [_column_head(column), f'<th title="{plain(hint)}">{plain(column.title)} claimed</th>']


def _column_head(column: BoardColumn) -> str:
    arrow = "↑" if column.higher_is_better else "↓"
    unit = f" ({column.unit})" if column.unit else ""
    marked = ' class="pr-decides"' if column.decides else ""
    better = "higher" if column.higher_is_better else "lower"
    hint = f"{better} is better; {column.definition_id}"
    return f'<th{marked} title="{plain(hint)}">{plain(column.title)}{plain(unit)} {arrow}</th>'


def _row(
    row: BoardRow, board: Leaderboard, columns: tuple[BoardColumn, ...], tone: int | None
) -> str:
    tie = "" if tone is None else f" pr-tie{tone}"
    answered = row.total_cases - row.failed_cases
    cells = [
        f'<td class="pr-rank pr-tie{tie}">{_rank(row, board.ranked_rows or board.total_rows)}</td>',
        f'<td class="pr-text">{_title(row)}</td>',
        *([f'<td class="pr-decides">{number(row.score)}</td>'] if board.score else []),
        *(cell for column in columns for cell in _cells(row, column)),
        f"<td>{answered} of {row.total_cases}</td>",
        f'<td title="{plain(row.hardware)}">{seconds(row.seconds_per_case)}</td>',
    ]
    return f"<tr{' class=pr-baseline' if row.baseline else ''}>{''.join(cells)}</tr>"


def _tone(row: BoardRow, tones: dict[int, int]) -> int | None:
    return None if row.tie_group is None else tones.get(row.tie_group)


def _rank(row: BoardRow, ranked_rows: int) -> str:
    if row.ineligible:
        return f'<span title="{plain("; ".join(row.ineligible))}">–</span>'
    if row.rank is None:
        return "–"
    if row.rank_low is None or row.rank_high is None:
        return str(row.rank)
    spread = str(row.rank_low)
    if row.rank_high != row.rank_low:
        spread = f"{row.rank_low} to {row.rank_high}"
    track = _track(row.rank, row.rank_low, row.rank_high, ranked_rows)
    return f"{row.rank}<small>{spread}</small>{track}"


def _track(rank: int, low: int, high: int, ranked_rows: int) -> str:
    """Return the rank as a point on the bar of its interval, from the first to the last rank."""
    if ranked_rows < 2:
        return ""
    start, end, at = (100 * (place - 1) / (ranked_rows - 1) for place in (low, high, rank))
    return (
        f'<span class="pr-track" aria-hidden="true"><i style="left:{start:.1f}%;'
        f'width:{end - start:.1f}%"></i><b style="left:{at:.1f}%"></b></span>'
    )


def _title(row: BoardRow) -> str:
    marks = [badge("baseline")] if row.baseline else []
    marks.append(badge(row.kind.value))
    if row.kind is SubmissionKind.PREDICTIONS:
        marks.append(badge("not re-runnable"))
    if row.rerun_verdict is not None:
        tone = _VERDICT_TONE[row.rerun_verdict]
        marks.append(badge(f"re-run {row.rerun_verdict.value}", tone))
    why = ""
    if row.ineligible:
        marks.append(badge("not eligible", "bad"))
        why = f"<small class=pr-why>{plain('; '.join(row.ineligible))}</small>"
    link = address("submission", id=row.submission)
    name = plain(row.title or row.submission)
    return (
        f'<a href="{link}" target="_self">{name}</a> <small>{plain(row.participant)}</small>'
        f"{''.join(marks)}{why}"
    )


def _cells(row: BoardRow, column: BoardColumn) -> list[str]:
    value = _value(row.values.get(column.key), column.decides)
    return [value, _claim(row.claimed.get(column.key))] if column.claimed else [value]


def _claim(claim: Claim | None) -> str:
    if claim is None:
        return "<td>–</td>"
    if claim.flag is None:
        return f"<td>{number(claim.score)}</td>"
    tone = "bad" if claim.flag is ClaimFlag.BETTER else ""
    return f"<td>{number(claim.score)}{badge(claim.flag.value, tone)}</td>"


def _value(value: BoardValue | None, decides: bool) -> str:
    marked = ' class="pr-decides"' if decides else ""
    if value is None:
        return f"<td{marked}>–</td>"
    partial = ""
    if value.n_used < value.n_total:
        partial = f"<small>{value.n_used} of {value.n_total} used</small>"
    return f"<td{marked}>{number(value.value)}<small>{interval(value)}</small>{partial}</td>"
