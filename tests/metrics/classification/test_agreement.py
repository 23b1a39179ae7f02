"""Matthews' coefficient and Cohen's kappa: by hand, by scikit-learn, on single classes, missing."""

import itertools
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from proctor_metrics import LabelCase, MetricInputError, PooledMetric, TableCase, resolve

CLASS_LISTS = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
    )
)
WEIGHTS = st.sampled_from(["none", "linear", "quadratic"])


def metric(name: str, **parameters: object) -> PooledMetric:
    found = resolve(name, parameters)
    assert isinstance(found, PooledMetric)
    return found


def labels(answered: npt.ArrayLike, true: npt.ArrayLike, name: str = "a") -> LabelCase:
    return LabelCase(name, np.asarray(answered), np.asarray(true), tuple("abcd"), (0, 1, 2, 3))


def test_the_values_are_those_worked_out_by_hand() -> None:
    # TP 2, FN 1, FP 1, TN 4.
    case = labels([1, 1, 0, 1, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0])
    assert metric("mcc").pooled([case])[0] == pytest.approx((2 * 4 - 1) / (3 * 3 * 5 * 5) ** 0.5)
    # Agreed on 6 of 8; by chance (3 * 3 + 5 * 5) / 64.
    by_chance = 34 / 64
    assert metric("cohens_kappa").pooled([case])[0] == pytest.approx(
        (6 / 8 - by_chance) / (1 - by_chance)
    )
    # Classes 0 1 2 3 answered 1 1 2 3: off by one once; by chance 4 x 4 pairs are off by 20 in all.
    ordered = labels([1, 1, 2, 3], [0, 1, 2, 3])
    assert metric("cohens_kappa", weights="linear").pooled([ordered])[0] == pytest.approx(
        1 - (1 / 4) / (18 / 16)
    )


@settings(max_examples=80, deadline=None)
@given(CLASS_LISTS, WEIGHTS)
def test_kappa_equals_scikit_learn(pair: tuple[list[int], list[int]], weights: str) -> None:
    answered, true = pair
    found = metric("cohens_kappa", weights=weights).pooled([labels(answered, true)])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = cohen_kappa_score(
            true, answered, labels=[0, 1, 2, 3], weights=None if weights == "none" else weights
        )
    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert not found < -1


@settings(max_examples=60, deadline=None)
@given(CLASS_LISTS)
def test_mcc_equals_scikit_learn_but_where_the_reference_is_one_class(
    pair: tuple[list[int], list[int]],
) -> None:
    answered, true = pair
    found = metric("mcc").pooled([labels(answered, true)])[0]
    if len(set(true)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(matthews_corrcoef(true, answered), abs=1e-12)


@pytest.mark.parametrize("name", ["mcc", "cohens_kappa"])
def test_one_class_for_every_item_is_chance(name: str) -> None:
    assert metric(name).pooled([labels([2] * 5, [0, 1, 2, 2, 3])])[0] == pytest.approx(0, abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(CLASS_LISTS, WEIGHTS, st.integers(0, 10**6))
def test_a_replicate_is_the_value_of_the_drawn_items(
    pair: tuple[list[int], list[int]], weights: str, seed: int
) -> None:
    answered, true = (np.asarray(side) for side in pair)
    drawn = np.random.default_rng(seed).integers(0, true.size, true.size)
    counts = np.bincount(drawn, minlength=true.size)
    for found in (metric("mcc"), metric("cohens_kappa", weights=weights)):
        np.testing.assert_allclose(
            found.replicates([labels(answered, true)], counts[np.newaxis])[:, 0],
            found.pooled([labels(answered[drawn], true[drawn])]),
            rtol=1e-12,
            atol=1e-14,
        )


@settings(max_examples=40, deadline=None)
@given(CLASS_LISTS, st.lists(st.integers(0, 3), min_size=1, max_size=3), WEIGHTS)
def test_no_answer_is_worse_for_kappa_than_none(
    pair: tuple[list[int], list[int]], true: list[int], weights: str
) -> None:
    rest = labels(*pair)
    kappa = metric("cohens_kappa", weights=weights)
    lost = LabelCase.missing("b", np.asarray(true), rest.classes, rest.class_values)
    none = kappa.pooled([rest, lost])[0]
    assert not none < -1
    for answers in itertools.product(range(4), repeat=len(true)):
        answered = kappa.pooled([rest, labels(answers, true, "b")])[0]
        assert np.isnan(answered) or none <= answered + 1e-12


def test_a_lost_item_is_a_miss_for_mcc() -> None:
    rest = labels([0, 1, 2, 3], [0, 1, 2, 3])
    lost = LabelCase.missing("b", np.array([0, 1]), rest.classes, rest.class_values)
    assert metric("mcc").pooled([rest, lost]) == metric("mcc").pooled(
        [rest, labels([1, 2], [0, 1], "b")]
    )


def test_classes_are_ordered_by_value_and_not_by_column() -> None:
    scores = np.eye(3)[[0, 1, 2, 2]]
    table = TableCase("a", scores, np.array([2, 0, 1, 0]), ("two", "zero", "one"), (2, 0, 1))
    straight = LabelCase(
        "a", np.array([2, 0, 1, 1]), np.array([2, 0, 1, 0]), ("zero", "one", "two"), (0, 1, 2)
    )
    kappa = metric("cohens_kappa", weights="quadratic")
    assert kappa.pooled([table])[0] == pytest.approx(kappa.pooled([straight])[0], rel=1e-15)


def test_cases_of_other_classes_are_refused() -> None:
    other = LabelCase("b", np.array([0]), np.array([0]), ("a", "b"), (0, 1))
    with pytest.raises(MetricInputError, match="those of case 'a'"):
        metric("cohens_kappa").pooled([labels([0], [0]), other])
    with pytest.raises(ValueError, match="at least one case"):
        metric("cohens_kappa").pooled([])
