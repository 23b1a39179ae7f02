"""Scores a folder of predictions against a folder of references."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from proctor.spec.digests import digest_document
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.ranking import BootstrapSpec
from proctor.spec.task import (
    InputSpec,
    InputType,
    MetricSpec,
    OutputSpec,
    OutputType,
    ReferenceSpec,
    ReferenceType,
    SplitSpec,
    TaskData,
    TaskSpec,
)
from proctor.spec.work import ScoreCase
from proctor_metrics.cases import BACKGROUND, MetricInputError
from proctor_metrics.metric import CaseType, Metric, PerItemMetric
from proctor_metrics.registry import MetricParameterError, resolve
from proctor_runner.folders.cases import Loaded, MaskFiles, TableFiles
from proctor_runner.folders.errors import FolderError
from proctor_runner.folders.layout import Layout, find_layout
from proctor_runner.folders.masks import MASK_SUFFIXES, labels_in
from proctor_runner.folders.pairs import FilePair, Pairs, pair_files
from proctor_runner.folders.results import NO_WORST, FolderScores, metric_results, metric_title
from proctor_runner.folders.tables import TABLE_SUFFIXES
from proctor_runner.pairings import metric_labels
from proctor_runner.references import make_case
from proctor_runner.score_tables import REFUSED
from proctor_runner.scoring import CaseScores, Scorer
from proctor_runner.side_by_side import Done, ProcessDiedError, side_by_side

OUTPUT, REFERENCE, GRID = "prediction", "reference", "grid"
"""What both sides and the grid are called in the task that is made of two folders."""

_TABLES = (
    frozenset({CaseType.CLASSES, CaseType.TABLE}),
    frozenset({CaseType.VALUES}),
    frozenset({CaseType.MULTILABEL}),
    frozenset({CaseType.SURVIVAL}),
)

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

Progress = Callable[[int, int], None]
"""Told how many cases of how many are done."""


@dataclass(frozen=True)
class FolderRequest:
    """What is to be scored, and how.

    Attributes:
        metrics: their output and reference are `OUTPUT` and `REFERENCE`.
        labels: by number; found in the files where none are given.
        regions: of masks, by name the labels that make them up.
        spacing_mm: of masks, in place of what the files say.
    """

    predictions: Path
    references: Path
    metrics: tuple[MetricSpec, ...]
    labels: Mapping[int, str] = field(default_factory=dict)
    regions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    spacing_mm: tuple[float, ...] | None = None
    bootstrap: BootstrapSpec = field(default_factory=BootstrapSpec)
    jobs: int = 0


@dataclass(frozen=True)
class _Plan:
    """What another process must know to score a case."""

    task: TaskSpec
    files: MaskFiles | TableFiles
    bootstrap: BootstrapSpec
    digest: str


@dataclass(frozen=True)
class _Scored:
    """One case and its numbers; ``place`` keeps the order of names."""

    place: int
    loaded_name: str
    items: int
    numbers: CaseScores
    answered: bool
    problem: str
    notes: tuple[str, ...]


def score_folders(
    request: FolderRequest, progress: Progress = lambda _done, _total: None
) -> FolderScores:
    """Score every case of two folders.

    Raises:
        FolderError: they cannot be scored; what is wrong with one prediction costs that case only.
    """
    metrics = {spec.id: _resolved(spec) for spec in request.metrics}
    kinds = {metric.case_type for _, metric in metrics.values()}
    masks = kinds <= {CaseType.MASK, CaseType.OBJECTS}
    if not masks and not any(kinds <= together for together in _TABLES):
        raise _kinds_apart([metric for _, metric in metrics.values()])
    pairs = pair_files(
        request.predictions, request.references, MASK_SUFFIXES if masks else TABLE_SUFFIXES
    )
    jobs = request.jobs or len(os.sched_getaffinity(0))
    notes = []
    layout: Layout | None = None
    if masks:
        # Files that name labels most often name the background too.
        named = {value: name for value, name in request.labels.items() if value != BACKGROUND}
        labels: Mapping[int, str] = named
        if not named:
            labels, strange = _labels_of(pairs, jobs)
            found = ", ".join(str(label) for label in labels)
            notes.append(f"Labels found in the files: {found}. --labels names them.")
            if strange:
                notes.append(
                    f"No reference holds {', '.join(map(str, strange))}: a structure that only"
                    " predictions have moves the mean. --labels says which there are."
                )
        if request.spacing_mm is None and pairs.cases[0].reference.suffix not in (
            ".gz",
            ".nii",
            ".mha",
            ".nrrd",
        ):
            notes.append("The files give no spacing: a voxel is taken as 1 mm; --spacing tells.")
    else:
        layout = find_layout(kinds, pairs.cases, request.labels)
        labels = layout.labels
    task = _task(request, [spec for spec, _ in metrics.values()], labels, layout)
    for spec, metric in metrics.values():
        try:
            metric_labels(task, spec, metric)
        except ValueError as error:
            raise FolderError(
                f"{error}.",
                "A table has a score for every class, a label_list the class itself.",
            ) from None
    plan = _Plan(
        task,
        MaskFiles(request.spacing_mm) if layout is None else TableFiles(layout),
        request.bootstrap,
        digest_document([case.name for case in pairs.cases]),
    )
    return _scored(plan, pairs, metrics, jobs, notes, progress)


def _scored(
    plan: _Plan,
    pairs: Pairs,
    metrics: Mapping[str, tuple[MetricSpec, Metric]],
    jobs: int,
    notes: list[str],
    progress: Progress,
) -> FolderScores:
    scorer = Scorer(plan.task, plan.bootstrap, plan.digest)
    names: dict[str, str] = {}
    refused: dict[str, str] = {}
    missing: list[str] = []
    found: list[_Scored] = []
    numbered = list(enumerate(pairs.cases))
    work = partial(_score_pair, plan)
    for done in _each(work, numbered, jobs, lambda one: one[1].reference, progress):
        found += done.made
    for number, one in enumerate(sorted(found, key=lambda one: one.place)):
        case = _case(number, one.items)
        names[case.id] = one.loaded_name
        if one.problem:
            refused[one.loaded_name] = one.problem
        elif not one.answered:
            missing.append(one.loaded_name)
        notes += one.notes
        scorer.take(case, one.numbers)
    if refused and len(refused) + len(missing) == len(names):
        raise FolderError(
            f"No prediction can be held against its reference. {next(iter(refused.values()))}"
        )
    for spec, _ in metrics.values():
        if spec.worst == NO_WORST and (missing or refused):
            raise FolderError(
                f"{len(missing) + len(refused)} of {len(names)} cases have no prediction, or one"
                f" that is refused, and {spec.name} has no worst value of its own. The first:"
                f" {next(iter([*refused.values(), *missing]))}",
                f"Say what they count as: {spec.name}:worst=VALUE.",
            )
    return FolderScores(
        metrics=metric_results(
            scorer.finish(),
            {spec.id: (metric_title(spec), metric) for spec, metric in metrics.values()},
            names,
        ),
        cases=tuple(names.values()),
        missing=tuple(missing),
        refused=refused,
        without_reference=tuple(str(path) for path in pairs.without_reference),
        notes=tuple(notes),
    )


def _score_pair(plan: _Plan, numbered: tuple[int, FilePair]) -> list[_Scored]:
    place, pair = numbered
    scorer = Scorer(plan.task, plan.bootstrap, plan.digest)
    found = []
    for loaded in plan.files.load(pair):
        case = _case(place, loaded.items)
        answers = {} if loaded.answer is None else {OUTPUT: loaded.answer}
        try:
            numbers = scorer.score(case, answers, {REFERENCE: loaded.reference})
        except OrganizerError as error:
            said = error.detail.replace(case.id, loaded.name)
            hint = "--labels says which there are." if "unknown label" in said else ""
            raise FolderError(f"{pair.reference}: {said}.", hint) from None
        problem = loaded.problem
        if not problem and any(one.lost == REFUSED for one in numbers):
            problem = f"{pair.prediction}: {_why(plan.task, loaded)}."
        notes = [loaded.note] if loaded.note else []
        if not problem:
            notes += _refusals(plan.task, loaded, numbers, pair)
        answered = loaded.answer is not None
        found.append(
            _Scored(place, loaded.name, loaded.items, numbers, answered, problem, tuple(notes))
        )
    return found


def _refusals(task: TaskSpec, loaded: Loaded, numbers: CaseScores, pair: FilePair) -> Iterator[str]:
    """Yield why single metrics refuse an answer that others take."""
    for spec, one in zip(task.metrics, numbers, strict=True):
        if one.columns is None or REFUSED not in one.columns.flags:
            continue
        metric = resolve(spec.name, spec.parameters, worst=spec.worst)
        try:
            if isinstance(metric, PerItemMetric):
                metric.per_item(
                    make_case(task, OUTPUT, loaded.name, loaded.answer, loaded.reference)
                )
        except MetricInputError as error:
            yield f"{spec.name} refuses {pair.prediction}: {error}. It counts at the worst value."


def _why(task: TaskSpec, loaded: Loaded) -> str:
    try:
        make_case(task, OUTPUT, loaded.name, loaded.answer, loaded.reference)
    except MetricInputError as error:
        return str(error)
    return "a metric refuses it"


def _case(place: int, items: int) -> ScoreCase:
    case = f"c{place:07d}"
    return ScoreCase(
        id=case,
        group=case,
        strata={},
        items=items,
        outcome=Code.OK,
        predictions={},
        reference={},
    )


def _labels_of(pairs: Pairs, jobs: int) -> tuple[dict[int, str], list[int]]:
    """Return the labels in all files, and those that no reference has."""
    paths = [path for case in pairs.cases for path in (case.reference, case.prediction) if path]
    references = {case.reference for case in pairs.cases}
    found: set[int] = set()
    known: set[int] = set()
    for done in _each(labels_in, paths, jobs, lambda path: path):
        if done.given in references:
            if min(done.made, default=1) < 1:
                raise FolderError(
                    f"{done.given} holds {min(done.made)}; labels are numbers from 1."
                )
            known |= done.made
        # A prediction with any other number is refused when its turn comes.
        found |= {label for label in done.made if label > 0}
    if not found:
        raise FolderError("Every label map is empty.", "Name the labels: --labels 1=lesion.")
    return {label: str(label) for label in sorted(found)}, sorted(found - known)


def _each(
    work: Callable[[_Given], _Made],
    given: Sequence[_Given],
    jobs: int,
    file: Callable[[_Given], Path],
    progress: Progress = lambda _done, _total: None,
) -> Iterator[Done[_Given, _Made]]:
    total = len(given)
    try:
        yield from side_by_side(work, given, total, jobs, lambda n: progress(n, total))
    except ProcessDiedError as error:
        raise FolderError(
            f"The process that was at {file(error.given)} ended {error.reason}.",
            "Try again with --jobs 1.",
        ) from None


def _resolved(spec: MetricSpec) -> tuple[MetricSpec, Metric]:
    """Return a metric that has a worst value, be it a stand-in that no case may take."""
    try:
        return spec, resolve(spec.name, spec.parameters, worst=spec.worst)
    except MetricParameterError as error:
        if error.field != "worst" or spec.worst is not None:
            raise
    stood_in = spec.model_copy(update={"worst": NO_WORST})
    return stood_in, resolve(spec.name, spec.parameters, worst=NO_WORST)


def _task(
    request: FolderRequest,
    metrics: list[MetricSpec],
    labels: Mapping[int, str],
    layout: Layout | None,
) -> TaskSpec:
    split = SplitSpec(inputs=".", reference=".")
    if layout is None:
        output = OutputSpec(type=OutputType.MASK_IMAGE, file="prediction.nii.gz", grid=GRID)
        kind, file = ReferenceType.MASK_IMAGE, "{case}.nii.gz"
    else:
        output = OutputSpec(type=layout.answer, file="prediction.csv", columns=layout.columns)
        kind, file = layout.reference, "{case}.npy"
    return TaskSpec(
        slug="folders",
        title="Two folders",
        inputs={GRID: InputSpec(type=InputType.VOLUME, file="{case}.nii.gz")},
        outputs={OUTPUT: output},
        reference={REFERENCE: ReferenceSpec(type=kind, file=file)},
        labels=dict(labels),
        regions=dict(request.regions),
        data=TaskData(hidden=split, sample=split),
        metrics=tuple(metrics),
        primary=metrics[0].id,
    )


def _kinds_apart(metrics: list[Metric]) -> FolderError:
    of_kind: dict[CaseType, str] = {}
    for metric in metrics:
        of_kind.setdefault(metric.case_type, metric.name)
    alone = [kind for kind in of_kind if kind in (CaseType.BOXES, CaseType.TEXT)]
    if alone:
        return FolderError(
            f"{of_kind[alone[0]]} is of {alone[0]}, which folders are not scored by.",
            "Make a challenge of them: `proctor challenge init`, then `proctor run`.",
        )
    said = ", ".join(f"{name} is of {kind}" for kind, name in of_kind.items())
    return FolderError(f"One folder holds one kind of answer: {said}.", "Score them one by one.")
