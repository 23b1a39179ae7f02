"""What a re-evaluation and a run on newer data share: boards before and after, and what moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic, sleep
from typing import TYPE_CHECKING, Protocol, TypeVar

from proctor.cli.output import Format, emit, say

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.base import Spec
    from proctor.spec.leaderboard import Leaderboard

_BOARD_WAIT_S = 60

Boards = dict[str, "Leaderboard | None"]
"""The newest board of each phase, or none where nothing was scored in it."""


class _Queue(Protocol):
    """What is asked how much of it waits."""

    @property
    def waiting(self) -> int: ...


Waiting = TypeVar("Waiting", bound=_Queue)


def boards_of(client: Client, slug: str, phase: str | None) -> Boards:
    """Return the boards of a challenge as they are now, or that of one phase."""
    known = [known.slug for known in client.challenge(slug).challenge.phases]
    return {name: _board_of(client, slug, name) for name in (known if phase is None else [phase])}


def emit_counts(asked: Spec, names: Sequence[str], style: Format) -> None:
    """Print how much was asked for."""
    document = asked.model_dump(mode="json")
    emit([{name: document[name] for name in names}], style, document=document)


def follow(ask: Callable[[], Waiting], poll_s: float) -> Waiting:
    """Ask until nothing waits any more, saying how much does, and return the last answer."""
    waiting = -1
    while (state := ask()).waiting:
        if state.waiting != waiting:
            say(f"runs and scorings that wait: {state.waiting}")
            waiting = state.waiting
        sleep(poll_s)
    return state


def renewed(client: Client, slug: str, before: Boards, poll_s: float) -> Boards:
    """Return the boards that are made of the new scores; those before if none come."""
    return {name: _renewed(client, slug, name, board, poll_s) for name, board in before.items()}


def show_moves(
    before: Mapping[str, Leaderboard | None], after: Mapping[str, Leaderboard | None], style: Format
) -> None:
    """Print whose ranks differ between two boards of each phase."""
    moves = [row for name in before for row in _moves(name, before[name], after[name])]
    if not moves:
        say("No rank has moved.")
    if moves or style is not Format.TABLE:
        emit(moves, style, document=moves)


def _renewed(
    client: Client, slug: str, phase: str, before: Leaderboard | None, poll_s: float
) -> Leaderboard | None:
    ends_at = monotonic() + _BOARD_WAIT_S
    while True:
        board = _board_of(client, slug, phase)
        if board is None or before is None or board.id != before.id or monotonic() > ends_at:
            return board
        sleep(poll_s)


def _board_of(client: Client, slug: str, phase: str) -> Leaderboard | None:
    from proctor.cli.boards import whole_board
    from proctor.client.errors import ApiError
    from proctor.spec.outcomes import Code

    try:
        return whole_board(lambda start: client.leaderboard(slug, phase, start))
    except ApiError as error:
        if error.problem.code is Code.NOT_FOUND:
            return None
        raise


def _moves(
    phase: str, before: Leaderboard | None, after: Leaderboard | None
) -> list[dict[str, object]]:
    """Return a row for each submission whose rank is another one, or that came or went."""
    old = {row.submission: row for row in before.rows} if before else {}
    new = {row.submission: row for row in after.rows} if after else {}
    rows: list[dict[str, object]] = []
    for submission in [*new, *(gone for gone in old if gone not in new)]:
        ranks = [board[submission].rank if submission in board else None for board in (old, new)]
        if ranks[0] == ranks[1]:
            continue
        row = new.get(submission) or old[submission]
        rows.append(
            {
                "phase": phase,
                "participant": row.participant,
                "model": row.title,
                "submission": submission,
                "before": ranks[0] if ranks[0] is not None else "–",
                "now": ranks[1] if ranks[1] is not None else "–",
            }
        )
    return rows
