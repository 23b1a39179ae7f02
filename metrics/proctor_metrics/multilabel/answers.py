"""What metrics of several labels an item share: their cases, and which labels were answered."""

from collections.abc import Sequence

import numpy as np

from proctor_metrics.cases import BoolArray, Case, MetricInputError, MultilabelCase, Side
from proctor_metrics.metric import number_text

MISSING_RULE = "In every item of a missing case every label is answered wrongly."


def threshold_rule(threshold: float) -> str:
    """Return the rule for the board of which labels are answered."""
    return f"A label is answered where its score is at least {number_text(threshold)}."


def multilabel_case(metric: str, case: Case) -> MultilabelCase:
    """Return the case as one of several labels an item, answered or lost.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, MultilabelCase):
        return case
    raise MetricInputError(
        case.case,
        Side.TASK,
        "the case holds no label scores",
        f"{metric} is computed from tables of label scores",
    )


def answered_case(metric: str, case: Case) -> MultilabelCase:
    """Return the case as one of several labels an item that was answered.

    Raises:
        MetricInputError: it is another kind of case, or a lost one.
    """
    found = multilabel_case(metric, case)
    if found.lost:
        raise MetricInputError(
            found.case,
            Side.PREDICTION,
            "the case was not answered",
            "a missing case takes the worst value",
        )
    return found


def multilabel_cases(metric: str, cases: Sequence[Case]) -> list[MultilabelCase]:
    """Return the cases as cases of the same labels.

    Raises:
        MetricInputError: a case is of another kind, or the cases disagree on their labels.
        ValueError: there are no cases.
    """
    if not cases:
        raise ValueError(f"{metric} needs at least one case")
    found = [multilabel_case(metric, case) for case in cases]
    for case in found:
        if case.columns != found[0].columns:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"the labels are {case.columns}",
                f"those of case {found[0].case!r} are {found[0].columns}",
            )
    return found


def answered_labels(case: MultilabelCase, threshold: float) -> BoolArray:
    """Return which labels are answered, (n_items, n_labels); of a lost case the wrong ones."""
    return ~case.reference if case.lost else np.asarray(case.prediction >= threshold)
