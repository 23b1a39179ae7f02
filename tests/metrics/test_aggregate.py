"""Means over items, labels and strata."""

import numpy as np
import pytest

from proctor_metrics.aggregate import label_means, largest_gap, strata_means


def test_means_deviations_and_macro_worked_out_by_hand() -> None:
    found = label_means(np.array([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0]]))
    assert found.means.tolist() == [3.0, 1.0]
    np.testing.assert_allclose(found.standard_deviations, [np.sqrt(7), np.sqrt(3)])
    assert found.macro == 2.0
    assert (found.n_used, found.n_total) == (3, 3)


def test_a_missing_item_counts_with_its_worst_value_and_is_reported() -> None:
    found = label_means(np.array([[1.0, 0.0]]), answered=np.array([True, False]))
    assert found.means.tolist() == [0.5]
    assert (found.n_used, found.n_total) == (1, 2)


def test_an_undefined_label_makes_the_macro_mean_undefined() -> None:
    found = label_means(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    np.testing.assert_array_equal(found.means, [1.0, np.nan])
    assert np.isnan(found.standard_deviations).all()
    assert np.isnan(found.macro)


def test_strata_are_averaged_apart_and_the_largest_gap_is_named() -> None:
    values = np.array([0.9, 0.7, 0.5, np.nan, 0.8, np.nan])
    means = strata_means(values, ["B", "A", "B", "B", "C", "D"])
    assert [(entry.stratum, entry.n_items) for entry in means] == [
        ("A", 1),
        ("B", 2),
        ("C", 1),
        ("D", 0),
    ]
    np.testing.assert_allclose([entry.mean for entry in means], [0.7, 0.7, 0.8, np.nan])
    found = largest_gap(means)
    assert found is not None
    assert (found.lowest.stratum, found.highest.stratum) == ("A", "C")
    assert found.gap == pytest.approx(0.1)


def test_one_stratum_has_no_gap() -> None:
    assert largest_gap(strata_means(np.array([0.5, 0.6]), ["A", "A"])) is None
    assert largest_gap(strata_means(np.array([0.5, np.nan]), ["A", "B"])) is None


def test_each_item_has_one_stratum() -> None:
    with pytest.raises(ValueError, match="do not fit 2 strata"):
        strata_means(np.zeros(3), ["A", "B"])
