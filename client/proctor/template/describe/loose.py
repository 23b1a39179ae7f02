"""Numbers that a model keeps by themselves, in no module or estimator: arrays and tensors."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from .values import Entry, count, shape, word


class Loose(NamedTuple):
    """One array or tensor.

    Attributes:
        value: It; it has a ``dtype`` and a ``shape``.
        numbers: How many it holds; None where it does not know yet.
    """

    name: str
    value: Any
    numbers: int | None
    size_bytes: int


def loose_entry(
    framework: str, package: str, kind: str, kept: list[Loose], source: str, most_layers: int
) -> Entry:
    """Return what is told of them, each as a layer; the version is that of ``package``."""
    known = [one.numbers for one in kept if one.numbers is not None]
    return {
        "source": source,
        "framework": framework,
        "framework_version": word(getattr(sys.modules.get(package), "__version__", "")),
        "type": kind,
        "architecture": "own code",
        "parameters": count(sum(known)) if len(known) == len(kept) else None,
        "memory_bytes": count(sum(one.size_bytes for one in kept)),
        "layers": [
            {
                "name": word(one.name, 1000),
                "type": word(one.value.dtype),
                "shape": shape(one.value.shape),
                "weight_shapes": [shape(one.value.shape)],
                "parameters": count(one.numbers) or 0,
            }
            for one in kept[:most_layers]
        ],
        "truncated": len(kept) > most_layers,
    }
