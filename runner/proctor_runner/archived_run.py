"""Runs an archived submission anew on this machine: the archive's model, aliases, seed and limits.

Everything it needs comes from the archive by digest. An image of the archive is checked as any
other stranger's before it is loaded, the runtime image too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proctor.spec.archive import ArchivedCase, ArchivedRun, ArchivedTask, ArchiveManifest
from proctor.spec.dataset import SplitData
from proctor.spec.identifiers import Kind, alias_of, new_id
from proctor.spec.outcomes import Code, ParticipantError
from proctor.spec.verdicts import Answer
from proctor.spec.work import (
    CaseReport,
    Environment,
    FolderContent,
    ImageContent,
    OrderCase,
    RunOrder,
    ScoreOrder,
)
from proctor_runner.local import LocalDesk, LocalTask, Progress, local_score_order, scorable
from proctor_runner.model_program import model_program
from proctor_runner.run_work import run_cases
from proctor_runner.sandbox.interface import Program
from proctor_runner.workshop import RunTools, SandboxWorkshop, Workshop


@dataclass(frozen=True)
class ArchivedWork:
    """A task of an archive on the split that can be run here.

    Attributes:
        split: ``hidden`` where the archive is sealed, else ``sample``.
        before: The run on that split which is kept, if one is.
    """

    manifest: ArchiveManifest
    task: ArchivedTask
    split: str
    data: SplitData
    before: ArchivedRun | None
    blobs: Mapping[str, Path]

    @property
    def local(self) -> LocalTask:
        """The same as any task on this machine."""
        challenge = self.manifest.challenge
        phase = challenge.phase(self.manifest.submission.phase)
        return LocalTask(
            challenge.slug,
            scorable(challenge.task(self.task.slug), self.blobs),
            self.manifest.submission.card.resources.within(phase.limits),
            phase.ranking.bootstrap,
            self.data,
            self.blobs,
        )


@dataclass(frozen=True)
class Inferred:
    """What the model did this time; ``blobs`` has its predictions too."""

    outcome: Code
    detail: str
    reports: Mapping[str, CaseReport]
    blobs: Mapping[str, Path]
    environment: Environment

    @property
    def answers(self) -> dict[str, Answer]:
        """How every case ended."""
        return {
            case: Answer(
                report.outcome.value,
                {name: file.digest for name, file in report.predictions.items()},
            )
            for case, report in self.reports.items()
        }


def work_of(manifest: ArchiveManifest, blobs: Mapping[str, Path]) -> list[ArchivedWork]:
    """Return what can be run here: each task on hidden data if it is there, else on the sample.

    On the sample only the cases that the try-out answered are asked, where one is kept.
    """
    found = []
    for task in manifest.tasks:
        if task.hidden is not None:
            found.append(ArchivedWork(manifest, task, "hidden", task.hidden, task.run, blobs))
            continue
        kept = {case.id for case in task.tryout.cases} if task.tryout else None
        data = task.sample if kept is None else task.sample.only(kept)
        found.append(ArchivedWork(manifest, task, "sample", data, task.tryout, blobs))
    return found


def infer_anew(
    work: ArchivedWork,
    state: Path,
    sandbox: str,
    progress: Progress,
    workshop: Workshop | None = None,
) -> Inferred:
    """Let the archived model answer every case once more, in a new container.

    Args:
        state: An empty folder of this run's own; predictions stay in it.

    Raises:
        PlatformError: the sandbox cannot be used.
    """
    desk = LocalDesk(work.blobs, state / "stored", progress)
    (state / "cases").mkdir()
    order = _order(work)
    with (workshop or SandboxWorkshop(sandbox, state, "local")).open(state / "cases") as tools:
        desk.progress("preparing", 0, len(order.cases))
        try:
            program = _program(order, desk, tools, state / "model")
            ended = run_cases(order, program, desk, tools.bench)
            outcome, detail = ended.code, ended.detail
        except ParticipantError as error:
            outcome, detail = error.code, error.detail
        blobs = dict(work.blobs)
        for report in desk.reports.values():
            blobs |= {file.digest: desk.fetch(file) for file in report.predictions.values()}
        return Inferred(outcome, detail, desk.reports, blobs, tools.environment)


def score_order(work: ArchivedWork, reports: Mapping[str, CaseReport]) -> ScoreOrder:
    """Return the order to score these reports of the work's cases; private ones stay apart."""
    order = local_score_order(work.local, reports)
    scoring = work.task.run.evaluation
    if scoring is None or not scoring.private_cases:
        return order
    private = set(scoring.private_cases)
    cases = tuple(case.model_copy(update={"private": case.id in private}) for case in order.cases)
    return order.model_copy(update={"cases": cases})


def kept_reports(run: ArchivedRun) -> dict[str, CaseReport]:
    """Return what an archive keeps of a run's cases, as the run reported it."""
    return {case.id: _report(case) for case in run.cases}


def kept_answers(run: ArchivedRun) -> dict[str, Answer]:
    """Return how every case of an archived run ended."""
    return {
        case.id: Answer(
            case.outcome.value, {name: file.digest for name, file in case.predictions.items()}
        )
        for case in run.cases
    }


def _report(case: ArchivedCase) -> CaseReport:
    return CaseReport(
        fence=1, case=case.id, outcome=case.outcome, predictions=dict(case.predictions)
    )


def _order(work: ArchivedWork) -> RunOrder:
    local, content = work.local, work.manifest.submission.content
    assert isinstance(content, FolderContent | ImageContent)  # noqa: S101
    seed = (work.before or work.task.run).alias_seed
    return RunOrder(
        id=new_id(Kind.RUN),
        fence=1,
        token="",
        lease_s=0,
        submission=work.manifest.submission.id,
        challenge=local.challenge,
        phase=work.manifest.submission.phase,
        content=content,
        runtime=work.manifest.runtime,
        intake=True,
        task=local.task,
        limits=local.limits,
        cases=tuple(
            OrderCase(id=case.id, alias=alias_of(seed, case.id), items=case.items, files=case.files)
            for case in work.data.inputs.cases
        ),
        cases_total=len(work.data.inputs.cases),
    )


def archived_program(work: ArchivedWork, desk: LocalDesk, tools: RunTools, folder: Path) -> Program:
    """Return the archived model as a program, checked as any other stranger's.

    Args:
        folder: Where a model folder, or the weights of an image, are laid out; it must not exist.

    Raises:
        ParticipantError: IMAGE_REJECTED or FOLDER_REJECTED.
        PlatformError: something of ours failed.
    """
    return _program(_order(work), desk, tools, folder)


def _program(order: RunOrder, desk: LocalDesk, tools: RunTools, folder: Path) -> Program:
    images = tools.bench.sandbox.name != "process"
    if images and order.runtime is not None:
        # The runtime image is a stranger's as well: here no organizer vouches for it.
        image = order.runtime.image
        files = {file.digest: file for file in (image.config, *image.layers)}
        tools.shelf.ensure(image, lambda digest: desk.fetch(files[digest]).open("rb"), check=True)
    return model_program(order, desk, tools.shelf, folder, images)
