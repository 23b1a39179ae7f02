"""Operating points: by hand, by scikit-learn's curves, on single classes and with cases missing."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_curve

from proctor_metrics import MetricInputError, MetricParameterError, PooledMetric, TableCase, resolve

NAMES = {
    "sensitivity_at_specificity": "specificity",
    "specificity_at_sensitivity": "sensitivity",
    "ppv_at_sensitivity": "sensitivity",
}


def point(name: str, target: float, positive: int = 1) -> PooledMetric:
    metric = resolve(name, {"positive": positive, NAMES[name]: target})
    assert isinstance(metric, PooledMetric)
    return metric


def binary(scores: object, true: object, name: str = "a") -> TableCase:
    column = np.asarray(scores, dtype=np.float64)
    return TableCase(
        name, np.stack([-column, column], axis=1), np.asarray(true), ("no", "yes"), (0, 1)
    )


# From the top: + + - + - -
CASE = binary([6, 5, 4, 3, 2, 1], [1, 1, 0, 1, 0, 0])


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("sensitivity_at_specificity", 1.0, 2 / 3),
        ("sensitivity_at_specificity", 0.6, 1.0),
        ("specificity_at_sensitivity", 0.6, 1.0),
        ("specificity_at_sensitivity", 0.9, 2 / 3),
        ("ppv_at_sensitivity", 0.5, 1.0),
        ("ppv_at_sensitivity", 1.0, 3 / 4),
    ],
)
def test_the_best_threshold_that_holds_the_other_decides(
    name: str, target: float, expected: float
) -> None:
    assert point(name, target).pooled([CASE])[0] == pytest.approx(expected)


def test_a_target_that_is_met_exactly_is_met() -> None:
    # Nine of ten negatives left alone, one above the positive.
    case = binary([9, 10, *range(9)], [1, 0, *[0] * 9])
    assert point("sensitivity_at_specificity", 0.9).pooled([case]).tolist() == [1.0]
    tenths = binary(range(10, 0, -1), [1] * 7 + [0] + [1] * 2)
    assert point("specificity_at_sensitivity", 7 / 9).pooled([tenths]).tolist() == [1.0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sensitivity_at_specificity", 0.0),
        ("specificity_at_sensitivity", 0.0),
        ("ppv_at_sensitivity", 0.25),
    ],
)
def test_constant_scores_separate_nothing(name: str, expected: float) -> None:
    assert point(name, 0.5).pooled([binary([1] * 4, [1, 0, 0, 0])]).tolist() == [expected]


@pytest.mark.parametrize("name", NAMES)
def test_without_both_sides_it_is_undefined(name: str) -> None:
    for true in ([1, 1], [0, 0]):
        assert np.isnan(point(name, 0.5).pooled([binary([1, 2], true)])).all()
    found = point(name, 0.5).replicates([CASE], np.array([[1] * 6, [1, 1, 0, 1, 0, 0]]))
    assert np.isnan(found[0]).tolist() == [False, True]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.1, 0.5, 0.8, 0.9, 0.95, 1.0]))
def test_the_values_are_on_scikit_learns_curves(seed: int, target: float) -> None:
    generator = np.random.default_rng(seed)
    n_items = int(generator.integers(2, 30))
    scores, true = generator.integers(0, 12, n_items), generator.integers(0, 2, n_items)
    true[:2] = [0, 1]
    weights = generator.integers(1, 4, n_items)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        false_alarms, found, _ = roc_curve(
            true, scores, sample_weight=weights, drop_intermediate=False
        )
        precision, recall, _ = precision_recall_curve(true, scores, sample_weight=weights)
    expected = {
        "sensitivity_at_specificity": found[1 - false_alarms >= target - 1e-9].max(),
        "specificity_at_sensitivity": (1 - false_alarms)[found >= target - 1e-9].max(),
        # The last point of that curve is made up and belongs to no threshold.
        "ppv_at_sensitivity": precision[:-1][recall[:-1] >= target - 1e-9].max(),
    }
    case = binary(scores, true)
    for name, value in expected.items():
        replicate = point(name, target).replicates([case], weights[np.newaxis])[0, 0]
        assert replicate == pytest.approx(value, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(NAMES)), st.sampled_from([0.5, 0.9, 1.0]))
def test_no_answer_is_worse_than_none(seed: int, name: str, target: float) -> None:
    generator = np.random.default_rng(seed)
    answered = binary(generator.integers(0, 9, 3), generator.integers(0, 2, 3), "b")
    lost = TableCase.missing("b", answered.reference, answered.columns, answered.class_values)
    metric = point(name, target)
    assert metric.pooled([CASE, lost])[0] <= metric.pooled([CASE, answered])[0]


def test_what_an_organizer_forgot_is_said() -> None:
    with pytest.raises(MetricParameterError, match="'specificity': is required"):
        resolve("sensitivity_at_specificity", {"positive": 1})
    with pytest.raises(MetricParameterError, match=r"'sensitivity': is 1\.5"):
        resolve("ppv_at_sensitivity", {"positive": 1, "sensitivity": 1.5})
    with pytest.raises(MetricInputError, match="positive class of ppv_at_sensitivity is 3"):
        point("ppv_at_sensitivity", 0.9, positive=3).labels(CASE)
