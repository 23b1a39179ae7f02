"""A case of a run to look at: what went in, what should have come out, what did.

Shown to whoever sees the submission are cases that met public data alone: those of a run on the
public sample. What a run on hidden cases made is for organizers, since a model could write one
hidden case into its answer to another; it is for all once the challenge's data are released.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from proctor.spec.api import CaseFiles
from proctor.spec.base import FileRef
from proctor.spec.challenge import ChallengeSpec, Release
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState
from proctor.spec.work import Split
from proctor_platform.rights import database_now
from proctor_platform.submissions.sights import Access, SubmissionSight
from proctor_platform.tables import CaseResult, ChallengeVersion, Evaluation, Run
from proctor_platform.versions import dataset, newest, spec_of


def may_look(session: Session, sight: SubmissionSight, run: Run) -> bool:
    """Tell whether the asker may look at the cases of a run."""
    if sight.access is Access.ORGANIZER or run.split == Split.SAMPLE:
        return True
    return sight.feedback.whole and is_released(session, spec_of(newest(session, sight.challenge)))


def is_released(session: Session, spec: ChallengeSpec) -> bool:
    """Tell whether a challenge's hidden data are open to everybody at this moment."""
    if spec.release is not Release.AFTER_CLOSE:
        return False
    return max(phase.closes_at for phase in spec.phases) <= database_now(session)


def files_of_case(session: Session, sight: SubmissionSight, run_id: str, case_id: str) -> CaseFiles:
    """Return the files of one case of a run by name.

    Raises:
        ProctorError: there is no such run or case, or it may not be looked at.
    """
    run = session.get(Run, run_id)
    if run is None or run.submission_id != sight.submission.id:
        raise ProctorError(Code.NOT_FOUND, f"The submission has no run {run_id}.")
    if not may_look(session, sight, run):
        raise ProctorError(
            Code.FORBIDDEN,
            "Cases of the hidden test set are shown to organizers only, until the data are"
            " released; those of the public sample are shown to all.",
        )
    version = session.get_one(ChallengeVersion, (sight.challenge.id, _version(session, run)))
    halves = {
        half: {case.id: case for case in dataset(session, version, run.task, run.split, half).cases}
        for half in ("inputs", "reference")
    }
    if case_id not in halves["inputs"]:
        raise ProctorError(Code.NOT_FOUND, f"Run {run_id} has no case {case_id}.")
    result = session.get(CaseResult, (run_id, case_id))
    predictions = result.predictions if result is not None else {}
    return CaseFiles(
        run=run_id,
        case=case_id,
        task=run.task,
        version=version.number,
        inputs=halves["inputs"][case_id].files,
        reference=halves["reference"][case_id].files,
        predictions={name: FileRef.model_validate(file) for name, file in predictions.items()},
    )


def _version(session: Session, run: Run) -> int:
    """Return the version whose reference the scores beside the picture come from."""
    scored = session.exec(
        select(Evaluation.version)
        .where(
            col(Evaluation.run_id) == run.id, col(Evaluation.state) == EvaluationState.SCORED.value
        )
        .order_by(col(Evaluation.id).desc())
        .limit(1)
    ).first()
    return scored or run.version
