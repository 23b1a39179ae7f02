"""What an output type is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from .asked import Asked


@dataclass(frozen=True)
class Kind:
    """One output type.

    Attributes:
        check: Turns an answer into the type's plain form, or raises `OutputError`.
        write: Writes the plain form as the file that is asked for.
        axes: What the axes of the plain form are called, by their number.
    """

    check: Callable[[Any, Asked], object]
    write: Callable[[Any, Asked, Path], None]
    axes: tuple[str, ...] = ()
