"""The percentile of weighted distances, against a sort of all of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from proctor_metrics.segmentation.weighted_percentile import weighted_percentile


@settings(max_examples=200, deadline=None)
@given(
    arrays(np.float64, st.integers(1, 40), elements=st.sampled_from([0, 1, 1.5, 2**0.5, 3, 700.0])),
    st.integers(1, 1000),
    st.sampled_from([1.0, 50.0, 95.0, 100.0]),
)
def test_it_is_the_first_distance_at_which_the_weight_reaches_the_share(distances, seed, percent):
    weights = np.random.RandomState(seed).randint(1, 9, distances.size).astype(np.float64)
    order = np.argsort(distances, kind="stable")
    reached = np.searchsorted(np.cumsum(weights[order]), percent / 100 * weights.sum() - 1e-9)
    assert weighted_percentile(distances, weights, percent) == distances[order[reached]]
