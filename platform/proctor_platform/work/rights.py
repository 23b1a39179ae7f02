"""What an order's token opens: the blobs that the order itself names, and no others.

The set of an order's digests never changes while it is held, so it is made once and kept for the
next file. A run's set is made without looking at any reference.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from sqlmodel import Session, select

from proctor.spec.dataset import DatasetCase
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.work import FolderContent
from proctor_platform.publishing import metric_sources
from proctor_platform.tables import CaseResult, Evaluation, Run
from proctor_platform.work.documents import (
    cases_of,
    content_digests,
    content_of,
    dataset,
    frame_of,
    image_digests,
)
from proctor_platform.work.holding import Work, held

_KEPT = 32


class OrderRights:
    """The digests of the orders that were asked about last. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sets: OrderedDict[str, frozenset[str]] = OrderedDict()

    def require(self, session: Session, work_id: str, fence: int, digest: str) -> None:
        """Refuse a blob that is not of the order.

        Raises:
            ProctorError: the lease is lost, or the order names no such blob.
        """
        row = held(session, work_id, fence)
        if digest not in self._digests(session, row):
            raise ProctorError(Code.NOT_FOUND)

    def _digests(self, session: Session, row: Work) -> frozenset[str]:
        with self._lock:
            if row.id in self._sets:
                self._sets.move_to_end(row.id)
                return self._sets[row.id]
        found = _of_run(session, row) if isinstance(row, Run) else _of_evaluation(session, row)
        with self._lock:
            self._sets[row.id] = found
            while len(self._sets) > _KEPT:
                self._sets.popitem(last=False)
        return found


def audience_of(session: Session, row: Work) -> str:
    """Return who may read what a worker uploads: the submission's readers, or organizers only.

    What a scoring leaves tells of the reference, item by item.
    """
    run = row if isinstance(row, Run) else session.get_one(Run, row.run_id)
    if isinstance(row, Run):
        return f"submission:{run.submission_id}"
    return f"organizers:{frame_of(session, run).submission.challenge_id}"


def _of_run(session: Session, run: Run) -> frozenset[str]:
    frame = frame_of(session, run)
    content = content_of(run, frame)
    found = content_digests(content) | _files(cases_of(session, run, frame))
    if isinstance(content, FolderContent) and (runtime := frame.runtime(content.runtime)):
        found |= image_digests(runtime.image)
    return found


def _of_evaluation(session: Session, evaluation: Evaluation) -> frozenset[str]:
    results = session.exec(
        select(CaseResult.predictions).where(CaseResult.run_id == evaluation.run_id)
    )
    predictions = _digests(file for row in results for file in row.values())
    run = session.get_one(Run, evaluation.run_id)
    task = frame_of(session, run, evaluation.version).task
    sources = frozenset(source.digest for _, source in metric_sources(task))
    return predictions | sources | _files(dataset(session, evaluation.reference_digest).cases)


def _files(cases: Iterable[DatasetCase]) -> frozenset[str]:
    return frozenset(file.digest for case in cases for file in case.files.values())


def _digests(files: Iterable[dict[str, str]]) -> frozenset[str]:
    return frozenset(file["digest"] for file in files)
