"""Where a submission stands, as one sentence: its place on the board, or why it has none."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from proctor.spec.outcomes import Code
from proctor.spec.ranking import Selection
from proctor_platform.rights import hidden_until
from proctor_platform.submissions.progress import Progress
from proctor_platform.submissions.sights import SubmissionSight
from proctor_platform.tables import LeaderboardRow, LeaderboardSnapshot


def standing_of(
    sight: SubmissionSight,
    progress: Progress,
    place: LeaderboardRow | None,
    ranked: int,
    other: str | None,
    outdated_by: int | None,
) -> str:
    """Say where a scored submission stands; nothing of one that has no score.

    Args:
        sight: the submission as the asker sees it.
        progress: what its runs and evaluations add up to.
        place: its row on the newest board, if it has one.
        ranked: how many have a rank on that board.
        other: the same participant's submission on that board, if there is one.
        outdated_by: the version that asks something else than what it has answered.
    """
    if progress.outcome is not Code.OK:
        return ""
    if sight.submission.check_only:
        return "Tried out only: it stands on no board. Submit it without --check-only to enter it."
    if sight.hidden:
        return hidden_until("Scores", sight.phase)
    row = {} if place is None else json.loads(place.body)
    if failed := row.get("ineligible"):
        return f"On the board without a rank, since it is not eligible: {'; '.join(failed)}."
    if place is not None and place.rank is None:
        return "On the board without a rank: it has no score that decides ranks."
    if place is not None:
        low, high = row.get("rank_low"), row.get("rank_high")
        how_sure = "" if low is None else f" ({low} to {high})"
        return f"Rank {place.rank} of {ranked}{how_sure}."
    if outdated_by is not None:
        return (
            f"Not on the board: version {outdated_by} of the challenge asks something else;"
            " submit it again."
        )
    if other is None or sight.submission.baseline:
        return ""
    whose = "of yours" if sight.yours else "of the same participant"
    if sight.phase.feedback.ladder:
        return f"Not on the board: it is no significant gain over {other} {whose}."
    better = "better" if sight.phase.ranking.select is Selection.BEST else "newer"
    return f"Not on the board: {other} {whose} is {better}."


def ranked_rows(
    session: Session, boards: Sequence[LeaderboardSnapshot]
) -> dict[tuple[str, str], int]:
    """Count by challenge and phase the rows that have a rank."""
    board = col(LeaderboardRow.leaderboard_id)
    counts = dict(
        session.exec(
            select(board, func.count())
            .where(board.in_([one.id for one in boards]), col(LeaderboardRow.rank).is_not(None))
            .group_by(board)
        ).all()
    )
    return {(one.challenge_id, one.phase): counts.get(one.id, 0) for one in boards}


def newest_board(session: Session, challenge_id: str, phase: str) -> LeaderboardSnapshot | None:
    """Return the newest leaderboard of a phase, if there is any."""
    return session.exec(
        select(LeaderboardSnapshot)
        .where(
            col(LeaderboardSnapshot.challenge_id) == challenge_id,
            col(LeaderboardSnapshot.phase) == phase,
        )
        .order_by(col(LeaderboardSnapshot.number).desc())
        .limit(1)
    ).first()
