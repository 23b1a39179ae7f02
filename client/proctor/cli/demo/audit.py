"""Recomputes a board with other people's code: scikit-learn for tables, MedPy for masks.

Predictions come from the platform, references from the organizer's folder; nothing of Proctor's
metrics is used, but for one thing: MedPy's HD95 is another definition (`voxel6-pooled`) than the
board's, so there Proctor's metric under that definition is compared with MedPy's. What a library
leaves undefined (an empty mask, a tie at the last place) follows the metric's stated edge rule.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from proctor.spec.challenge import ChallengeSpec
from proctor.spec.leaderboard import BoardRow, Leaderboard
from proctor.spec.task import MetricSpec, OutputType, TaskSpec

if TYPE_CHECKING:
    from proctor.client import Client
    from proctor_runner.challenge_folder import CaseFiles

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer]

AGREEMENT = 1e-9
_EPS = 1e-15


@dataclass(frozen=True)
class Finding:
    """One metric of one board, recomputed.

    Attributes:
        values: How many numbers were compared.
        largest: The largest absolute difference among them.
        edges: How many single scores followed an edge rule, for want of a value.
    """

    challenge: str
    metric: str
    library: str
    values: int
    largest: float
    edges: int

    @property
    def agrees(self) -> bool:
        """Whether the difference is rounding alone, and anything was compared at all."""
        return self.values > 0 and self.largest <= AGREEMENT

    def row(self) -> dict[str, object]:
        """Return the finding as a row of a table."""
        return {
            "challenge": self.challenge,
            "metric": self.metric,
            "against": self.library,
            "values": self.values,
            "largest difference": f"{self.largest:.3g}",
            "by edge rule": self.edges,
        }


@dataclass(frozen=True)
class _Pair:
    """What a model answered in a case, and the truth."""

    case: str
    predicted: npt.NDArray[Any]
    true: npt.NDArray[Any]
    spacing_mm: tuple[float, ...]
    shown: dict[str, float | None]


@dataclass
class _Tally:
    values: int = 0
    largest: float = 0.0
    edges: int = 0

    def compare(self, found: float, shown: float | None) -> None:
        difference = float("inf") if shown is None else abs(found - shown)
        self.values += 1
        self.largest = max(self.largest, difference)


def audit_board(
    client: Client, folder: Path, spec: ChallengeSpec, board: Leaderboard
) -> Iterator[Finding]:
    """Recompute every column of a board from the predictions of its rows.

    Args:
        client: An organizer's, who alone may read predictions.
        folder: The challenge's folder with its hidden references.
    """
    from proctor_runner.challenge_folder import read_split

    for index, task in enumerate(spec.tasks):
        files = read_split(folder, task, "hidden", f"tasks[{index}]").cases
        tallies: dict[str, _Tally] = {}
        for row in board.rows:
            answers: dict[tuple[str, str], list[_Pair]] = {}
            for metric in task.metrics:
                named = metric.output, metric.reference
                if named not in answers:
                    answers[named] = list(_pairs(client, row, task, metric, files))
                pairs = answers[named]
                tally = tallies.setdefault(metric.id, _Tally())
                if task.outputs[metric.output].type is OutputType.TABLE:
                    _audit_table(task, metric, row, pairs, tally)
                else:
                    _audit_masks(task, metric, row, pairs, tally)
        for metric in task.metrics:
            tally = tallies[metric.id]
            yield Finding(
                challenge=spec.slug,
                metric=metric.id,
                library=_LIBRARIES[metric.name],
                values=tally.values,
                largest=tally.largest,
                edges=tally.edges,
            )


_LIBRARIES = {
    "accuracy": "sklearn top_k_accuracy_score",
    "top_k_accuracy": "sklearn top_k_accuracy_score",
    "log_loss": "sklearn log_loss",
    "dice": "MedPy dc",
    "volume_error": "MedPy ravd",
    "hd95": "MedPy hd95 (voxel6-pooled)",
}


def _pairs(
    client: Client,
    row: BoardRow,
    task: TaskSpec,
    metric: MetricSpec,
    files: tuple[CaseFiles, ...],
) -> Iterator[_Pair]:
    from proctor_runner.box_reference import BoxesReference
    from proctor_runner.references import MaskReference, load_reference

    first = next(
        run.id
        for run in client.submission(row.submission).runs
        if run.purpose == "first" and run.task == task.slug
    )
    answered = {c.case: c for c in client.cases(row.submission) if c.run == first}
    for case in files:
        view = answered[case.id]
        blob = client.get_blob(view.predictions[metric.output].digest)
        reference = load_reference(
            task, metric.reference, case.reference[metric.reference], case.id
        )
        # No bundled challenge asks for boxes.
        assert not isinstance(reference, BoxesReference)  # noqa: S101
        spacing = reference.spacing_mm if isinstance(reference, MaskReference) else ()
        yield _Pair(
            case=case.id,
            predicted=np.load(BytesIO(blob), allow_pickle=False),
            true=np.asarray(reference.values),
            spacing_mm=spacing,
            shown=view.scores,
        )


def _audit_table(
    task: TaskSpec, metric: MetricSpec, row: BoardRow, pairs: list[_Pair], tally: _Tally
) -> None:
    from sklearn.metrics import log_loss

    predicted = np.concatenate([pair.predicted for pair in pairs])
    true = np.concatenate([pair.true for pair in pairs])
    classes = sorted(task.labels)
    match metric.name:
        case "log_loss":
            with warnings.catch_warnings():
                # Rows of rounded text need not sum to 1 to the last bit.
                warnings.simplefilter("ignore", UserWarning)
                found = float(log_loss(true, np.clip(predicted, _EPS, 1), labels=classes))
        case "accuracy" | "top_k_accuracy":
            k = metric.parameters.get("k", 1)
            found, ties = _top_k(true, predicted, int(str(k)), classes)
            tally.edges += ties
        case name:
            raise NotImplementedError(f"no library here computes {name}")
    tally.compare(found, _shown(row, f"{task.slug}/{metric.id}/mean"))


def _top_k(true: IntArray, predicted: FloatArray, k: int, classes: list[int]) -> tuple[float, int]:
    """Return the accuracy and how many items have a tie that decides.

    scikit-learn breaks ties by column order; an item whose class is tied at the last place takes
    the share of orders in which it is in.
    """
    from sklearn.metrics import top_k_accuracy_score

    own = predicted[np.arange(len(true)), np.searchsorted(classes, true)][:, np.newaxis]
    above, tied = (predicted > own).sum(axis=1), (predicted == own).sum(axis=1)
    open_tie = (above < k) & (above + tied > k)
    clear = ~open_tie
    hits = 0.0
    if clear.any():
        hits += float(
            top_k_accuracy_score(
                true[clear], predicted[clear], k=k, labels=classes, normalize=False
            )
        )
    hits += float(((k - above[open_tie]) / tied[open_tie]).sum())
    return hits / len(true), int(open_tie.sum())


def _audit_masks(
    task: TaskSpec, metric: MetricSpec, row: BoardRow, pairs: list[_Pair], tally: _Tally
) -> None:
    if metric.name == "hd95":
        _audit_distances(task, pairs, tally)
        return
    measure = _dice if metric.name == "dice" else _volume_error_percent
    means = []
    for value, name in sorted(task.labels.items()):
        scores = []
        for pair in pairs:
            found = measure(pair.predicted == value, pair.true == value)
            if found is None:
                tally.edges += 1
                found = pair.shown[f"{metric.id}/{name}"]
            scores.append(float("nan") if found is None else found)
        means.append(float(np.mean(scores)))
        tally.compare(means[-1], _shown(row, f"{task.slug}/{metric.id}/{name}"))
    tally.compare(float(np.mean(means)), _shown(row, f"{task.slug}/{metric.id}/mean"))


def _dice(predicted: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> float | None:
    from medpy.metric.binary import dc

    return float(dc(predicted, true)) if predicted.any() or true.any() else None


def _volume_error_percent(
    predicted: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]
) -> float | None:
    from medpy.metric.binary import ravd

    return 100 * abs(float(ravd(predicted, true))) if true.any() else None


def _audit_distances(task: TaskSpec, pairs: list[_Pair], tally: _Tally) -> None:
    """Compare Proctor's HD95 under MedPy's definition with MedPy's, case by case."""
    from medpy.metric.binary import hd95

    from proctor_metrics.cases import MaskCase
    from proctor_metrics.metric import PerItemMetric
    from proctor_metrics.registry import resolve

    ours = resolve("hd95", {"definition": "voxel6-pooled"})
    if not isinstance(ours, PerItemMetric):
        raise TypeError("hd95 is a metric of single cases")
    measure: Callable[..., Any] = hd95
    for pair in pairs:
        case = MaskCase(pair.case, pair.predicted, pair.true, pair.spacing_mm, task.labels)
        scores = ours.per_item(case).values[:, 0]
        for value, own in zip(sorted(task.labels), scores, strict=True):
            predicted, true = pair.predicted == value, pair.true == value
            if predicted.any() and true.any():
                theirs = float(measure(predicted, true, voxelspacing=pair.spacing_mm))
                tally.compare(float(own), theirs)
            else:
                tally.edges += 1


def _shown(row: BoardRow, key: str) -> float | None:
    value = row.values.get(key)
    return value.value if value else None
