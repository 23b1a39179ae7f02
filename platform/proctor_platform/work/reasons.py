"""Why a run still waits, in a sentence for whoever entered it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlmodel import Session

from proctor.spec.gpus import GpuLimits, gigabytes
from proctor.spec.states import RunState
from proctor.spec.work import Queue, WorkerFacts
from proctor_platform.tables import ChallengeVersion, Run, Submission
from proctor_platform.versions import spec_of
from proctor_platform.work.turns import Share, cap_of, count_live
from proctor_platform.work.workers import connected

Workers = Sequence[tuple[str, WorkerFacts]]
_SHOWN = 3


class WaitingReasons:
    """Reasons of one page; what holds for many of its runs is looked up once.

    Args:
        running: how many runs of one participant are done at once where the phase does not say.
    """

    def __init__(self, session: Session, running: int | None) -> None:
        self._session = session
        self._running = running
        self._workers: dict[str, Workers] = {}
        self._full: dict[Share, str] = {}

    def of(self, submission: Submission, runs: Iterable[Run]) -> dict[str, str]:
        """Return why runs of a submission wait; some wait for nothing but their turn."""
        waiting = [run for run in runs if run.state == RunState.QUEUED]
        return {run.id: why for run in waiting if (why := self._reason(submission, run))}

    def _reason(self, submission: Submission, run: Run) -> str:
        if run.queue not in self._workers:
            self._workers[run.queue] = connected(self._session, run.queue)
        workers = self._workers[run.queue]
        if run.queue == Queue.RUN_GPU:
            key = submission.challenge_id, run.version
            version = self._session.get_one(ChallengeVersion, key)
            asked = spec_of(version).phase(submission.phase).limits.gpu
            if asked is not None and not any(asked.served_by(facts.gpus) for _, facts in workers):
                return no_fit(asked, workers)
        if not workers:
            return "No worker is connected that takes such runs."
        share = Share(run.requested_by, submission.challenge_id, submission.phase)
        if share not in self._full:
            self._full[share] = self._fullness(share)
        return self._full[share]

    def _fullness(self, share: Share) -> str:
        cap = cap_of(self._session, share, self._running)
        if cap is None or count_live(self._session, share) < cap:
            return ""
        return (
            f"At most {cap} of one participant's runs are carried out at once; so many go on now."
        )


def no_fit(asked: GpuLimits, workers: Workers) -> str:
    """Say that none of ``workers`` has the GPUs that are asked for, and what they have.

    >>> no_fit(GpuLimits(min_vram_bytes=40_000_000_000), [])
    'No worker with a GPU of ≥ 40 GB; no worker has any.'
    """
    found = sorted(
        ((gpu, name) for name, facts in workers for gpu in facts.gpus),
        key=lambda item: (-item[0].vram_bytes, item[1]),
    )
    said = f"No worker with {asked.in_words()}"
    if not found:
        return f"{said}; no worker has any."
    largest, owner = found[0]
    if largest.vram_bytes < asked.min_vram_bytes:
        return f"{said}; the largest is {gigabytes(largest.vram_bytes)} (worker {owner})."
    have = [
        f"{name} has {gpu.name} with {gigabytes(gpu.vram_bytes)}, compute capability"
        f" {gpu.compute_capability}, driver {gpu.driver}"
        for gpu, name in found[:_SHOWN]
    ]
    return f"{said}; {'; '.join(have)}."
