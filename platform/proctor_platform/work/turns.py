"""Whose turn it is: the few pieces of work that a worker may have, the fairest first.

Participants take turns. Before a piece of work go all of the same participant that are being done
or have waited longer; among those with as many before them, the participant who was served longest
ago is next. So however much one enters, another's first job waits for one job a worker at most.

Left out is what nobody may have now (the participant has as many runs going on as the phase allows)
and what this worker cannot do (the phase asks for other GPUs than it has).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Label, and_, func, not_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from proctor.spec.challenge import PhaseSpec
from proctor.spec.states import EvaluationState, RunState
from proctor.spec.work import Claim, Queue
from proctor_platform.clock import now
from proctor_platform.tables import Challenge, ChallengeVersion, Evaluation, Run, Submission, Turn
from proctor_platform.versions import newest, spec_of
from proctor_platform.work.holding import is_live

_PEOPLE = 4
_MOST = 16
"""So many pieces are named at most, for when others are faster."""


class Share(NamedTuple):
    """What the runs of one participant in one phase have in common."""

    user_id: str
    challenge_id: str
    phase: str


def in_line(session: Session, claim: Claim, running: int | None) -> list[str]:
    """Return the ids of the work that ``claim`` may have, the fairest first, a few at most.

    Args:
        session: a session of any kind.
        claim: what the worker asks for.
        running: how many runs of one participant are done at once where the phase does not say.
    """
    if claim.queue is Queue.SCORE:
        queued = col(Evaluation.state) == EvaluationState.QUEUED.value
        return _fairest(session, claim.queue, Evaluation, [queued])
    waiting = [
        col(Run.state) == RunState.QUEUED.value,
        col(Run.queue) == claim.queue.value,
        *(not_(barred) for barred in _unfit(session, claim)),
        *(not_(barred) for barred in _full(session, running)),
    ]
    return _fairest(session, claim.queue, Run, waiting)


def cap_of(session: Session, share: Share, running: int | None) -> int | None:
    """Return how many of these runs may be done at once, as the newest version has it."""
    challenge = session.get_one(Challenge, share.challenge_id)
    for phase in spec_of(newest(session, challenge)).phases:
        if phase.slug == share.phase:
            return phase.running or running
    return running


def count_live(session: Session, share: Share) -> int:
    """Return how many runs of a share are being done."""
    of_share = (
        select(func.count())
        .select_from(Run)
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            is_live(Run),
            col(Run.requested_by) == share.user_id,
            col(Submission.challenge_id) == share.challenge_id,
            col(Submission.phase) == share.phase,
        )
    )
    return session.exec(of_share).one()


def note_turn(session: Session, user_id: str, queue: Queue) -> None:
    """Keep that a participant is served now."""
    mine = col(Turn.user_id) == user_id, col(Turn.queue) == queue.value
    again = session.exec(
        update(Turn).where(*mine).values(served_at=now()),
        execution_options={"synchronize_session": False},
    )
    if again.rowcount:
        return
    try:
        with session.begin_nested():
            session.add(Turn(user_id=user_id, queue=queue.value))
    except IntegrityError:
        return  # another claim of this very moment has kept it


def _people(
    session: Session,
    queue: Queue,
    table: type[Run] | type[Evaluation],
    waiting: Sequence[ColumnElement[bool]],
) -> list[tuple[str, int]]:
    """Return the few participants whose turn comes first, and what of theirs is being done."""
    person: Label[str] = col(Run.requested_by).label("person")
    first = _joined(table, person, func.min(col(table.queued_at)).label("first_at"))
    waits = first.where(*waiting).group_by(person).subquery()
    live = _joined(table, person, func.count().label("pieces")).where(is_live(table))
    if table is Run:
        live = live.where(col(Run.queue) == queue.value)
    busy = live.group_by(person).subquery()
    turn = and_(col(Turn.user_id) == waits.c.person, col(Turn.queue) == queue.value)
    pieces = func.coalesce(busy.c.pieces, 0)
    served_at = col(Turn.served_at).asc().nulls_first()
    statement = (
        select(waits.c.person, pieces)
        .outerjoin(busy, busy.c.person == waits.c.person)
        .outerjoin(Turn, turn)
        .order_by(pieces, served_at, waits.c.first_at, waits.c.person)
        .limit(_PEOPLE)
    )
    return list(session.exec(statement))


def _fairest(
    session: Session,
    queue: Queue,
    table: type[Run] | type[Evaluation],
    waiting: Sequence[ColumnElement[bool]],
) -> list[str]:
    people = _people(session, queue, table, waiting)
    found = []
    for turn, (person, busy) in enumerate(people):
        theirs = (
            _joined(table, col(table.id))
            .where(*waiting, col(Run.requested_by) == person)
            .order_by(col(table.queued_at), col(table.id))
            .limit(_MOST // len(people))
        )
        ids = session.exec(theirs)
        found += [(busy + place, turn, work_id) for place, work_id in enumerate(ids)]
    return [work_id for *_, work_id in sorted(found)]


def _joined(table: type[Run] | type[Evaluation], *columns: Any) -> Any:
    """Select from runs, or from evaluations with the runs that they score."""
    selected = select(*columns).select_from(table)
    if table is Run:
        return selected
    return selected.join(Run, col(Run.id) == col(Evaluation.run_id))


def _full(session: Session, running: int | None) -> list[ColumnElement[bool]]:
    """Return one condition for each participant who has as many runs going on as may be."""
    groups = session.exec(
        select(
            col(Run.requested_by),
            col(Submission.challenge_id),
            col(Submission.phase),
            func.count(),
        )
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(is_live(Run))
        .group_by(col(Run.requested_by), col(Submission.challenge_id), col(Submission.phase))
    ).all()
    full = []
    for *key, count in groups:
        share = Share(*key)
        cap = cap_of(session, share, running)
        if cap is not None and count >= cap:
            entered = _entered(share.challenge_id, share.phase)
            full.append(and_(col(Run.requested_by) == share.user_id, entered))
    return full


def _unfit(session: Session, claim: Claim) -> list[ColumnElement[bool]]:
    """Return one condition for each phase that asks for GPUs which the worker does not have."""
    if claim.queue is not Queue.RUN_GPU:
        return []
    groups = session.exec(
        select(col(Submission.challenge_id), col(Run.version), col(Submission.phase))
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(col(Run.state) == RunState.QUEUED.value, col(Run.queue) == claim.queue.value)
        .distinct()
    ).all()
    gpus = claim.facts.gpus if claim.facts else ()
    unfit = []
    for challenge_id, version, slug in groups:
        limits = _phase(session, challenge_id, version, slug).limits
        if limits.gpu is not None and not limits.gpu.served_by(gpus):
            entered = _entered(challenge_id, slug)
            unfit.append(and_(col(Run.version) == version, entered))
    return unfit


def _entered(challenge_id: str, phase: str) -> ColumnElement[bool]:
    # Asked for each run apart: a set of all submissions would be made for every claim.
    entered = select(col(Submission.id)).where(
        col(Submission.id) == col(Run.submission_id),
        col(Submission.challenge_id) == challenge_id,
        col(Submission.phase) == phase,
    )
    return entered.correlate(Run).exists()


def _phase(session: Session, challenge_id: str, version: int, slug: str) -> PhaseSpec:
    return spec_of(session.get_one(ChallengeVersion, (challenge_id, version))).phase(slug)
