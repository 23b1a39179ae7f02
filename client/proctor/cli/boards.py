"""`proctor leaderboard`: the table of the dashboard in a terminal, and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.options import FormatOption, HostOption, PhaseOption
from proctor.cli.output import Format, emit, number, say
from proctor.cli.submissions import choose_phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from proctor.spec.leaderboard import BoardColumn, BoardRow, BoardValue, Leaderboard

_PAGE = 500
_MEAN = "mean"


def leaderboard(
    challenge: Annotated[str, typer.Argument(help="The challenge's slug.")],
    phase: PhaseOption = None,
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", help="This snapshot, by its number or id.")
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="In the table, a column for every label.")
    ] = False,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Show a leaderboard: the newest snapshot, or the one named."""
    with connect(host) as client:
        if snapshot is not None and snapshot.startswith("lea_"):
            board = whole_board(lambda start: client.snapshot(snapshot, start, _PAGE))
        else:
            chosen = choose_phase(client.challenge(challenge), phase)
            if snapshot is None:
                board = whole_board(
                    lambda start: client.leaderboard(challenge, chosen, start, _PAGE)
                )
            else:
                found = [
                    entry.id
                    for entry in client.leaderboards(challenge, chosen)
                    if str(entry.number) == snapshot.lstrip("#")
                ]
                if not found:
                    raise typer.BadParameter(f"{challenge}/{chosen} has no snapshot {snapshot}")
                board = whole_board(lambda start: client.snapshot(found[0], start, _PAGE))
    show_board(board, style, labels=labels)


def whole_board(fetch: Callable[[int], Leaderboard]) -> Leaderboard:
    """Return a snapshot with the rows of all its pages."""
    board = fetch(0)
    rows = list(board.rows)
    while len(rows) < board.total_rows:
        page = fetch(len(rows))
        if not page.rows or page.id != board.id:
            break
        rows += page.rows
    return board.model_copy(update={"rows": tuple(rows)})


def show_board(board: Leaderboard, style: Format, *, labels: bool = False) -> None:
    """Print a leaderboard; as a table with intervals, as CSV with a column a number.

    Args:
        labels: Give the table a column for every label, not for the mean over them alone.
    """
    say(
        f"{board.challenge_title}, {board.phase}: snapshot {board.number}"
        f" of {board.created_at:%Y-%m-%d %H:%M:%S} UTC. {board.ranking_sentence}"
    )
    if board.notice:
        say(board.notice)
    if style is Format.CSV:
        rows = [_csv_row(board, row) for row in board.rows]
    else:
        shown = [column for column in board.columns if labels or column.label == _MEAN]
        rows = [_table_row(shown or list(board.columns), row) for row in board.rows]
    emit(rows, style, document=board.model_dump(mode="json"))


def _table_row(columns: list[BoardColumn], row: BoardRow) -> dict[str, object]:
    ranks = "" if row.rank_low is None else f" ({row.rank_low}–{row.rank_high})"
    cells: dict[str, object] = {
        "rank": f"{row.rank if row.rank is not None else '–'}{ranks}",
        "participant": row.participant + (" (baseline)" if row.baseline else ""),
        "model": row.title,
    }
    for column in columns:
        mark = "*" if column.decides else ""
        cells[f"{column.title}{mark}"] = _interval(row.values.get(column.key))
    used = min((value.n_used for value in row.values.values()), default=0)
    total = max((value.n_total for value in row.values.values()), default=0)
    return cells | {
        "n": f"{used}/{total}",
        "s/case": number(row.seconds_per_case, 2),
        "kind": row.kind.value,
        "re-run": row.rerun_verdict.value if row.rerun_verdict else "–",
    }


def _csv_row(board: Leaderboard, row: BoardRow) -> dict[str, object]:
    cells: dict[str, object] = {
        "rank": row.rank,
        "rank_low": row.rank_low,
        "rank_high": row.rank_high,
        "participant": row.participant,
        "title": row.title,
        "baseline": row.baseline,
        "submission": row.submission,
    }
    for column in board.columns:
        value = row.values.get(column.key)
        cells[column.key] = value.value if value else None
        cells[f"{column.key}/low"] = value.low if value else None
        cells[f"{column.key}/high"] = value.high if value else None
        cells[f"{column.key}/n_used"] = value.n_used if value else 0
    return cells | {
        "failed_cases": row.failed_cases,
        "total_cases": row.total_cases,
        "seconds_per_case": row.seconds_per_case,
        "kind": row.kind.value,
        "rerun_verdict": row.rerun_verdict.value if row.rerun_verdict else None,
    }


def _interval(value: BoardValue | None) -> str:
    if value is None or value.value is None:
        return "–"
    if value.low is None or value.high is None:
        return number(value.value)
    return f"{number(value.value)} [{number(value.low, 3)}, {number(value.high, 3)}]"
