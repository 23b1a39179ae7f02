"""What one output has to be, and how it is said that an answer is something else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..case import OutputFile
    from ..inputs import Loaded


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
