"""What belongs into the archive of a submission, from the rows.

A public archive is the same for whoever asks: it says what a reader of the board may know and no
more, though its asker be an organizer, since it is made to be handed on. A sealed one adds the
hidden data, its salt, the predictions on it and all scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.metadata import version as version_of

from pydantic import TypeAdapter
from sqlmodel import Session, col, select

from proctor.spec.api import Content, Source
from proctor.spec.archive import (
    ArchivedBoard,
    ArchivedCase,
    ArchivedEvaluation,
    ArchivedRun,
    ArchivedSubmission,
    ArchivedTask,
    ArchiveKind,
    ArchiveManifest,
)
from proctor.spec.base import FileRef
from proctor.spec.challenge import SubmissionKind
from proctor.spec.dataset import SplitData
from proctor.spec.leaderboard import BoardColumn, BoardRow
from proctor.spec.model import ModelCard, Protocol
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import RunState, SubmissionState
from proctor.spec.work import (
    AnyContent,
    Environment,
    FolderContent,
    ImageContent,
    Purpose,
    RuntimeImage,
)
from proctor_platform.archive.scorings import archived_evaluation, case_scores, scoring_of
from proctor_platform.challenges import without_paths
from proctor_platform.publishing import metric_sources
from proctor_platform.rights import feedback_of
from proctor_platform.submissions.figures import coarse_seconds
from proctor_platform.submissions.sights import Access, SubmissionSight
from proctor_platform.tables import (
    CaseResult,
    Evaluation,
    LeaderboardRow,
    LeaderboardSnapshot,
    Run,
    User,
)
from proctor_platform.versions import dataset, spec_of
from proctor_platform.work.documents import Frame, frame_of

READS_FORMAT_1 = "0.1.0"
_CONTENT: TypeAdapter[AnyContent] = TypeAdapter(Content)
_RESULTS = (Purpose.FIRST.value, Purpose.REFRESH.value)


@dataclass
class Gathered:
    """An archive's documents and the blobs that they name, each with a word on what it is."""

    manifest: ArchiveManifest
    blobs: dict[str, FileRef] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def add(self, file: FileRef, word: str) -> None:
        """Have a blob in the archive."""
        self.blobs[file.digest] = file
        self.words.setdefault(file.digest, word)


def gather(session: Session, sight: SubmissionSight, kind: ArchiveKind) -> Gathered:
    """Collect the documents and blobs of an archive.

    Raises:
        ProctorError: a run of the submission has not succeeded, so there is nothing to keep yet.
    """
    runs = _runs(session, sight)
    shown = _as_shown(session, sight, kind)
    submission = sight.submission
    frames = {task: frame_of(session, run) for task, run in runs.items()}
    newest = max(runs.values(), key=lambda run: run.version)
    frame = frames[newest.task]
    content = _CONTENT.validate_python(submission.content)
    runtime = frame.runtime(content.runtime) if isinstance(content, FolderContent) else None
    found = Gathered(
        ArchiveManifest(
            kind=kind,
            made_by=version_of("proctor"),
            requires=READS_FORMAT_1,
            rerunnable=submission.kind != SubmissionKind.PREDICTIONS,
            challenge=without_paths(frame.challenge),
            challenge_version=frame.version.number,
            submission=_submission(session, shown, content),
            runtime=runtime,
            tasks=(),
            board=None if shown.hidden else _board(session, shown),
            files=(),
        )
    )
    _add_content(found, content, runtime)
    tasks = tuple(
        _task(session, shown, found, kind, run, frames[task]) for task, run in sorted(runs.items())
    )
    found.manifest = found.manifest.model_copy(update={"tasks": tasks})
    return found


def _runs(session: Session, sight: SubmissionSight) -> dict[str, Run]:
    """Return the newest run on hidden cases of each task that has scores, else that succeeded.

    What has a score keeps it: a run on a newer test set speaks once it is scored.
    """
    rows = session.exec(
        select(Run)
        .where(
            col(Run.submission_id) == sight.submission.id,
            col(Run.purpose).in_(_RESULTS),
        )
        .order_by(col(Run.id))
    ).all()
    succeeded = [run for run in rows if run.state == RunState.SUCCEEDED]
    done = {run.task: run for run in succeeded}
    done |= {run.task: run for run in succeeded if scoring_of(session, run) is not None}
    missing = sorted({run.task for run in rows} - set(done))
    if missing or not rows or sight.submission.state != SubmissionState.ACCEPTED:
        where = f" on {', '.join(missing)}" if missing else ""
        detail = f"{sight.submission.id} has no results{where}; only what has is archived."
        raise ProctorError(Code.CONFLICT, detail)
    return done


def _as_shown(session: Session, sight: SubmissionSight, kind: ArchiveKind) -> SubmissionSight:
    """Return the submission as every reader sees it; a sealed archive knows the scores too.

    An archive has whole scores or none: rounded ones, or of some cases, could not be verified.
    """
    sealed = kind is ArchiveKind.SEALED
    spec = spec_of(sight.ruling)
    feedback = feedback_of(session, spec, sight.phase, organizer=sealed)
    return replace(sight, access=Access.READER, feedback=feedback, yours=False)


def _submission(
    session: Session, sight: SubmissionSight, content: AnyContent
) -> ArchivedSubmission:
    row = sight.submission
    return ArchivedSubmission(
        id=row.id,
        participant=session.get_one(User, row.user_id).name,
        phase=row.phase,
        kind=SubmissionKind(row.kind),
        baseline=row.baseline,
        card=ModelCard.model_validate(row.card),
        content=content,
        content_digest=row.content_digest,
        source=Source.model_validate(row.source) if row.source else None,
        submitted_at=row.submitted_at,
    )


def _board(session: Session, sight: SubmissionSight) -> ArchivedBoard | None:
    newest = session.exec(
        select(LeaderboardSnapshot)
        .where(
            col(LeaderboardSnapshot.challenge_id) == sight.challenge.id,
            col(LeaderboardSnapshot.phase) == sight.submission.phase,
        )
        .order_by(col(LeaderboardSnapshot.number).desc())
        .limit(1)
    ).first()
    if newest is None:
        return None
    row = session.exec(
        select(LeaderboardRow).where(
            col(LeaderboardRow.leaderboard_id) == newest.id,
            col(LeaderboardRow.submission_id) == sight.submission.id,
        )
    ).first()
    if row is None:
        return None
    columns = TypeAdapter(tuple[BoardColumn, ...]).validate_python(newest.head["columns"])
    return ArchivedBoard(
        id=newest.id,
        number=newest.number,
        created_at=newest.created_at,
        ranking_sentence=newest.head["ranking_sentence"],
        columns=columns,
        row=BoardRow.model_validate_json(row.body),
    )


def _add_content(found: Gathered, content: AnyContent, runtime: RuntimeImage | None) -> None:
    if isinstance(content, ImageContent):
        _add_image(found, content, "the model's image")
        for entry in content.weights:
            found.add(entry.file, f"{entry.path} of the model's weights")
        return
    what = "the model" if isinstance(content, FolderContent) else "the predictions"
    for entry in content.entries:
        found.add(entry.file, f"{entry.path} of {what}")
    if runtime is not None:
        _add_image(found, runtime.image, f"the runtime image {runtime.name}")


def _add_image(found: Gathered, image: ImageContent, what: str) -> None:
    found.add(image.config, f"config of {what}")
    for number, layer in enumerate(image.layers, start=1):
        found.add(layer, f"layer {number} of {what}")


def _task(
    session: Session,
    sight: SubmissionSight,
    found: Gathered,
    kind: ArchiveKind,
    run: Run,
    frame: Frame,
) -> ArchivedTask:
    sealed = kind is ArchiveKind.SEALED
    for name, source in metric_sources(frame.task) if sealed else ():
        found.add(source, f"the organizer's metric {name}")
    sample = _split(session, found, frame, "sample")
    tryout = session.exec(
        select(Run)
        .where(
            col(Run.submission_id) == run.submission_id,
            col(Run.task) == run.task,
            col(Run.purpose) == Purpose.TRYOUT.value,
            col(Run.state) == RunState.SUCCEEDED.value,
            col(Run.version) == run.version,
        )
        .order_by(col(Run.id).desc())
    ).first()
    return ArchivedTask(
        slug=run.task,
        inputs_digest=frame.version.data[run.task]["hidden"]["inputs"],
        reference_digest=frame.version.data[run.task]["hidden"]["reference"],
        sample=sample,
        hidden=_split(session, found, frame, "hidden") if sealed else None,
        run=_run(session, sight, found, run, bytes_too=sealed, sealed=sealed),
        tryout=_run(session, sight, found, tryout, bytes_too=True, sealed=sealed)
        if tryout
        else None,
    )


def _split(session: Session, found: Gathered, frame: Frame, split: str) -> SplitData:
    halves = {
        half: dataset(session, frame.version, frame.task.slug, split, half)
        for half in ("inputs", "reference")
    }
    for half, data in halves.items():
        for case in data.cases:
            for name, file in case.files.items():
                found.add(file, f"{name} of case {case.id}: {split} {half} of {frame.task.slug}")
    return SplitData(**halves)


def _run(
    session: Session,
    sight: SubmissionSight,
    found: Gathered,
    run: Run,
    *,
    bytes_too: bool,
    sealed: bool,
) -> ArchivedRun:
    rows = session.exec(
        select(CaseResult)
        .join(Run, col(Run.id) == col(CaseResult.run_id))
        .where(CaseResult.run_id == run.id, sight.open_case())
        .order_by(col(CaseResult.case_id))
    ).all()
    scoring = None if run.purpose == Purpose.TRYOUT else scoring_of(session, run)
    scores = case_scores(session, scoring) if scoring and sight.feedback.whole else {}
    cases = tuple(
        _case(sight, row, scores.get(row.case_id, {}), bytes_too=bytes_too) for row in rows
    )
    for case in cases:
        for name, file in case.predictions.items():
            found.add(file, f"canonical {name} of case {case.id} in {run.id}")
    return ArchivedRun(
        id=run.id,
        challenge_version=run.version,
        alias_seed=run.alias_seed,
        protocol=Protocol(run.protocol) if run.protocol else None,
        environment=_environment(run),
        seconds=run.seconds if sealed else coarse_seconds(run.seconds),
        predictions_digest=run.predictions_digest if sight.feedback.whole else None,
        cases=cases,
        evaluation=_evaluation(session, sight, found, run, scoring, sealed) if scoring else None,
    )


def _environment(run: Run) -> Environment | None:
    """Return where a run was made, without the host's own name."""
    if not run.environment:
        return None
    return Environment.model_validate({**run.environment, "worker": "worker"})


def _case(
    sight: SubmissionSight,
    row: CaseResult,
    scores: dict[str, float | None],
    *,
    bytes_too: bool,
) -> ArchivedCase:
    predictions = {name: FileRef.model_validate(file) for name, file in row.predictions.items()}
    return ArchivedCase(
        id=row.case_id,
        outcome=Code(row.outcome),
        detail=sight.told(row.outcome, row.detail),
        seconds=coarse_seconds(row.seconds),
        scores=scores,
        predictions=predictions if bytes_too else {},
    )


def _evaluation(
    session: Session,
    sight: SubmissionSight,
    found: Gathered,
    run: Run,
    scoring: Evaluation,
    sealed: bool,
) -> ArchivedEvaluation:
    kept = archived_evaluation(session, run, scoring, numbers=sight.feedback.whole)
    if kept.wheel is not None:
        found.add(kept.wheel, f"the metric package that scored {run.task}, as a wheel")
    if not sealed:
        return kept.model_copy(update={"per_item": None})
    if kept.per_item is not None:
        found.add(kept.per_item, f"scores of every item of {run.task}")
    return kept
