"""The examples in the docstrings are run, and each metric has one."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import proctor_metrics
from proctor_metrics.registry import metric_class, names

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(proctor_metrics.__path__, "proctor_metrics.")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.failed == 0


@pytest.mark.parametrize("name", names())
def test_a_metric_shows_an_example(name: str) -> None:
    module = importlib.import_module(metric_class(name).__module__)
    assert doctest.testmod(module, extraglobs={"np": np}).attempted > 0
