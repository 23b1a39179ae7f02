"""How far answers and reference agree beyond chance: Matthews' coefficient and Cohen's kappa."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt
from scipy import sparse

from proctor_metrics.cases import UNANSWERED, Case, FloatArray, LabelCase
from proctor_metrics.classification.averages import (
    MISSING_RULE,
    TIES_RULE,
    AnswersMetric,
    ClassMetric,
)
from proctor_metrics.classification.class_counts import (
    ClassCounts,
    as_labels,
    check_same_classes,
    membership,
    weighted_sums,
)
from proctor_metrics.classification.scored_items import check_weights
from proctor_metrics.parameters import Parameters


@dataclass(frozen=True)
class MatthewsCorrelation(ClassMetric):
    """Correlation of answers and reference, Matthews' for two classes and Gorodkin's for more.

    With n items, c of them right, p_k answered with and t_k of class k:
    (c n - sum p_k t_k) / sqrt((n^2 - sum p_k^2) (n^2 - sum t_k^2)).
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (1,), in
    [-1, 1], no unit, higher is better; 0 is chance, and what one class for every item gets. NaN
    where the reference holds a single class, since nobody can be told from anybody there.
    Source: Matthews, Biochim. Biophys. Acta 405 (1975) 442; Gorodkin, Comput. Biol. Chem. 28
    (2004) 367; Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `mcc`. Checked
    against scikit-learn's `matthews_corrcoef`, which gives 0 in place of NaN.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> MatthewsCorrelation().pooled([case]).round(6)
    array([0.57735])
    """

    name = "mcc"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "mcc.v1;ties=first;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for single classes, ties and missing cases."""
        return (
            "One class for every item gets 0.",
            "Undefined (NaN) where the reference holds a single class.",
            TIES_RULE,
            MISSING_RULE,
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return -1, every item of two classes wrong."""
        return -1.0

    def _values(self, counts: ClassCounts) -> FloatArray:
        n = counts.items[:, 0]
        covariance = counts.hits.sum(axis=1) * n - (counts.predicted * counts.true).sum(axis=1)
        answered = n**2 - (counts.predicted**2).sum(axis=1)
        varied = n**2 - (counts.true**2).sum(axis=1)
        found = np.where(varied > 0, 0.0, np.nan)
        # Roots one by one: their product may leave the range of exact whole numbers.
        scale = np.sqrt(answered) * np.sqrt(varied)
        np.divide(covariance, scale, out=found, where=scale > 0)
        return np.clip(found, -1.0, 1.0)[np.newaxis, :]


class Disagreement(StrEnum):
    """What a wrong answer weighs: all the same, by its distance in classes, or by its square."""

    NONE = "none"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


@dataclass(frozen=True)
class CohensKappa(AnswersMetric):
    """Agreement beyond chance: 1 - observed / expected disagreement.

    Observed: the mean of w(i, j) over the items, of class i and answered with j. Expected: the
    same if answers and classes were paired at random. `none`: w = 1 where i differs from j.
    `linear`: |i - j|, `quadratic`: (i - j)^2, for ordered classes; i and j are places in ascending
    order of the class values.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (1,), in
    [-1, 1], no unit, higher is better; 0 is chance, and what one class for every item gets. NaN
    where answers and reference are one single class. An item of a missing case counts as the
    largest disagreement there is for its class, and as the answer that makes agreement by chance
    most likely; so no answer is worse than none.
    Source: Cohen, Educ. Psychol. Meas. 20 (1960) 37; weighted: Psychol. Bull. 70 (1968) 213;
    Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `wck`. Checked against
    scikit-learn's `cohen_kappa_score`.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])
    >>> case = LabelCase("a", answered, true, ("low", "mid", "high"), (0, 1, 2))
    >>> CohensKappa().pooled([case]).round(6)
    array([0.636364])
    >>> CohensKappa(weights=Disagreement.QUADRATIC).pooled([case])
    array([0.8])
    """

    name = "cohens_kappa"

    weights: Disagreement = Disagreement.NONE

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `weights`, what a wrong answer weighs."""
        return cls(
            weights=parameters.choice("weights", Disagreement.NONE),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"kappa.v1;weights={self.weights};ties=first;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for single classes, ties and missing cases."""
        return (
            "Undefined (NaN) where answers and reference are one single class.",
            TIES_RULE,
            "An item of a missing case counts as the largest disagreement there is for its class, "
            "and never lowers what chance explains.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return -1, the largest disagreement."""
        return -1.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no classes, or the cases disagree on them.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        labelled = [as_labels(self.name, case) for case in cases]
        check_same_classes(labelled)
        check_weights(weights, sum(case.n_items for case in labelled))
        distances = self._distances(labelled[0])
        true = np.concatenate([case.true_classes for case in labelled])
        predicted = np.concatenate([case.predicted_classes for case in labelled])
        lost = predicted == UNANSWERED
        observed_by_item = np.where(
            lost, distances.max(axis=1)[true], distances[true, np.where(lost, 0, predicted)]
        )
        n_classes, everyone, answered = len(distances), np.arange(true.size), np.flatnonzero(~lost)
        members = sparse.vstack(
            [
                membership(true, everyone, n_classes, true.size),
                membership(predicted[answered], answered, n_classes, true.size),
                sparse.csr_array(np.stack([lost, observed_by_item])),
            ],
            format="csr",
        )
        sums = weighted_sums(members, weights)
        there, answers = sums[:, :n_classes], sums[:, n_classes:-2]
        by_answer = there @ distances
        chance = (answers * by_answer).sum(axis=1) + sums[:, -2] * by_answer.min(axis=1)
        return _beyond_chance(sums[:, -1] * there.sum(axis=1), chance)[np.newaxis, :]

    def _distances(self, case: LabelCase) -> FloatArray:
        places = np.argsort(np.argsort(case.class_values)).astype(np.float64)
        apart = np.abs(places[:, np.newaxis] - places)
        match self.weights:
            case Disagreement.NONE:
                return (apart > 0).astype(np.float64)
            case Disagreement.LINEAR:
                return apart
            case Disagreement.QUADRATIC:
                return np.asarray(apart**2)
            case _ as unreachable:
                assert_never(unreachable)


def _beyond_chance(observed: FloatArray, chance: FloatArray) -> FloatArray:
    """Return 1 - observed / chance; with no disagreement by chance any is the largest there is."""
    found = np.where(observed > 0, -1.0, np.nan)
    np.divide(observed, chance, out=found, where=chance > 0)
    found[chance > 0] = np.maximum(1 - found[chance > 0], -1.0)
    return found
