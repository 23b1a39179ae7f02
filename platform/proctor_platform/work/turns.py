"""Whose turn it is: the few pieces of work that a worker may have, the fairest first.

Participants take turns. Before a piece of work go all of the same participant that are being done
or have waited longer; among those with as many before them, the participant who was served longest
ago is next. So however much one enters, another's first job waits for one job a worker at most.

Left out is what nobody may have now (the participant has as many runs going on as the phase allows)
and what this worker cannot do (the phase asks for other GPUs than it has).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, not_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from proctor.spec.challenge import PhaseSpec
from proctor.spec.states import EvaluationState, RunState
from proctor.spec.work import Claim, Queue
from proctor_platform.clock import now
from proctor_platform.tables import Challenge, ChallengeVersion, Evaluation, Run, Submission, Turn
from proctor_platform.versions import newest, spec_of
from proctor_platform.work.holding import is_live

_MOST = 16
"""So many are named, for when others are faster."""


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
        return _fairest(session, claim.queue, Evaluation, _waiting_evaluations())
    barred = [*_unfit(session, claim), *_full(session, running)]
    return _fairest(session, claim.queue, Run, _waiting_runs(claim.queue, barred))


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


def _waiting_runs(
    queue: Queue, barred: Iterable[ColumnElement[bool]]
) -> Select[tuple[str, str, object, int]]:
    return _numbered(Run).where(
        col(Run.state) == RunState.QUEUED.value,
        col(Run.queue) == queue.value,
        *(not_(condition) for condition in barred),
    )


def _waiting_evaluations() -> Select[tuple[str, str, object, int]]:
    return (
        _numbered(Evaluation)
        .join(Run, col(Run.id) == col(Evaluation.run_id))
        .where(col(Evaluation.state) == EvaluationState.QUEUED.value)
    )


def _numbered(table: type[Run] | type[Evaluation]) -> Select[tuple[str, str, object, int]]:
    """Select work with its participant and its place among all that this participant waits for."""
    person = col(Run.requested_by)
    order = col(table.queued_at), col(table.id)
    place = func.row_number().over(partition_by=person, order_by=order)
    return select(
        col(table.id).label("id"),
        person.label("person"),
        col(table.queued_at).label("queued_at"),
        place.label("place"),
    )


def _fairest(
    session: Session,
    queue: Queue,
    table: type[Run] | type[Evaluation],
    numbered: Select[tuple[str, str, object, int]],
) -> list[str]:
    waiting = numbered.subquery()
    live = select(col(Run.requested_by).label("person"), func.count().label("runs"))
    if table is Evaluation:
        live = live.select_from(Evaluation).join(Run, col(Run.id) == col(Evaluation.run_id))
    else:
        live = live.where(col(Run.queue) == queue.value)
    busy = live.where(is_live(table)).group_by(col(Run.requested_by)).subquery()
    turn = and_(col(Turn.user_id) == waiting.c.person, col(Turn.queue) == queue.value)
    before = func.coalesce(busy.c.runs, 0) + waiting.c.place
    statement = (
        select(waiting.c.id)
        .outerjoin(busy, busy.c.person == waiting.c.person)
        .outerjoin(Turn, turn)
        .where(waiting.c.place <= _MOST)
        .order_by(
            before, col(Turn.served_at).asc().nulls_first(), waiting.c.queued_at, waiting.c.id
        )
        .limit(_MOST)
    )
    return list(session.exec(statement))


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
    entered = select(col(Submission.id)).where(
        col(Submission.challenge_id) == challenge_id, col(Submission.phase) == phase
    )
    return col(Run.submission_id).in_(entered)


def _phase(session: Session, challenge_id: str, version: int, slug: str) -> PhaseSpec:
    return spec_of(session.get_one(ChallengeVersion, (challenge_id, version))).phase(slug)
