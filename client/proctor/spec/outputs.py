"""The outputs of a task: what a model writes for every case, and how it is read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from proctor.spec.base import FileName, Name, Spec
from proctor.spec.boxes import MOST_PER_ITEM, Geometry, predicted_columns

GEOMETRIES = ", ".join(Geometry)

VECTOR_COLUMNS = ("value",)
"""The one column that a vector is."""

ClassDivisor = Annotated[
    int | None,
    Field(
        ge=2,
        le=10_000_000,
        description="of instances of several classes: object 2003 is of class 2 if it is 1000",
    ),
]


PICTURE_SUFFIXES = (".png", ".tif", ".tiff")
"""How the name of a picture ends whose numbers are as they were written."""

LOSSY_SUFFIXES = (".jpg", ".jpeg")
"""How the name of a picture ends that is for looking at alone."""


class OutputType(StrEnum):
    """What a model writes and how decode reads it.

    ``table``: a number for every item and column, in CSV, or as an array of floats in a file whose
    name ends in ``.npy``.
    ``label_list``: in CSV under the header ``label``, a class for every item by its number or name.
    ``mask_image``: a label map on the grid of an input, as a volume; on an array or a picture as an
    array of its shape in a file whose name ends in ``.npy``, or as a picture, ``.png``, ``.tif`` or
    ``.tiff``, of one number a pixel.
    ``image``: finite numbers on the grid of an input, as a volume, or as an array of floats of its
    shape in a file whose name ends in ``.npy``; of an array input, as such an array. Of an array,
    or of a file that is a picture, also as a picture of its shape in a file whose name ends in
    ``.png``, ``.tif`` or ``.tiff``, of the numbers as they are stored: rows and columns, then the
    channels where there are several, or before them the pages of a TIFF.
    ``text``: a text for every item, as a JSON array of strings, or the text itself in a file whose
    name ends in ``.txt`` where a case is one item; a text has at most 64 KiB of UTF-8, those of a
    case 16 MiB.
    ``boxes``: boxes or points, any number in an item, each with a class and a score; in CSV under
    the header ``item,label,score`` and the numbers of its ``geometry``, or in a file whose name
    ends in ``.json`` as a list of objects with these names. A row with an item alone is no box.
    ``instances``: a map of objects on the grid of an input, in the files of a mask, every voxel the
    number of its object or 0; a number divided by ``class_divisor`` is a class, where there are
    several.
    ``heatmap``: an image in which higher is more likely; it may be held against a mask too.
    ``vector``: a number for every item, in CSV under the header ``value``, or as an array of one
    axis in a file whose name ends in ``.npy``.
    ``contour``: outlines on the grid of an input, in a ``.json`` file: a list of objects with a
    ``label``, which may be left out where there is one, and ``points``, each ``[x, y, z]`` in
    voxels, or ``[x, y]`` where there is one slice; on a picture x goes along its rows. An outline
    lies in one slice and closes by itself. It is scored as the mask that it fills: a voxel is
    inside where the outlines of a label go around its center an odd number of times, and has the
    last of several labels.
    ``custom``: anything that JSON says in a ``.json`` file of at most 4 MiB, for a metric of the
    organizer's own.
    """

    TABLE = "table"
    LABEL_LIST = "label_list"
    MASK_IMAGE = "mask_image"
    IMAGE = "image"
    TEXT = "text"
    BOXES = "boxes"
    INSTANCES = "instances"
    HEATMAP = "heatmap"
    VECTOR = "vector"
    CONTOUR = "contour"
    CUSTOM = "custom"

    @property
    def on_a_grid(self) -> bool:
        """Tell whether it lies on the grid of an input."""
        return self in _ON_A_GRID

    @property
    def is_mask(self) -> bool:
        """Tell whether its canonical form is a map of the task's labels."""
        return self in (OutputType.MASK_IMAGE, OutputType.CONTOUR)

    @property
    def of_numbers(self) -> bool:
        """Tell whether every voxel of it holds any finite number."""
        return self in (OutputType.IMAGE, OutputType.HEATMAP)


_ON_A_GRID = (
    OutputType.MASK_IMAGE,
    OutputType.INSTANCES,
    OutputType.IMAGE,
    OutputType.HEATMAP,
    OutputType.CONTOUR,
)


_JSON_ONLY = (OutputType.CONTOUR, OutputType.CUSTOM)


class UnknownLabels(StrEnum):
    """What becomes of a mask with a number that is no label: refused, or taken for background."""

    REFUSE = "refuse"
    IGNORE = "ignore"


class OutputSpec(Spec):
    """One named output a model writes for every case."""

    type: OutputType
    file: FileName
    columns: tuple[str, ...] = Field(
        (), description="of a table, in order; those of boxes follow from their geometry"
    )
    grid: Name | None = Field(
        None,
        description="of a mask, instances, an image, a heatmap or contours: the input whose grid it"
        " lies on",
    )
    unknown_labels: UnknownLabels | None = Field(
        None, description="of a mask: what a number that is no label does; refuse when not given"
    )
    geometry: Geometry | None = Field(None, description="of boxes: what a row is")
    most_per_item: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description=f"of boxes: how many an item may hold, {MOST_PER_ITEM} when not given",
    )
    class_divisor: ClassDivisor = None

    @model_validator(mode="before")
    @classmethod
    def _some_have_columns(cls, document: object) -> object:
        """Give boxes and vectors their columns, so that everybody reads them off the spec."""
        if not isinstance(document, dict):
            return document
        if document.get("type") == OutputType.VECTOR:
            if tuple(document.get("columns") or VECTOR_COLUMNS) != VECTOR_COLUMNS:
                raise ValueError("a vector has no columns; leave them out, or say table")
            return document | {"columns": VECTOR_COLUMNS}
        if document.get("type") != OutputType.BOXES:
            return document
        geometry = document.get("geometry")
        if geometry not in list(Geometry):
            return document
        columns = predicted_columns(Geometry(geometry))
        if tuple(document.get("columns") or columns) != columns:
            raise ValueError(f"the columns of {geometry} are {', '.join(columns)}; leave them out")
        return {"most_per_item": MOST_PER_ITEM} | document | {"columns": columns}

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        if self.type is OutputType.TABLE and not self.columns:
            raise ValueError("a table output needs its columns, for example columns: [a, b]")
        if self.type.on_a_grid and self.grid is None:
            raise ValueError(f"a {self.type} output needs grid: the input whose grid it lies on")
        if self.class_divisor is not None and self.type is not OutputType.INSTANCES:
            raise ValueError("class_divisor is for instances")
        if self.type is not OutputType.MASK_IMAGE and self.unknown_labels is not None:
            raise ValueError("unknown_labels is for masks")
        if self.type is OutputType.TEXT and not self.file.endswith((".json", ".txt")):
            raise ValueError("a text output is a file .json, or .txt where a case is one item")
        if self.type in _JSON_ONLY and not self.file.endswith(".json"):
            raise ValueError(f"a {self.type} output is a file .json")
        if (self.type is OutputType.BOXES) != (self.geometry is not None):
            raise ValueError(f"geometry is what a boxes output needs, and no other: {GEOMETRIES}")
        if self.most_per_item is not None and self.type is not OutputType.BOXES:
            raise ValueError("most_per_item is for boxes")
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("a column is named twice")
        return self

    @property
    def holds_one_class(self) -> bool:
        """Tell whether it holds instances that nothing tells the class of."""
        return self.type is OutputType.INSTANCES and self.class_divisor is None
