"""Runs a model on a split of a challenge on this machine, without any platform.

It is the run job and the score job of a worker at another desk: the same sandbox, limits, decoding
and metrics, and no second copy of any of them. Only here may one process see model and reference,
since both are its user's own.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from proctor.spec.base import FileRef
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.contract import ForeignContract
from proctor.spec.dataset import SplitData
from proctor.spec.digests import (
    digest_bytes,
    digest_file,
)
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code, ParticipantError, PlatformError
from proctor.spec.ranking import BootstrapSpec
from proctor.spec.task import TaskSpec
from proctor.spec.work import (
    CaseReport,
    Environment,
    FolderContent,
    ImageContent,
    OrderCase,
    RunOrder,
    ScoreCase,
    ScoreOrder,
)
from proctor_runner.challenge_folder import load_challenge, metric_sources
from proctor_runner.datasets import build_split
from proctor_runner.gpus.held import HeldGpus, held_for
from proctor_runner.gpus.interface import OpenDriver
from proctor_runner.gpus.nvml import open_nvml
from proctor_runner.local_model import prepare
from proctor_runner.measuring import measure
from proctor_runner.model_folder import MODEL_CARD, permitted, read_card
from proctor_runner.run_work import run_cases
from proctor_runner.sandbox.interface import Guard, Program
from proctor_runner.sandbox.slot_folder import FILE_MODE
from proctor_runner.sandbox.slots import shared_folder
from proctor_runner.score_work import score_cases
from proctor_runner.scoring import Scores
from proctor_runner.workshop import RunTools, SandboxWorkshop, Workshop

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how many cases of how many are done."""


@dataclass(frozen=True)
class LocalTask:
    """A task on this machine: what an order would bring, and where its files lie."""

    challenge: str
    task: TaskSpec
    limits: Limits
    bootstrap: BootstrapSpec
    data: SplitData
    blobs: Mapping[str, Path]


@dataclass(frozen=True)
class LocalReport:
    """What a model did on one task.

    Attributes:
        outcome: OK, or why the run failed; with OK single cases may still have failed.
        logs: What the model printed, by case.
        scores: None when the run failed, or was not to be scored.
        declared: The protocols that the model says it speaks.
        enforced: The promises that the sandbox kept.
        metadata: What was measured of the model, where that was asked for.
    """

    task: str
    outcome: Code
    detail: str
    model_s: float
    cases: tuple[CaseReport, ...]
    logs: Mapping[str, bytes]
    scores: Scores | None
    environment: Environment
    declared: frozenset[Protocol] = frozenset({Protocol.CASE})
    enforced: frozenset[Guard] = frozenset()
    metadata: DetectedMetadata | None = None


def run_local(
    challenge_folder: Path,
    model: Path | str,
    split: str = "sample",
    sandbox: str = "auto",
    progress: Progress = lambda _stage, _done, _total: None,
) -> list[LocalReport]:
    """Run ``model`` on every task of the challenge it is for, and score it.

    Args:
        model: A model folder, a ``docker save`` archive, or the name of a local image.
        split: ``sample`` or ``hidden``.

    Raises:
        ChallengeInvalidError: the challenge cannot be used.
        ParticipantError: the model cannot be used.
        OrganizerError: a reference or a metric cannot be used.
        PlatformError: the sandbox cannot be used.
    """
    spec = load_challenge(challenge_folder)
    wanted = read_card(model).tasks if isinstance(model, Path) and model.is_dir() else ()
    tasks = local_tasks(challenge_folder, spec, split)
    chosen = [task for task in tasks if not wanted or task.task.slug in wanted]
    if not chosen:
        raise ParticipantError(
            Code.FOLDER_REJECTED, f"{MODEL_CARD} names no task of {spec.slug}: {list(wanted)}"
        )
    return [run_local_task(task, model, sandbox, progress) for task in chosen]


def local_tasks(folder: Path, spec: ChallengeSpec, split: str) -> list[LocalTask]:
    """Return every task of a challenge's folder, with limits and draws of its first phase.

    Raises:
        ChallengeInvalidError: files are missing or cases disagree.
    """
    found = []
    for index, task in enumerate(spec.tasks):
        phase = next((phase for phase in spec.phases if task.slug in phase.tasks), spec.phases[0])
        blobs: dict[str, Path] = {}
        data = build_split(folder, task, split, f"tasks[{index}]", blobs)
        blobs |= metric_sources(folder, spec)
        found.append(LocalTask(spec.slug, task, phase.limits, phase.ranking.bootstrap, data, blobs))
    return found


def scorable(task: TaskSpec, blobs: Collection[str]) -> TaskSpec:
    """Return a task without those metrics of its organizer's whose file is not here.

    The platform hands the file to organizers and scorings alone, and so does a public archive.
    """
    return task.model_copy(
        update={
            "metrics": tuple(
                metric
                for metric in task.metrics
                if metric.custom is None
                or all(file.digest in blobs for file in metric.custom.content)
            )
        }
    )


def run_local_task(
    local: LocalTask,
    model: Path | str,
    sandbox: str = "auto",
    progress: Progress = lambda _stage, _done, _total: None,
    workshop: Workshop | None = None,
    weights: Path | None = None,
    open_driver: OpenDriver = open_nvml,
    contract: ForeignContract | None = None,
    protocol: Protocol | None = None,
    measured: bool = False,
    scored: bool = True,
) -> LocalReport:
    """Run ``model`` on one task and score it; see ``run_local``.

    Args:
        weights: A folder to mount at /model beside an image, or where its contract says.
        contract: Of another system, which an image keeps.
        protocol: Speak this one to it alone; any that it declares when not given.
        measured: Find out what the model is made of, too.
        scored: Score what it answered.
        open_driver: What knows the GPUs of this host; asked where the phase asks for some.
    """
    with (
        tempfile.TemporaryDirectory(prefix="proctor-") as name,
        _gpus_for(local.limits, open_driver) as gpus,
    ):
        state = Path(name)
        workshop = workshop or SandboxWorkshop(sandbox, state, "local", gpus=gpus)
        desk = LocalDesk(local.blobs, state / "stored", progress)
        (state / "cases").mkdir()
        with workshop.open(state / "cases") as tools:
            desk.progress("preparing", 0, len(local.data.inputs.cases))
            content, program = prepare(model, weights, desk, tools, state / "model", contract)
            declared = program.protocols
            if protocol is not None:
                program = replace(program, protocols=frozenset({protocol}))
            order = _run_order(local, content, permitted(local.limits, model))
            outcome = run_cases(order, program, desk, tools.bench)
            metadata = None
            if measured:
                (state / "described").mkdir()
                metadata = measure(
                    program,
                    content,
                    tools.bench.sandbox,
                    order.limits,
                    state / "described",
                    work=order.id,
                    image_bytes=image_bytes(program, tools),
                )
            scores = None
            if scored and outcome.code is Code.OK:
                scores = score_cases(
                    local_score_order(local, desk.reports), desk, lambda: nullcontext(tools)
                )
            return LocalReport(
                task=local.task.slug,
                outcome=outcome.code,
                detail=outcome.detail,
                model_s=outcome.model_s,
                cases=tuple(
                    desk.reports[case.id] for case in order.cases if case.id in desk.reports
                ),
                logs={
                    report.case: desk.fetch(report.log).read_bytes()
                    for report in desk.reports.values()
                    if report.log is not None
                },
                scores=scores,
                environment=tools.environment,
                declared=declared,
                enforced=tools.bench.sandbox.enforces,
                metadata=metadata,
            )


@dataclass
class LocalDesk:
    """A desk that is a folder: blobs lie where they lie, what is stored is copied to ``stored``."""

    blobs: Mapping[str, Path]
    stored: Path
    tell: Progress
    reports: dict[str, CaseReport] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stored.mkdir()
        self.blobs = dict(self.blobs)

    def fetch(self, file: FileRef) -> Path:
        """Return where the file lies.

        Raises:
            PlatformError: STORAGE_FAILED, it changed since it was digested.
        """
        path = self.blobs.get(file.digest) or self.stored / file.digest.removeprefix("sha256:")
        if not path.is_file() or path.stat().st_size != file.size:
            raise PlatformError(Code.STORAGE_FAILED, f"{path} changed while it was in use")
        return path

    def store(self, path: Path) -> FileRef:
        """Copy the file."""
        file = digest_file(path)
        target = self.stored / file.digest.removeprefix("sha256:")
        if not target.exists():
            shutil.copyfile(path, target)
            target.chmod(FILE_MODE)
        return file

    def store_bytes(self, content: bytes) -> FileRef:
        """Write the bytes, for a model to read whatever this person's umask is."""
        file = FileRef(digest=digest_bytes(content), size=len(content))
        path = self.stored / file.digest.removeprefix("sha256:")
        if not path.exists():
            path.write_bytes(content)
            path.chmod(FILE_MODE)
        return file

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None:
        """Tell whoever looks on."""
        self.tell(stage, cases_done, cases_total)

    def stopped(self) -> bool:
        """Go on; Ctrl-C ends a local run."""
        return False

    def intake_passed(self) -> None:
        """Note nothing: a local run waits for no acceptance."""

    def report_case(self, report: CaseReport) -> None:
        """Keep the first report of each case."""
        self.reports.setdefault(report.case, report)


def _gpus_for(limits: Limits, open_driver: OpenDriver) -> AbstractContextManager[HeldGpus | None]:
    if limits.gpu is None:
        return nullcontext()
    return held_for(open_driver, shared_folder(), limits.gpu)


def image_bytes(program: Program, tools: RunTools) -> int | None:
    """Return the size of a program's image, if it has one."""
    return tools.shelf.facts(program.image_id).size_bytes if program.image_id else None


def _run_order(local: LocalTask, content: FolderContent | ImageContent, limits: Limits) -> RunOrder:
    cases = local.data.inputs.cases
    return RunOrder(
        id=new_id(Kind.RUN),
        fence=1,
        token="",
        lease_s=0,
        submission="local",
        challenge=local.challenge,
        phase="local",
        content=content,
        intake=False,
        task=local.task,
        limits=limits,
        cases=tuple(
            OrderCase(id=case.id, alias=secrets.token_hex(8), items=case.items, files=case.files)
            for case in cases
        ),
        cases_total=len(cases),
    )


def local_score_order(local: LocalTask, reports: Mapping[str, CaseReport]) -> ScoreOrder:
    """Return the order to score what a run on this machine reported."""
    references = {case.id: case.files for case in local.data.reference.cases}
    return ScoreOrder(
        id=new_id(Kind.EVALUATION),
        fence=1,
        token="",
        lease_s=0,
        run="local",
        challenge=local.challenge,
        task=local.task,
        cases=tuple(
            ScoreCase(
                id=case.id,
                group=case.group,
                strata=case.strata,
                items=case.items,
                outcome=reports[case.id].outcome,
                predictions=reports[case.id].predictions,
                reference=references[case.id],
            )
            for case in local.data.inputs.cases
        ),
        inputs_digest=local.data.inputs.digest(),
        bootstrap=local.bootstrap,
    )
