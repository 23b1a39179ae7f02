"""`proctor rerun archive.zip`: an archive run and scored on this machine, without any platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from proctor.cli.archive_file import open_archive
from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import Format, emit, say
from proctor.spec.leaderboard import Verdict
from proctor.spec.verdicts import Finding, changed_case, compare_predictions, compare_scores

if TYPE_CHECKING:
    from proctor.spec.archive import ArchiveManifest
    from proctor.spec.work import CaseReport
    from proctor_runner.archived_run import ArchivedWork, Inferred
    from proctor_runner.rescoring import Rescored


@dataclass(frozen=True)
class _Judged:
    """What came of one task: how it compares, and scores by both versions of the metrics."""

    work: ArchivedWork
    inferred: Inferred
    finding: Finding | None
    archived: Rescored | None
    present: Rescored


def rerun_archive(path: Path, sandbox: str, style: Format, *, trust_metrics: bool) -> Exit:
    """Check an archive, run its model again here, score it twice and print what came of it.

    Returns:
        FAILED when a task came out different or failed, else OK.

    Raises:
        CommandError: The archive is damaged or holds nothing to run, or could only be run
            unconfined, which nobody asked for.
    """
    from proctor.cli.local_runs import images_folder
    from proctor.cli.sandboxes import usable_sandbox
    from proctor_runner.archived_run import work_of

    with open_archive(path) as archive, TemporaryDirectory(prefix="proctor-rerun-") as scratch:
        manifest = archive.manifest
        if not manifest.rerunnable:
            archive.check()
            raise CommandError(
                f"{path} holds predictions that were entered, not a model: nothing can be run"
                " again. Every digest in it is right."
            )
        folder = Path(scratch) / "files"
        folder.mkdir()
        blobs = archive.unpack(folder)
        say(f"{path}: {len(manifest.files)} files, every digest is right.")
        _introduce(manifest)
        name = usable_sandbox(sandbox, images_folder(), say)
        if name == "process" and sandbox != name:
            raise CommandError(
                "Without Docker the archive's model would run with your rights.",
                "Start Docker; or, if you trust whoever made it, give --sandbox process.",
            )
        judged = [
            _judge(work, Path(scratch) / f"task-{number}", name, trust_metrics)
            for number, work in enumerate(work_of(manifest, blobs))
        ]
        return _show(manifest, judged, style)


def _introduce(manifest: ArchiveManifest) -> None:
    submission = manifest.submission
    say(
        f"{submission.card.title or submission.card.name} by {submission.participant}, entered in"
        f" {manifest.challenge.slug} as {submission.id}."
    )
    if any(task.hidden is None for task in manifest.tasks):
        say(
            "The archive holds no hidden data, so the model answers the public sample;"
            f" `proctor rerun {submission.id}` asks the platform for the hidden cases."
        )


def _judge(work: ArchivedWork, state: Path, sandbox: str, trust_metrics: bool) -> _Judged:
    from proctor.cli.local_runs import case_progress
    from proctor_runner.archived_run import infer_anew, score_order
    from proctor_runner.rescoring import score_here

    state.mkdir()
    with case_progress(work.task.slug) as progress:
        inferred = infer_anew(work, state, sandbox, progress)
    reports = _whole(work, inferred)
    package = _archived_metrics(work, state / "metrics", trust_metrics)
    order = score_order(work, reports)
    present = score_here(order, inferred.blobs, sandbox)
    archived = _elsewhere(order, inferred.blobs, package, sandbox)
    finding = _compare(work, inferred, reports, package, sandbox)
    return _Judged(work, inferred, finding, archived, present)


def _whole(work: ArchivedWork, inferred: Inferred) -> dict[str, CaseReport]:
    """Return a report for every case: one that a failed run did not come to has its outcome."""
    from proctor.spec.work import CaseReport

    return {
        case.id: inferred.reports.get(case.id)
        or CaseReport(fence=1, case=case.id, outcome=inferred.outcome)
        for case in work.data.inputs.cases
    }


def _archived_metrics(work: ArchivedWork, folder: Path, trusted: bool) -> Path | None:
    """Return where the archive's metric package was laid out, if there is one that may run.

    Installed code may run in any case. Other code is the archive's, and runs only when its digest
    is the one that the scores name and the person said that whoever made it is trusted.
    """
    from proctor_runner.metric_wheel import metric_code_digest
    from proctor_runner.rescoring import RescoringError, unpack_wheel

    scoring = work.task.run.evaluation
    if scoring is None or scoring.wheel is None:
        say(f"{work.task.slug}: the archive holds no metrics; only those installed here score.")
        return None
    if scoring.code_digest != metric_code_digest():
        made = f"Proctor {scoring.libraries.get('proctor', 'of an unknown version')}"
        if not trusted:
            say(
                f"{work.task.slug}: the archive was scored with other metrics ({made}). They are"
                " Python code of whoever made the archive and would run with your rights, outside"
                " the sandbox; give --trust-metrics to score with them too."
            )
            return None
        say(
            f"{work.task.slug}: running the archive's metrics ({made}): code of whoever made the"
            " archive, with your rights, outside the sandbox."
        )
    folder.mkdir()
    try:
        return unpack_wheel(work.blobs[scoring.wheel.digest], folder, scoring.code_digest)
    except RescoringError as error:
        raise CommandError(f"The archived metrics cannot be used: {error}.") from error


def _elsewhere(
    order: object, blobs: Mapping[str, Path], package: Path | None, sandbox: str
) -> Rescored | None:
    from proctor.spec.work import ScoreOrder
    from proctor_runner.rescoring import RescoringError, score_elsewhere

    if package is None or not isinstance(order, ScoreOrder):
        return None
    try:
        return score_elsewhere(order, blobs, package, sandbox)
    except RescoringError as error:
        say(f"The archived metrics do not work with this Proctor: {error}.")
        return None


def _compare(
    work: ArchivedWork,
    inferred: Inferred,
    reports: Mapping[str, CaseReport],
    package: Path | None,
    sandbox: str,
) -> Finding | None:
    """Return the verdict beside the archived predictions on the same cases, if there are any."""
    from proctor.spec.outcomes import OUTCOMES, Code, Owner
    from proctor_runner.archived_run import kept_answers, kept_reports, score_order
    from proctor_runner.rescoring import score_here

    if inferred.outcome is not Code.OK:
        say(f"{work.task.slug}: {inferred.outcome.value}: {inferred.detail}")
        if OUTCOMES[inferred.outcome].owner is Owner.PARTICIPANT:
            return Finding(Verdict.DIFFERENT, f"The run failed with {inferred.outcome.value}.")
        return None
    if work.before is None:
        return None
    before = kept_answers(work.before)
    finding = compare_predictions(before, inferred.answers)
    if finding is not None:
        return finding
    orders = [score_order(work, kept_reports(work.before)), score_order(work, reports)]
    scored = [
        _elsewhere(order, inferred.blobs, package, sandbox)
        or score_here(order, inferred.blobs, sandbox)
        for order in orders
    ]
    return compare_scores(
        scored[0].scores,
        scored[1].scores,
        work.local.task.rerun_tolerance,
        changed_case(before, inferred.answers),
    )


def _show(manifest: ArchiveManifest, judged: list[_Judged], style: Format) -> Exit:
    from proctor.cli.reruns import environment_difference, tell_changes
    from proctor.spec.outcomes import Code

    scores = [row for one in judged for row in _score_rows(one)]
    verdicts: list[dict[str, object]] = []
    document = []
    for one in judged:
        before = one.work.before
        changes = environment_difference(
            before.environment if before else None, one.inferred.environment
        )
        row: dict[str, object] = {
            "submission": manifest.submission.id,
            "task": one.work.task.slug,
            "split": one.work.split,
            "verdict": one.finding.verdict.value if one.finding else None,
            "detail": one.finding.detail if one.finding else _no_verdict(one),
        }
        verdicts.append(row)
        document.append(row | {"environment": {name: list(pair) for name, pair in changes.items()}})
        if before is not None:
            tell_changes(changes)
    if style is Format.TABLE:
        emit(scores, style)
    emit(verdicts, style, document={"verdicts": document, "scores": scores})
    fine = all(
        one.inferred.outcome is Code.OK
        and (one.finding is None or one.finding.verdict is not Verdict.DIFFERENT)
        for one in judged
    )
    return Exit.OK if fine else Exit.FAILED


def _no_verdict(one: _Judged) -> str:
    if one.work.before is None:
        return "The archive keeps no predictions on the sample, so there is nothing to compare."
    return one.inferred.detail


def _score_rows(one: _Judged) -> list[dict[str, object]]:
    """Return a row a column: what the archive says, and what both versions of the metrics say."""
    scoring = one.work.task.run.evaluation
    told = (
        {(score.metric, score.label): score.value for score in scoring.scores}
        if scoring is not None and one.work.split == "hidden"
        else {}
    )
    archived = one.archived.columns if one.archived else {}
    columns = list(one.present.columns) + [
        key for key in archived if key not in one.present.columns
    ]
    return [
        {
            "task": one.work.task.slug,
            "split": one.work.split,
            "metric": metric,
            "label": label,
            "in the archive": told.get((metric, label)),
            "archived metrics": archived.get((metric, label)),
            "current metrics": one.present.columns.get((metric, label)),
        }
        for metric, label in columns
    ]
