"""`proctor challenge reevaluate`: score what is archived anew, and tell which ranks that moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from proctor.cli.connection import connect
from proctor.cli.failures import CommandError, Exit
from proctor.cli.options import FormatOption, HostOption, WaitOption
from proctor.cli.output import Format, emit, say
from proctor.cli.submissions import PollOption

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor.spec.api import Reevaluations
    from proctor.spec.leaderboard import Leaderboard

_BOARD_WAIT_S = 60


class _Queue(Protocol):
    """What is asked how much of it waits."""

    @property
    def waiting(self) -> int: ...


Waiting = TypeVar("Waiting", bound=_Queue)


def reevaluate(
    slug: Annotated[str, typer.Argument(help="The challenge's slug.")],
    phase: Annotated[str | None, typer.Option("--phase", help="This phase alone.")] = None,
    wait: WaitOption = False,
    poll_s: PollOption = 1.0,
    host: HostOption = None,
    style: FormatOption = Format.TABLE,
) -> None:
    """Score archived predictions anew by the newest version; no model runs again."""
    with connect(host) as client:
        known = [known.slug for known in client.challenge(slug).challenge.phases]
        phases = known if phase is None else [phase]
        before = {name: board_of(client, slug, name) for name in phases}
        asked = client.reevaluate(slug, phase)
        tell_queued(asked.evaluations, asked.outdated)
        if not wait:
            _emit_counts(asked, style)
            return
        ended = (
            follow(lambda: client.reevaluations(slug, phase), poll_s) if asked.waiting else asked
        )
        if ended.failed:
            raise CommandError(
                f"{ended.failed} scorings failed, and the board before stays. {ended.failure}",
                "Mend what it names and publish; of a failure of the platform's, ask once more.",
                Exit.FAILED,
            )
        after = before
        if asked.waiting:
            after = {name: renewed(client, slug, name, before[name], poll_s) for name in phases}
    show_moves(before, after, style)


def show_moves(
    before: Mapping[str, Leaderboard | None], after: Mapping[str, Leaderboard | None], style: Format
) -> None:
    """Print whose ranks differ between two boards of each phase."""
    moves = [row for name in before for row in _moves(name, before[name], after[name])]
    if not moves:
        say("No rank has moved.")
    if moves or style is not Format.TABLE:
        emit(moves, style, document=moves)


def tell_queued(evaluations: int, outdated: int) -> None:
    """Tell what a new version, or a request, means for what was entered before."""
    if evaluations:
        archived = "run is" if evaluations == 1 else "runs are"
        say(f"{evaluations} archived {archived} scored anew; the board before stays until then.")
    if outdated:
        stand = "submission stands" if outdated == 1 else "submissions stand"
        say(
            f"{outdated} {stand} on an older version's data: `proctor challenge refresh` runs the"
            " models that can answer the new; others must be submitted again."
        )


def _emit_counts(asked: Reevaluations, style: Format) -> None:
    document = asked.model_dump(mode="json")
    names = ("version", "evaluations", "outdated", "waiting", "failed")
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


def renewed(
    client: Client, slug: str, phase: str, before: Leaderboard | None, poll_s: float
) -> Leaderboard | None:
    """Return the board that is made of the new scores; the one before if none comes."""
    ends_at = monotonic() + _BOARD_WAIT_S
    while True:
        board = board_of(client, slug, phase)
        if board is None or before is None or board.id != before.id or monotonic() > ends_at:
            return board
        sleep(poll_s)


def board_of(client: Client, slug: str, phase: str) -> Leaderboard | None:
    """Return a phase's newest board, or none when nothing was scored in it."""
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
