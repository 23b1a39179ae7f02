"""What is said of a metric's parameters is what the metric reads."""

import pytest

from proctor_metrics import names
from proctor_metrics.describe import describe
from proctor_metrics.registry import metric_class, resolve


def test_a_parameter_says_what_it_may_be_and_what_it_is_by_default() -> None:
    found = {one.name: one for one in describe(metric_class("hd95")).parameters}
    assert found["definition"].choices == ("surfel", "voxel6", "voxel6-pooled", "itk-6-26")
    assert found["percentile"].allowed == "a number above 0 and at most 100"
    assert (found["percentile"].default, found["percentile"].only_with) == ("95", "")


def test_a_parameter_of_one_choice_alone_says_which() -> None:
    found = {one.name: one for one in describe(metric_class("boundary_iou")).parameters}
    assert found["distance_mm"].only_with == "definition: voxel6"
    assert found["width_voxels"].only_with == "definition: erosion"
    assert found["width_voxels"].default is None
    assert found["both_empty"].only_with == ""


def test_a_worst_value_that_must_be_declared_is_told() -> None:
    assert describe(metric_class("volume_error")).worst_required
    assert not describe(metric_class("dice")).worst_required


@pytest.mark.parametrize("name", names())
def test_every_parameter_says_what_it_may_be(name: str) -> None:
    """A way of reading that the page does not know would print an empty cell."""
    for one in describe(metric_class(name)).parameters:
        assert one.choices or one.allowed, one.name


@pytest.mark.parametrize("name", names())
def test_every_parameter_that_is_told_is_taken(name: str) -> None:
    described = describe(metric_class(name))
    chosen = {f"{one.name}: {one.default}" for one in described.parameters}
    given = {
        one.name: one.example
        for one in described.parameters
        if one.default is None and one.only_with in {"", *chosen}
    }
    worst = 1000.0 if described.worst_required else None
    assert resolve(name, given, worst=worst).name == described.example.name
