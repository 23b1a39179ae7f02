"""What the rows say at this moment, for a monitoring system: how much waits, and for how long.

Every number is of the whole platform, whichever of its processes is asked. There are no names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlmodel import Session, col, func, select

from proctor.spec.states import EvaluationState, HostingState, RunState
from proctor.spec.work import Queue
from proctor_platform.clock import now
from proctor_platform.hosting.tables import Hosting
from proctor_platform.outbox import Topic
from proctor_platform.rights import database_now
from proctor_platform.tables import Blob, Evaluation, Outbox, Run, Submission, Worker

_SEEN_S = 300.0


def gauges(session: Session) -> Iterator[Metric]:
    """Yield every gauge with its present values."""
    present = database_now(session)
    yield _work(session)
    yield _outcomes(session)
    yield _waiting(session, present)
    yield _submissions(session)
    yield _workers(session)
    yield from _blobs(session)
    yield from _outbox(session, present)


def _work(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "proctor_work",
        "Runs, evaluations and hostings by queue and state.",
        labels=("queue", "state"),
    )
    counted = {(queue.value, state): 0 for queue in Queue for state in _states(queue)}
    runs = select(Run.queue, Run.state, func.count()).group_by(col(Run.queue), col(Run.state))
    for queue, state, count in session.exec(runs):
        counted[queue, state] = count
    scorings = select(Evaluation.state, func.count()).group_by(col(Evaluation.state))
    for state, count in session.exec(scorings):
        counted[Queue.SCORE.value, state] = count
    hostings = select(Hosting.state, func.count()).group_by(col(Hosting.state))
    for state, count in session.exec(hostings):
        counted[Queue.HOST.value, state] = count
    for labels, count in counted.items():
        family.add_metric(labels, count)
    return family


def _states(queue: Queue) -> list[str]:
    states: dict[Queue, type[EvaluationState] | type[HostingState]] = {
        Queue.SCORE: EvaluationState,
        Queue.HOST: HostingState,
    }
    return [state.value for state in states.get(queue, RunState)]


def _outcomes(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "proctor_ended", "Runs and evaluations that ended, by outcome.", labels=("kind", "outcome")
    )
    for kind, table in (("run", Run), ("evaluation", Evaluation)):
        ended = select(table.outcome, func.count()).where(col(table.outcome).is_not(None))
        for outcome, count in session.exec(ended.group_by(col(table.outcome))):
            family.add_metric((kind, str(outcome)), count)
    return family


def _waiting(session: Session, present: datetime) -> Metric:
    family = GaugeMetricFamily(
        "proctor_oldest_waiting_seconds", "Age of the oldest queued work.", labels=("queue",)
    )
    oldest: dict[str, datetime] = {}
    runs = select(Run.queue, func.min(Run.queued_at)).where(Run.state == RunState.QUEUED.value)
    for queue, moment in session.exec(runs.group_by(col(Run.queue))):
        oldest[queue] = moment
    scorings = select(func.min(Evaluation.queued_at))
    first = session.exec(scorings.where(Evaluation.state == EvaluationState.QUEUED.value)).one()
    if first is not None:
        oldest[Queue.SCORE.value] = first
    hostings = select(func.min(Hosting.queued_at))
    first = session.exec(hostings.where(Hosting.state == HostingState.QUEUED.value)).one()
    if first is not None:
        oldest[Queue.HOST.value] = first
    for queue in Queue:
        family.add_metric((queue.value,), _age_s(oldest.get(queue.value), present))
    return family


def _submissions(session: Session) -> Metric:
    family = GaugeMetricFamily("proctor_submissions", "Submissions by state.", labels=("state",))
    counted = select(Submission.state, func.count()).group_by(col(Submission.state))
    for state, count in session.exec(counted):
        family.add_metric((state,), count)
    return family


def _workers(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "proctor_workers_seen", "Worker processes heard of in five minutes.", labels=("queue",)
    )
    seen = select(Worker.queue, func.count()).where(col(Worker.seen_at) > now(-_SEEN_S))
    counted = dict.fromkeys((queue.value for queue in Queue), 0)
    counted.update(dict(session.exec(seen.group_by(col(Worker.queue))).all()))
    for queue, count in counted.items():
        family.add_metric((queue,), count)
    return family


def _blobs(session: Session) -> Iterator[Metric]:
    sums = select(func.count(), func.coalesce(func.sum(col(Blob.size)), 0))
    count, size = session.exec(sums.select_from(Blob)).one()
    yield GaugeMetricFamily("proctor_blobs", "Blobs in the store.", value=count)
    yield GaugeMetricFamily("proctor_blob_bytes", "Bytes in the store.", value=float(size))


def _outbox(session: Session, present: datetime) -> Iterator[Metric]:
    unsent = GaugeMetricFamily(
        "proctor_outbox_unsent", "What must still be told.", labels=("topic",)
    )
    lag = GaugeMetricFamily(
        "proctor_outbox_lag_seconds", "Age of the oldest of it.", labels=("topic",)
    )
    rows = session.exec(
        select(Outbox.topic, func.count(), func.min(Outbox.created_at))
        .where(col(Outbox.sent_at).is_(None))
        .group_by(col(Outbox.topic))
    )
    found = {topic: (count, moment) for topic, count, moment in rows}
    for topic in Topic:
        count, moment = found.get(topic.value, (0, None))
        unsent.add_metric((topic.value,), count)
        lag.add_metric((topic.value,), _age_s(moment, present))
    yield unsent
    yield lag


def _age_s(moment: datetime | None, present: datetime) -> float:
    if moment is None:
        return 0.0
    # What a function of the database returns has no type of ours, and on SQLite no zone.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (present - aware).total_seconds())
