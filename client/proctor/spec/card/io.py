"""Inputs and outputs of a model as it declares them, apart from any challenge."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from proctor.spec.base import Name, Spec

MediaType = Annotated[
    str,
    Field(
        pattern=r"^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$",
        description="a MIME type such as image/png",
    ),
]
_Text = Annotated[str, Field(max_length=5000)]
_Label = Annotated[str, Field(min_length=1, max_length=200)]


class InputKind(StrEnum):
    """What an input is, whatever file it comes in."""

    IMAGE = "image"
    VOLUME = "volume"
    TABLE = "table"
    TEXT = "text"
    AUDIO = "audio"
    JSON = "json"
    ARRAY = "array"


class InputForm(StrEnum):
    """In which form a model is given an input.

    ``native``: as the reader's own object. ``array``: as a numpy array. ``both``: native first, for
    ``Model.preprocess_native``, then as an array.
    """

    NATIVE = "native"
    ARRAY = "array"
    BOTH = "both"


class OutputKind(StrEnum):
    """What an output is.

    ``label_list``: labels with their probabilities. ``mask_image``: whole numbers on a grid, 0 is
    background. ``instances``: the number of an object for every pixel. ``heatmap``: numbers on a
    grid, higher is more. ``image``: numbers on a grid. ``vector``: numbers in a row. ``contour``:
    lists of points. ``boxes``: boxes or points with labels and scores. ``table``: numbers by
    column. ``text``: text. ``custom``: anything else.
    """

    LABEL_LIST = "label_list"
    MASK_IMAGE = "mask_image"
    INSTANCES = "instances"
    HEATMAP = "heatmap"
    IMAGE = "image"
    VECTOR = "vector"
    CONTOUR = "contour"
    BOXES = "boxes"
    TABLE = "table"
    TEXT = "text"
    CUSTOM = "custom"


class DimLimit(Spec):
    """How long one axis of an input may be."""

    min: int = Field(1, ge=0, strict=True)
    max: int | None = Field(None, ge=1, strict=True, description="no limit when not given")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max {self.max} is below min {self.min}")
        return self


class CardInput(Spec):
    """One input, by whose name it is handed over."""

    type: InputKind
    formats: tuple[MediaType, ...] = Field(
        (), max_length=32, description="that it may come in; any that has a reader when not given"
    )
    form: InputForm | None = Field(
        None, description="array when not given; of a table, a text and JSON native"
    )
    dim_limits: tuple[DimLimit, ...] = Field(
        (),
        max_length=8,
        description="axis by axis: channels, rows, columns of an image; z, y, x of a volume;"
        " channels, frames of a recording; rows, columns of a table; characters of a text; the axes"
        " of an array; fewer are those of the last axes",
    )
    description: _Text = ""


class CardOutput(Spec):
    """One output, by whose name it is returned."""

    type: OutputKind
    labels: tuple[_Label, ...] = Field(
        (), max_length=20_000, description="classes by number, from 0; those of a mask from 1"
    )
    columns: tuple[_Label, ...] = Field((), max_length=2000, description="of a table, in order")
    units: str = Field("", max_length=60)
    description: _Text = ""

    @model_validator(mode="after")
    def _has_columns_where_it_may(self) -> Self:
        if self.columns and self.type not in (OutputKind.TABLE, OutputKind.VECTOR):
            raise ValueError(f"columns are for a table or a vector, not for {self.type}")
        return self


class ModelIo(Spec):
    """What goes in and what comes out, in the order in which people read it."""

    inputs: dict[Name, CardInput] = Field(min_length=1, max_length=64)
    outputs: dict[Name, CardOutput] = Field(min_length=1, max_length=64)
