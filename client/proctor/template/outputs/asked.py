"""What one output has to be, and how it is said that an answer is something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..readers.pictures import PICTURE_FORMATS
from ..values import Volume

if TYPE_CHECKING:
    from ..case import OutputFile
    from ..inputs import Loaded


_FLAT = 2


class OutputError(Exception):
    """The model answered, but not what was asked for. The text is a phrase."""


@dataclass(frozen=True)
class Asked:
    """One output that is asked for.

    Attributes:
        items: The items to be answered in their order; none where nobody knows how many.
        inputs: What the model was given, some of which an output may have to lie on.
    """

    output: OutputFile
    items: tuple[str, ...] = ()
    inputs: Mapping[str, Loaded] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """Return the file's name in small letters, for its end to be compared."""
        return self.output.file.lower()

    @property
    def grid(self) -> object:
        """Return the voxels of the input that the output must lie on; None where there are none."""
        found = self.inputs.get(self.output.grid or "")
        return None if found is None else found.grid

    @property
    def grid_shape(self) -> tuple[int, ...] | None:
        """Return the shape of that input, with the channels of a picture; None without one."""
        grid = self.grid
        shape = getattr(grid.data if isinstance(grid, Volume) else grid, "shape", None)
        return None if shape is None else tuple(shape)

    @property
    def map_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a map on it, one number a pixel; None without one."""
        shape = self.grid_shape
        found = self.inputs.get(self.output.grid or "")
        colored = found is not None and found.format in PICTURE_FORMATS and len(shape or ()) > _FLAT
        return shape[:_FLAT] if shape is not None and colored else shape
