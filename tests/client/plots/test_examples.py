"""The examples in docstrings, run as they are written."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from proctor.plots import names, numbers, plot


@pytest.mark.parametrize("module", [names, numbers, plot])
def test_examples_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
