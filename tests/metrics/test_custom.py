"""Replicates of a metric that may be called a few times only."""

import numpy as np

from proctor_metrics.bootstrap import draw_weights
from proctor_metrics.cases.given import GivenCase
from proctor_metrics.custom import MOST_BLOCKS, blocks_of, custom_metric, sets_of

PARAMETERS = {
    "source": "sha256:0", "function": "score", "kind": "pooled", "direction": "lower", "unit": "",
    "labels": [],
}  # fmt: skip


def cases(values: np.ndarray) -> list[GivenCase]:
    return [
        GivenCase(f"c{number:04d}", 1, (f"case c{number:04d} 0",)) for number in range(len(values))
    ]


def spread(values: np.ndarray, samples: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Return the replicates of a mean by this rule, and by resampling it."""
    given = cases(values)
    by_name = dict(zip((case.case for case in given), values, strict=True))
    found = {ids: np.array([np.mean([by_name[one] for one in ids])]) for ids in sets_of(given)}
    weights = draw_weights([case.units[0] for case in given], "sha256:1", samples, 0)
    metric = custom_metric(PARAMETERS, None).with_found(found)
    return metric.replicates(given, weights)[0], weights @ values / len(values)


def test_of_few_cases_a_linear_metric_has_the_replicates_of_the_bootstrap():
    linear, drawn = spread(np.random.default_rng(0).normal(size=30))
    np.testing.assert_allclose(linear, drawn, atol=1e-12)


def test_of_many_cases_their_spread_is_right_and_they_are_paired_with_it():
    values = np.random.default_rng(1).gamma(2.0, size=600)
    linear, drawn = spread(values)
    assert len(sets_of(cases(values))) == MOST_BLOCKS + 1
    assert 0.75 < linear.std() / drawn.std() < 1.25
    assert abs(linear.mean() - drawn.mean()) < 0.1 * drawn.std()


def test_a_group_is_never_parted_and_a_single_one_has_no_replicates():
    given = [GivenCase(name, 2, ("group g",) * 2) for name in "abc"]
    assert len(blocks_of(given)) == 1
    assert sets_of(given) == [("a", "b", "c")]
    metric = custom_metric(PARAMETERS, None).with_found({("a", "b", "c"): np.array([1.0])})
    assert np.isnan(metric.replicates(given, np.full((3, 6), 2))).all()
    assert metric.replicates(given, np.ones((1, 6), int)).tolist() == [[1.0]]


def test_the_definition_names_the_source_and_all_that_changes_a_value():
    ids = {
        custom_metric(PARAMETERS | changes, worst).definition_id
        for changes, worst in (
            ({}, None), ({"source": "sha256:1"}, None), ({"function": "f"}, None),
            ({"kind": "per_item"}, None), ({"labels": ["a"]}, None), ({}, 3.0),
        )
    }  # fmt: skip
    assert len(ids) == 6
