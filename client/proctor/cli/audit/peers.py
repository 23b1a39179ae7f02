"""What a peer of tables is given and says, and how its library is called."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Answers(NamedTuple):
    """Items with their truth; predictions have a column for each class, or are classes.

    ``classes`` are those of the columns, in ascending order, as the columns then are.
    """

    predicted: npt.NDArray[Any]
    true: npt.NDArray[Any]
    classes: tuple[int, ...] = ()


class Found(NamedTuple):
    """A value, None where it is left to an edge rule, and how many items followed one."""

    value: float | None
    edges: int = 0


@dataclass(frozen=True)
class TablePeer:
    """How another library computes a metric.

    Attributes:
        pooled: whether it is of all items of a task at once, not a mean over them.
    """

    library: str
    measure: Callable[[Answers], Found]
    pooled: bool


def function(module: str, name: str) -> Callable[..., Any]:
    """Return a function of another library, imported when it is asked for."""
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def call(module: str, name: str, *arguments: object, **options: object) -> float:
    """Return what a function of another library finds."""
    with warnings.catch_warnings():
        # Of rounded rows and absent classes the libraries warn; what follows is compared.
        warnings.simplefilter("ignore")
        found = function(module, name)(*arguments, **options)
    return float(getattr(found, "statistic", found))
