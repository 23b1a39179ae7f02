"""Everything that can be wrong with a challenge and can be found without a platform.

``check_challenge`` reports all problems at once, each with a file and a field. It runs no model:
scoring the baselines is ``local``'s part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from proctor.spec.card.reading import CardError, read_card_file
from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.digests import FolderError, read_folder
from proctor.spec.outcomes import OrganizerError
from proctor.spec.ranking import RankingColumn
from proctor.spec.ranking_rules import aggregate_problems, ranking_problems
from proctor.spec.task import InputType, ReferenceType, TaskSpec
from proctor_metrics.metric import Metric
from proctor_metrics.registry import MetricParameterError, UnknownMetricError, resolve
from proctor_runner.box_reference import BoxesReference
from proctor_runner.challenge_folder import (
    CHALLENGE_FILE,
    SPLITS,
    CaseFiles,
    ChallengeInvalidError,
    Problem,
    load_challenge,
    read_split,
)
from proctor_runner.contracts.native import suffix
from proctor_runner.datasets import VOLUMES, items_of
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.on_grid import open_grid, shape_on
from proctor_runner.identifying import identifying_fields
from proctor_runner.image_reference import ImageReference
from proctor_runner.mask_reference import VOLUME_SUFFIXES, MaskReference, load_volume
from proctor_runner.pairings import metric_labels
from proctor_runner.references import (
    InstancesReference,
    LabelsReference,
    MultilabelReference,
    SurvivalReference,
    ValuesReference,
    load_reference,
)
from proctor_runner.text_reference import TextReference

_SAME_GRID_MM = 1e-3
_MODEL_CARD = "model.json"


def check_challenge(folder: Path, allow_identifiers: bool = False) -> list[Problem]:
    """Return every problem of the challenge in ``folder``, none when it can be published.

    Args:
        allow_identifiers: Let header fields pass that may name a person.
    """
    try:
        spec = load_challenge(folder)
    except ChallengeInvalidError as error:
        return list(error.problems)
    problems = [*check_metrics(spec), *_check_baselines(folder, spec)]
    for index, task in enumerate(spec.tasks):
        for split in SPLITS:
            problems += _check_split(folder, task, split, f"tasks[{index}]", allow_identifiers)
    return problems


def check_metrics(spec: ChallengeSpec) -> list[Problem]:
    """Return what is wrong with metrics and rankings; a platform asks this again at publishing."""
    problems: list[Problem] = []
    metrics: dict[tuple[str, str], tuple[Metric, tuple[str, ...]]] = {}
    for task_index, task in enumerate(spec.tasks):
        for index, declared in enumerate(task.metrics):
            field = f"tasks[{task_index}].metrics[{index}]"
            try:
                metric = resolve(declared.name, declared.building, worst=declared.worst)
                metrics[task.slug, declared.id] = metric, metric_labels(task, declared, metric)
            except UnknownMetricError as error:
                problems.append(Problem(CHALLENGE_FILE, f"{field}.name", str(error)))
            except MetricParameterError as error:
                part = "worst" if error.field == "worst" else f"parameters.{error.field}"
                problems.append(Problem(CHALLENGE_FILE, f"{field}.{part}", str(error)))
            except ValueError as error:
                problems.append(Problem(CHALLENGE_FILE, f"{field}.output", str(error)))
    for phase_index, phase in enumerate(spec.phases):
        for field, column in _ranked_columns(spec, phase):
            if (column.task, column.metric) not in metrics:
                continue
            metric, labels = metrics[column.task, column.metric]
            if column.label not in labels:
                message = f"{column.metric} has no label {column.label!r}; it has {labels}"
                where = f"phases[{phase_index}].ranking.{field}.label"
                problems.append(Problem(CHALLENGE_FILE, where, message))
            elif field.startswith("columns") and not metric.can_rank(column.label):
                able = ", ".join(label for label in labels if metric.can_rank(label))
                message = (
                    f"no end of {column.label} of {column.metric} is better than the other;"
                    f" rank by {able or 'another metric'}"
                )
                where = f"phases[{phase_index}].ranking.{field}.label"
                problems.append(Problem(CHALLENGE_FILE, where, message))
    known = {key: metric for key, (metric, _) in metrics.items()}
    problems += [
        Problem(CHALLENGE_FILE, f"phases[{found.phase}].{found.field}", found.message)
        for found in ranking_problems(spec, known)
    ]
    problems += [
        Problem(CHALLENGE_FILE, f"tasks[{task}].metrics[{index}].aggregate", message)
        for task, index, message in aggregate_problems(spec, known)
    ]
    return problems


def _ranked_columns(spec: ChallengeSpec, phase: PhaseSpec) -> Iterator[tuple[str, RankingColumn]]:
    """Yield the columns that decide ranks or eligibility, each with its field."""
    for index, column in enumerate(spec.ranking_columns(phase)):
        yield f"columns[{index}]", column
    for index, gate in enumerate(phase.ranking.gates):
        if gate.score is not None:
            yield f"gates[{index}].score", gate.score


def _check_baselines(folder: Path, spec: ChallengeSpec) -> Iterator[Problem]:
    for index, name in enumerate(spec.baselines):
        field = f"baselines[{index}]"
        place = folder / name
        if not place.resolve().is_relative_to(folder.resolve()) or not place.is_dir():
            yield Problem(CHALLENGE_FILE, field, f"there is no folder {name!r} beside it")
            continue
        try:
            card = read_card_file(place / _MODEL_CARD)
            read_folder(place)
        except FolderError as error:
            yield Problem(name, "", str(error))
        except CardError as error:
            for found in error.problems:
                yield Problem(f"{name}/{_MODEL_CARD}", found.path, found.message)
        except OSError as error:
            yield Problem(f"{name}/{_MODEL_CARD}", "", f"cannot be read: {error}")
        else:
            if card.runtime not in spec.runtimes:
                message = f"{card.runtime!r} is none of the challenge's runtimes {spec.runtimes}"
                yield Problem(f"{name}/{_MODEL_CARD}", "runtime", message)
            for task in set(card.tasks) - {task.slug for task in spec.tasks}:
                yield Problem(f"{name}/{_MODEL_CARD}", "tasks", f"there is no task {task!r}")


def _check_split(
    folder: Path, task: TaskSpec, split: str, field: str, allow_identifiers: bool
) -> Iterator[Problem]:
    found = read_split(folder, task, split, field)
    yield from found.problems
    seen: set[int] = set()
    held: dict[str, npt.NDArray[np.bool_]] = {}
    sound = not found.problems
    for case in found.cases:
        checker = _CaseCheck(folder, task, case, allow_identifiers)
        yield from checker.problems()
        seen |= checker.labels_seen
        sound = sound and checker.sound
        for name, columns in checker.held.items():
            held[name] = columns | held[name] if sound and name in held else columns
    never = sorted(set(task.labels) - seen)
    if sound and split == "hidden" and never:
        message = (
            f"no reference of the hidden split holds label {never[0]} ({task.labels[never[0]]})"
        )
        yield Problem(CHALLENGE_FILE, f"{field}.labels", message)
    for name, columns in held.items() if sound and split == "hidden" else ():
        if not columns.all():
            which = int(np.argmin(columns)) + 1
            message = f"no item of the hidden split has the label of column {which} of {name!r}"
            yield Problem(CHALLENGE_FILE, f"{field}.reference.{name}", message)


class _CaseCheck:
    def __init__(
        self, folder: Path, task: TaskSpec, case: CaseFiles, allow_identifiers: bool
    ) -> None:
        self._folder = folder
        self._task = task
        self._case = case
        self._allow_identifiers = allow_identifiers
        self.labels_seen: set[int] = set()
        self.held: dict[str, npt.NDArray[np.bool_]] = {}
        self.sound = True

    def problems(self) -> Iterator[Problem]:
        for problem in self._all():
            self.sound = False
            yield problem

    def _all(self) -> Iterator[Problem]:
        try:
            items = self._items()
        except ValueError as error:
            yield Problem(f"case {self._case.id}", "", str(error))
            return
        if items is not None and not 1 <= items <= self._task.items_per_case:
            limit = self._task.items_per_case
            message = f"holds {items} items, items_per_case allows 1 to {limit}"
            yield Problem(f"case {self._case.id}", "", message)
        for name, path in self._case.reference.items():
            yield from self._reference(name, path)
        for name, path in self._case.inputs.items():
            declared = self._task.inputs[name]
            if declared.type is InputType.ARRAY:
                yield from self._array(path, items)
            elif declared.type is InputType.VOLUME:
                yield from self._identifiers(path, suffix(declared.file))

    def _items(self) -> int | None:
        """Return how many items the case holds; None where a file is missing, which is told."""
        counted = {
            name for name, declared in self._task.reference.items() if declared.type not in VOLUMES
        }
        if not counted <= set(self._case.reference):
            return None
        return items_of(self._task, self._case.reference)

    def _reference(self, name: str, path: Path) -> Iterator[Problem]:
        declared = self._task.reference[name]
        if declared.type in VOLUMES and suffix(declared.file) in VOLUME_SUFFIXES:
            yield from self._identifiers(path, suffix(declared.file))
        try:
            reference = load_reference(self._task, name, path, self._case.id)
        except OrganizerError as error:
            yield Problem(self._name(path), "", error.detail)
            return
        if isinstance(reference, MultilabelReference):
            self.held[name] = np.asarray(reference.values.any(axis=0))
        if isinstance(reference, ValuesReference | MultilabelReference):
            yield from self._columns(name, path, reference.values.shape[1])
            return
        if isinstance(reference, TextReference | SurvivalReference):
            return
        if isinstance(reference, BoxesReference):
            self.labels_seen |= {int(value) for value in np.unique(reference.boxes.classes)}
            return
        if isinstance(reference, ImageReference):
            yield from self._grid(name, path, reference.values.shape)
            return
        if isinstance(reference, InstancesReference):
            yield from self._grid(name, path, reference.values.shape)
            yield from self._objects(path, reference)
            return
        present = {int(value) for value in np.unique(np.asarray(reference.values))}
        self.labels_seen |= present
        known = set(self._task.labels)
        match reference:
            case LabelsReference():
                unknown = sorted(present - known)
            case MaskReference(values):
                unknown = sorted(present - known - {0})
                yield from self._grid(name, path, values.shape)
        if unknown:
            message = f"holds label {unknown[0]}, which the task's labels do not name"
            yield Problem(self._name(path), "", message)

    def _objects(self, path: Path, reference: InstancesReference) -> Iterator[Problem]:
        numbers = reference.values[reference.values != 0].astype(np.int64)
        if reference.class_divisor is None:
            found = set(self._task.labels) if numbers.size else set()
        else:
            found = {int(value) for value in np.unique(numbers // reference.class_divisor)}
        self.labels_seen |= found
        if numbers.size and numbers.min() < 0:
            yield Problem(self._name(path), "", f"holds the number {numbers.min()}, below 0")
        elif unknown := sorted(found - set(self._task.labels)):
            message = (
                f"holds an object of class {unknown[0]}, which the task's labels do not name;"
                f" classes are its numbers divided by {reference.class_divisor}"
            )
            yield Problem(self._name(path), "", message)

    def _columns(self, name: str, path: Path, found: int) -> Iterator[Problem]:
        outputs = {metric.output for metric in self._task.metrics if metric.reference == name}
        for output in sorted(outputs):
            columns = self._task.outputs[output].columns
            if columns and found != len(columns):
                message = (
                    f"holds {found} numbers an item, output {output!r} has {len(columns)} columns"
                )
                yield Problem(self._name(path), "", message)

    def _grid(self, name: str, path: Path, shape: tuple[int, ...]) -> Iterator[Problem]:
        grids = {
            self._task.outputs[metric.output].grid
            for metric in self._task.metrics
            if metric.reference == name
        }
        for grid in sorted(grid for grid in grids if grid is not None):
            if grid not in self._case.inputs:
                continue
            file = suffix(self._task.inputs[grid].file)
            try:
                opened = open_grid(self._case.inputs[grid], f"grid{file}")
            except InvalidOutputError as error:
                yield Problem(self._name(self._case.inputs[grid]), "", str(error))
                continue
            of_numbers = self._task.reference[name].type is ReferenceType.IMAGE
            found = shape_on(opened, of_numbers=of_numbers)
            if shape != found:
                message = f"has shape {shape}, its grid input {grid!r} {found}"
                yield Problem(self._name(path), "", message)
                continue
            own = suffix(self._task.reference[name].file)
            if own not in VOLUME_SUFFIXES or file not in VOLUME_SUFFIXES:
                continue
            affines = [
                load_volume(*one).affine for one in ((path, own), (self._case.inputs[grid], file))
            ]
            apart = np.abs(affines[0] - affines[1]).max()
            if apart > _SAME_GRID_MM:
                message = (
                    f"lies on another grid than its input {grid!r}: the affines differ by up to"
                    f" {apart:.4g}"
                )
                yield Problem(self._name(path), "", message)

    def _array(self, path: Path, items: int | None) -> Iterator[Problem]:
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            yield Problem(self._name(path), "", f"is no readable .npy file ({error})")
            return
        if items is None or self._task.items_per_case == 1:
            return
        if array.ndim == 0 or array.shape[0] != items:
            message = f"has shape {array.shape}, but the case's reference holds {items} items"
            yield Problem(self._name(path), "", message)

    def _identifiers(self, path: Path, file_suffix: str) -> Iterator[Problem]:
        if self._allow_identifiers:
            return
        try:
            for found in identifying_fields(path, file_suffix):
                message = f"may identify a person: {found}; clear it or use --allow-identifiers"
                yield Problem(self._name(path), "", message)
        except ValueError as error:
            yield Problem(self._name(path), "", str(error))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()
