"""`proctor leaderboard`: the table of the dashboard in a terminal, and for programs."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, PhaseOption
from proctor.cli.output import Format, Row, emit, fitting, number, say
from proctor.cli.ranking_output import show_ranking
from proctor.cli.submissions import choose_phase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proctor.client import Client
    from proctor.spec.leaderboard import (
        BoardColumn,
        BoardRow,
        BoardScore,
        BoardValue,
        Claim,
        Leaderboard,
    )

_PAGE = 500
_MEAN = "mean"
_TITLE_CHARACTERS = 40
_SPARED = ("kind", "s/case", "re-run", "n")
"""Columns that a narrow terminal does without, the first first."""


def leaderboard(
    challenge: Annotated[str, typer.Argument(help="The challenge's slug.")],
    phase: PhaseOption = None,
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", help="This snapshot, by its number or id.")
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="In the table, a column for every label.")
    ] = False,
    private: Annotated[
        bool,
        typer.Option("--private", help="On the private cases, once the phase is over."),
    ] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="How sure the ranks are, and under every scheme.")
    ] = False,
    column: Annotated[
        str | None,
        typer.Option("--column", help="With --statistics: one column, as task/metric/label."),
    ] = None,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Show a leaderboard: the newest snapshot, or the one named."""
    if column is not None and not statistics:
        raise CommandError("--column goes with --statistics.", "", Exit.USAGE)
    with connect(host) as client:
        fetch = board_fetcher(client, challenge, phase, snapshot)
        if statistics:
            board = fetch(0, 1)
            _introduce(board, sentence=False)
            show_ranking(client.ranking_statistics(board.id, column, private=private), style)
            return
        if private:
            public = fetch(0, 1)
            say(client.overfitting(public.id, 1).sentence)

            def fetch(start: int, limit: int) -> Leaderboard:
                return client.private_board(public.id, start, limit)

        if style is Format.CSV:
            _write_csv(client, fetch(0, 1))
        else:
            board = whole_board(lambda start: fetch(start, _PAGE))
            show_board(board, style, labels=labels)
            if snapshot is None:
                _tell_if_held(client, challenge, board.phase)


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
    """Print a leaderboard; as a table with intervals and what its signs mean.

    Args:
        labels: Give the table a column for every label, not for the mean over them alone.
    """
    _introduce(board)
    means = [column for column in board.columns if column.label == _MEAN]
    columns = list(board.columns) if labels or not means else means
    tied = _tied(board)
    rows = [_table_row(columns, row, tied, board.score) for row in board.rows]
    shown: Sequence[Row] = rows
    if style is Format.TABLE:
        helping = [
            heading
            for column in reversed(columns)
            if not column.decides
            for heading in (_claim_heading(column), _heading(column))
        ]
        shown = fitting(rows, (*_SPARED, *([] if labels else helping)))
    emit(shown, style, document=board.model_dump(mode="json"))
    if style is Format.TABLE and rows:
        say(_legend(board, tied))
        if left_out := [name for name in rows[0] if name not in shown[0]]:
            say(f"Left out for want of width: {', '.join(left_out)}. `--format csv` has them all.")


def board_fetcher(
    client: Client, challenge: str, phase: str | None, snapshot: str | None
) -> Callable[[int, int], Leaderboard]:
    """Return what fetches a page of the snapshot that is wanted, by its start and its size.

    Raises:
        CommandError: There is no such snapshot.
    """
    if snapshot is not None and snapshot.startswith("lea_"):
        return lambda start, limit: client.snapshot(snapshot, start, limit)
    chosen = choose_phase(client.challenge(challenge), phase)
    if snapshot is None:
        return lambda start, limit: client.leaderboard(challenge, chosen, start, limit)
    known = {str(entry.number): entry.id for entry in client.leaderboards(challenge, chosen)}
    found = known.get(snapshot.lstrip("#"))
    if found is None:
        numbers = sorted(map(int, known))
        hint = f"It has {numbers[0]} to {numbers[-1]}." if numbers else "It has none yet."
        raise CommandError(f"{challenge}/{chosen} has no snapshot {snapshot}.", hint, Exit.REJECTED)
    return lambda start, limit: client.snapshot(found, start, limit)


def _tell_if_held(client: Client, slug: str, phase: str) -> None:
    """Tell an organizer why the newest board is not of the newest scores."""
    if client.challenge(slug).organizer and (held := client.reevaluations(slug, phase).held):
        say(held)


def _introduce(board: Leaderboard, *, sentence: bool = True) -> None:
    told = f" {board.ranking_sentence}" if sentence else ""
    say(
        f"{board.challenge_title}, {board.phase}: snapshot {board.number}"
        f" of {board.created_at:%Y-%m-%d %H:%M:%S} UTC.{told}"
    )
    if board.notice:
        say(board.notice)


def _write_csv(client: Client, board: Leaderboard) -> None:
    """Print the platform's own CSV, so that everybody's columns have the same names."""
    _introduce(board)
    for start in range(0, max(board.total_rows, 1), _PAGE):
        page = client.snapshot_csv(board.id, start, _PAGE, private=board.part == "private")
        header, _, rows = page.partition("\n")
        sys.stdout.write(rows if start else f"{header}\n{rows}")


def _tied(board: Leaderboard) -> set[int]:
    """Return the groups of rows that the data cannot separate."""
    sizes = Counter(row.tie_group for row in board.rows if row.tie_group is not None)
    return {group for group, size in sizes.items() if size > 1}


def _rank(row: BoardRow) -> str:
    return "–" if row.rank is None else str(row.rank)


def _table_row(
    columns: list[BoardColumn], row: BoardRow, tied: set[int], score: BoardScore | None
) -> dict[str, object]:
    ranks = "" if row.rank_low is None else f" ({row.rank_low}–{row.rank_high})"
    tie = f" ={row.tie_group}" if row.tie_group in tied else ""
    title = row.title
    if len(title) > _TITLE_CHARACTERS:
        title = f"{title[: _TITLE_CHARACTERS - 1]}…"
    cells: dict[str, object] = {
        "rank": "not eligible" if row.ineligible else f"{_rank(row)}{ranks}{tie}",
        "participant": row.participant + (" (baseline)" if row.baseline else ""),
        "model": f"{title} (predictions)" if _is_predictions(row) else title,
    }
    if score is not None:
        cells[f"{score.title}*"] = number(row.score)
    for column in columns:
        cells[_heading(column)] = _interval(row.values.get(column.key))
        if column.claimed:
            cells[_claim_heading(column)] = _claim(row.claimed.get(column.key))
    used = min((value.n_used for value in row.values.values()), default=0)
    total = max((value.n_total for value in row.values.values()), default=0)
    return cells | {
        "n": f"{used}/{total}",
        "s/case": number(row.seconds_per_case, 2),
        "kind": row.kind.value,
        "re-run": _rerun(row),
    }


def _is_predictions(row: BoardRow) -> bool:
    return row.kind == "predictions"


def _rerun(row: BoardRow) -> str:
    if _is_predictions(row):
        return "not re-runnable"
    return row.rerun_verdict.value if row.rerun_verdict else "–"


def _heading(column: BoardColumn) -> str:
    return f"{column.title}{'*' if column.decides else ''}"


def _claim_heading(column: BoardColumn) -> str:
    return f"{column.title} claimed"


def _claim(claim: Claim | None) -> str:
    from proctor.spec.leaderboard import ClaimFlag

    if claim is None:
        return "–"
    marks = {None: "", ClaimFlag.BETTER: " !", ClaimFlag.WORSE: " ?"}
    return f"{number(claim.score)}{marks[claim.flag]}"


def _interval(value: BoardValue | None) -> str:
    if value is None or value.value is None:
        return "–"
    if value.low is None or value.high is None:
        return number(value.value)
    return f"{number(value.value)} [{number(value.low, 3)}, {number(value.high, 3)}]"


def _legend(board: Leaderboard, tied: set[int]) -> str:
    level = f"{board.ranking.bootstrap.level:.0%}"
    lines = [
        f"* decides the rank. [a, b] and (1–2): where score and rank fall in {level} of test sets"
        " drawn anew from this one."
    ]
    if tied:
        lines.append("Rows with the same mark, such as =1, cannot be separated by this data.")
    lines += [
        f"{row.title} of {row.participant} is not eligible: {'; '.join(row.ineligible)}."
        for row in board.rows
        if row.ineligible
    ]
    if any(map(_is_predictions, board.rows)):
        lines.append("(predictions): made elsewhere and only scored here; not re-runnable.")
    if any(column.claimed for column in board.columns):
        lines.append(
            "claimed: what the author says, from the model's card; ! better than the measured"
            " interval, ? worse."
        )
    return "\n".join(lines)
