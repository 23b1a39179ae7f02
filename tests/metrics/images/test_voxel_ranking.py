"""AUROC and average precision over the voxels of a heatmap: by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from proctor_metrics import ImageCase, ItemScores, MetricInputError, PerItemMetric, resolve

NAMES = ("voxel_auroc", "voxel_average_precision")


def score(name: str, predicted: object, true: object) -> ItemScores:
    metric = resolve(name, {})
    assert isinstance(metric, PerItemMetric)
    return metric.per_item(ImageCase("a", np.asarray(predicted, float), np.asarray(true, float)))


@pytest.mark.parametrize(("name", "expected"), [(NAMES[0], 0.75), (NAMES[1], 0.5 + 0.5 * 2 / 3)])
def test_a_value_is_the_one_worked_out_by_hand(name: str, expected: float) -> None:
    """Of four voxels in order marked, unmarked, marked, unmarked."""
    found = score(name, [[4, 3], [2, 1]], [[1, 0], [1, 0]])
    assert found.values[0, 0] == pytest.approx(expected)
    assert not found.flags


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=4, max_size=40))
def test_with_ties_it_is_scikit_learns(voxels: list[tuple[int, bool]]) -> None:
    scores, marked = (np.array(side, float)[None] for side in zip(*voxels, strict=True))
    if 0 < marked.sum() < marked.size:
        for name, peer in zip(NAMES, (roc_auc_score, average_precision_score), strict=True):
            found = score(name, scores, marked).values[0, 0]
            assert found == pytest.approx(peer(marked[0], scores[0]), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_voxels_outside_the_region_do_not_count(name: str) -> None:
    found = score(name, [[4, 3], [9, 1]], [[1, 0], [np.nan, 0]])
    assert found.values[0, 0] == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("true", [np.zeros((2, 2)), np.ones((2, 2))])
def test_a_reference_of_one_kind_leaves_it_undefined(name: str, true: object) -> None:
    found = score(name, np.eye(2), true)
    assert np.isnan(found.values).all()
    assert found.flags["undefined"].all()


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_with_other_values_is_a_fault_of_its_owner(name: str) -> None:
    with pytest.raises(MetricInputError, match="other values than 0 and 1"):
        score(name, np.eye(2), np.full((2, 2), 0.5))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_heatmap_scores_nothing(name: str) -> None:
    assert resolve(name, {}).worst((2, 2), ()) == 0
