"""The one transition table of submissions, runs, evaluations and hostings; all others ask it."""

from __future__ import annotations

from enum import StrEnum


class SubmissionState(StrEnum):
    """Where a submission stands as a thing; its progress is its newest run and evaluation."""

    CHECKING = "checking"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class RunState(StrEnum):
    """Where an execution of a submission on one task stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class EvaluationState(StrEnum):
    """Where a scoring of one run stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SCORING = "scoring"
    SCORED = "scored"
    FAILED = "failed"
    CANCELLED = "cancelled"


class HostingState(StrEnum):
    """Where the serving of one version of a deployed model stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SERVING = "serving"
    STOPPED = "stopped"
    FAILED = "failed"


State = SubmissionState | RunState | EvaluationState | HostingState

# One table a kind: members of different kinds with the same text are equal as keys.
_NEXT: dict[type[StrEnum], dict[State, frozenset[State]]] = {
    SubmissionState: {
        SubmissionState.CHECKING: frozenset(
            {SubmissionState.ACCEPTED, SubmissionState.REJECTED, SubmissionState.WITHDRAWN}
        ),
        SubmissionState.ACCEPTED: frozenset({SubmissionState.WITHDRAWN}),
        SubmissionState.REJECTED: frozenset(),
        SubmissionState.WITHDRAWN: frozenset(),
    },
    RunState: {
        RunState.QUEUED: frozenset({RunState.CLAIMED, RunState.CANCELLED, RunState.FAILED}),
        RunState.CLAIMED: frozenset(
            {RunState.RUNNING, RunState.QUEUED, RunState.FAILED, RunState.CANCELLED}
        ),
        RunState.RUNNING: frozenset(
            {RunState.SUCCEEDED, RunState.QUEUED, RunState.FAILED, RunState.CANCELLED}
        ),
        RunState.SUCCEEDED: frozenset(),
        RunState.FAILED: frozenset(),
        RunState.CANCELLED: frozenset(),
    },
    EvaluationState: {
        EvaluationState.QUEUED: frozenset(
            {EvaluationState.CLAIMED, EvaluationState.CANCELLED, EvaluationState.FAILED}
        ),
        EvaluationState.CLAIMED: frozenset(
            {
                EvaluationState.SCORING,
                EvaluationState.QUEUED,
                EvaluationState.FAILED,
                EvaluationState.CANCELLED,
            }
        ),
        EvaluationState.SCORING: frozenset(
            {
                EvaluationState.SCORED,
                EvaluationState.QUEUED,
                EvaluationState.FAILED,
                EvaluationState.CANCELLED,
            }
        ),
        EvaluationState.SCORED: frozenset(),
        EvaluationState.FAILED: frozenset(),
        EvaluationState.CANCELLED: frozenset(),
    },
    HostingState: {
        HostingState.QUEUED: frozenset(
            {HostingState.CLAIMED, HostingState.STOPPED, HostingState.FAILED}
        ),
        HostingState.CLAIMED: frozenset(
            {
                HostingState.SERVING,
                HostingState.QUEUED,
                HostingState.STOPPED,
                HostingState.FAILED,
            }
        ),
        HostingState.SERVING: frozenset(
            {HostingState.QUEUED, HostingState.STOPPED, HostingState.FAILED}
        ),
        HostingState.STOPPED: frozenset(),
        HostingState.FAILED: frozenset(),
    },
}


def may_become(state: State, target: State) -> bool:
    """Tell whether ``target`` may follow ``state``, which is a state of the same kind."""
    return type(state) is type(target) and target in _NEXT[type(state)][state]


def sources_of(target: State) -> frozenset[State]:
    """Return every state that ``target`` may follow."""
    table = _NEXT[type(target)]
    return frozenset(state for state, following in table.items() if target in following)


def is_final(state: State) -> bool:
    """Tell whether nothing follows ``state``."""
    return not _NEXT[type(state)][state]
