"""The answer to files instead of a case: values by output name, checked, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .case import OutputFile
from .formats import detect
from .outputs.asked import OutputError
from .outputs.custom import plain_json
from .outputs.hdf5 import write_hdf5
from .readers import LibraryMissingError, reader_of
from .values import Volume

if TYPE_CHECKING:
    from .card import Card
    from .inputs import Loaded

_SUFFIXES = {
    "label_list": ".csv",
    "table": ".csv",
    "vector": ".csv",
    "text": ".json",
    "boxes": ".json",
    "contour": ".json",
    "mask_image": ".nii.gz",
    "instances": ".nii.gz",
    "image": ".npy",
    "heatmap": ".npy",
    "custom": ".json",
}


_OF_VOXELS = ("mask_image", "instances", "image", "heatmap")


@dataclass(frozen=True)
class Prediction:
    """One answer, checked.

    Attributes:
        values: By output name, in the plain form of its type (see `outputs`): lists and numbers,
            or a numpy array for what has voxels.
        outputs: What was asked for, by name, in order.
        inputs: What was opened.
        model_s: Seconds that the model itself took, its hooks included.
        total_s: Seconds with opening and checking.
    """

    values: Mapping[str, Any]
    outputs: Mapping[str, OutputFile]
    inputs: Mapping[str, Loaded]
    model_s: float
    total_s: float

    def plain(self, name: str) -> object:
        """Return the value of an output as JSON has it: arrays as nested lists."""
        return plain_json(self.values[name])

    def write_hdf5(self, name: str, path: Path) -> None:
        """Write an output as HDF5; `outputs.hdf5` says what is in the file.

        Raises:
            OutputError: h5py is not installed.
        """
        write_hdf5(self.values[name], self.outputs[name], self.grid_of(name), path)

    def grid_of(self, name: str) -> Volume | None:
        """Return the volume whose place in space an output of voxels shares.

        That is the input its `grid` names; where none is named, an input of its shape, if all
        such inputs lie at one place.
        """
        output, value = self.outputs[name], self.values[name]
        if output.type not in _OF_VOXELS:
            return None
        names = [output.grid] if output.grid else list(self.inputs)
        grids = [self.inputs[one].grid for one in names if one in self.inputs]
        shape = getattr(value, "shape", None)
        found = [grid for grid in grids if isinstance(grid, Volume) and grid.data.shape == shape]
        same = all((grid.affine == found[0].affine).all() for grid in found)
        return found[0] if found and same else None


def asked_by_card(card: Card) -> dict[str, OutputFile]:
    """Return the outputs that a card declares."""
    return {
        name: OutputFile(
            name=name,
            type=rule.type,
            file=name + _SUFFIXES[rule.type],
            columns=rule.columns,
            labels=rule.labels,
            units=rule.units,
            description=rule.description,
        )
        for name, rule in card.outputs.items()
    }


def asked_by_answer(answer: object) -> dict[str, OutputFile]:
    """Return outputs of type `custom` for whatever was answered, where nothing is declared."""
    names = [str(name) for name in answer] if isinstance(answer, Mapping) else ["output"]
    return {name: OutputFile(name, "custom", name + _SUFFIXES["custom"]) for name in names}


def read_back(value: object, output: OutputFile) -> object:
    """Return what a file that the model wrote itself holds; any other value as it is.

    Raises:
        OutputError: The file is not there or cannot be read as what its type is written as.
    """
    if isinstance(value, bytes):
        raise OutputError(
            f"output {output.name!r} is bytes, which only a case can take; return the value or the "
            "pathlib.Path of a file"
        )
    if not isinstance(value, Path):
        return value
    try:
        found = detect(value)
        if found is None:
            raise OutputError(f"output {output.name!r}: {value.name} is of no format known here")
        reader = reader_of(found)
        native = reader.native(value, found)
        rows = isinstance(native, list)
        return _unlisted(native, output) if rows else reader.array(native)
    except LibraryMissingError as error:
        raise OutputError(f"output {output.name!r}: {error}") from None
    except OutputError:
        raise
    # As for inputs: what a decoder raises is its own affair.
    except Exception as error:
        raise OutputError(f"output {output.name!r}: {value} cannot be read: {error}") from error


def _unlisted(rows: Any, output: OutputFile) -> object:
    """Undo the header of a list with one column, which CSV needs and a list of values has not."""
    header = {"label_list": "label", "vector": "value"}.get(output.type)
    if header and all(isinstance(row, Mapping) and set(row) == {header} for row in rows):
        return [_whole(row[header]) if header == "label" else row[header] for row in rows]
    return rows


def _whole(label: Any) -> object:
    return int(label) if isinstance(label, float) and label.is_integer() else label
