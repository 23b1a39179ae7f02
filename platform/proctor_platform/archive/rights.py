"""Who may have which archive. What is refused is refused with the reason and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from proctor.spec.archive import ArchiveKind
from proctor.spec.card.open_licenses import may_be_handed_on
from proctor.spec.challenge import ChallengeSpec, Release
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.work import Split
from proctor_platform.registry.publication import is_withdrawn
from proctor_platform.rights import Asker, database_now
from proctor_platform.submissions.sights import Access, SubmissionSight, submission_in_sight
from proctor_platform.tables import ChallengeVersion, Run
from proctor_platform.versions import dataset, newest, numbered, spec_of


def archive_in_sight(
    session: Session, submission_id: str, kind: ArchiveKind, asker: Asker
) -> SubmissionSight:
    """Find a submission whose archive of this kind the asker may have.

    Raises:
        ProctorError: there is none in sight (not found), the model's license lets nobody hand it
            on, it was withdrawn, the challenge never releases hidden data, or not yet.
    """
    sight = submission_in_sight(session, submission_id, asker)
    if sight.access is Access.ORGANIZER:
        return sight
    if not sight.yours and is_withdrawn(session, submission_id):
        raise ProctorError(Code.FORBIDDEN, "This model was withdrawn; its scores are what is left.")
    if kind is ArchiveKind.SEALED:
        _refuse_sealed(session, sight)
    if not may_have_files(sight):
        license_name = _license_of(sight)
        said = f"The license {license_name!r}" if license_name else "A model without a license"
        raise ProctorError(
            Code.FORBIDDEN,
            f"{said} does not let everybody hand the model on: its owner and the organizers alone"
            " get the archive.",
        )
    return sight


def may_have_files(sight: SubmissionSight) -> bool:
    """Tell whether the asker may have what was entered: by right, or by its license."""
    inside = sight.yours or sight.access is Access.ORGANIZER
    return inside or may_be_handed_on(_license_of(sight))


def _license_of(sight: SubmissionSight) -> str:
    return str(sight.submission.card.get("license") or "")


def _refuse_sealed(session: Session, sight: SubmissionSight) -> None:
    """Refuse hidden data that the challenge keeps, or keeps for the present."""
    version = newest(session, sight.challenge)
    present = spec_of(version)
    if present.release is not Release.AFTER_CLOSE:
        raise ProctorError(
            Code.FORBIDDEN,
            f"A sealed archive holds hidden data; {present.slug} gives it to its organizers alone.",
        )
    asked = _tasks_with_its_data(session, sight, version)
    ends = [sight.phase.closes_at, *_ends_of(present, asked)]
    if database_now(session) < max(ends):
        raise ProctorError(
            Code.NOT_YET,
            "A sealed archive holds hidden data; it is open to all once the last phase with this"
            f" data has closed, at {max(ends):%Y-%m-%dT%H:%M:%SZ}.",
        )


def _tasks_with_its_data(
    session: Session, sight: SubmissionSight, present: ChallengeVersion
) -> set[str]:
    """Return the tasks of now that ask what the archive holds, whatever they are called."""
    archived = session.exec(
        select(Run.version, Run.task)
        .where(col(Run.submission_id) == sight.submission.id, col(Run.split) == Split.HIDDEN.value)
        .distinct()
    ).all()
    held: set[str] = set()
    for number, task in archived:
        held |= _hidden_files(session, numbered(session, sight.challenge, number), task)
    shared = {
        task for task in present.data if not held.isdisjoint(_hidden_files(session, present, task))
    }
    return shared | {task for _, task in archived}


def _hidden_files(session: Session, version: ChallengeVersion, task: str) -> set[str]:
    return {
        file.digest
        for half in ("inputs", "reference")
        for case in dataset(session, version, task, Split.HIDDEN, half).cases
        for file in case.files.values()
    }


def _ends_of(spec: ChallengeSpec, tasks: Iterable[str]) -> list[datetime]:
    wanted = set(tasks)
    return [phase.closes_at for phase in spec.phases if wanted & set(phase.tasks)]
