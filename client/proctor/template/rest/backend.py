"""The seam between what speaks HTTP and what has the model.

An answer is plain values and files that lie in a folder of the caller's, because it may come out of
a sandbox: `Answer.from_document` believes nothing of what it reads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..card import Card
    from ..held import File

ANSWER_FILE = "answer.json"
PICTURED = ("mask_image", "heatmap", "image", "instances")
"""The types of output whose picture is drawn beside the model; pages draw the others."""

_MOST_PARTS = 64
_FILE = re.compile(r"(?:output|input)-[0-9]{1,2}\.(?:h5|npy|png)\Z")
_DTYPE = re.compile(r"[a-z0-9_]{0,32}\Z")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}\Z")
_TYPE = re.compile(r"[a-z_]{1,32}\Z")


class AnswerError(Exception):
    """What came out of a model's container is no answer."""


@dataclass(frozen=True)
class Picture:
    """A PNG file, and how its pixels lie in the array that it shows.

    Attributes:
        rows: Of the array, which may have more than the picture.
        columns: Of the array.
        is_turned: Whether rows go upwards, as the second index of a volume does.
        slice: The index of the plane shown; -1 of a flat array.
        slices: How many planes there are; 1 of a flat array.
    """

    path: Path
    rows: int
    columns: int
    is_turned: bool = False
    slice: int = -1
    slices: int = 1


@dataclass(frozen=True)
class Wish:
    """What is wanted of an answer beside its values.

    Attributes:
        pictures: Somebody will look at pictures.
        vector_files: Vectors are wanted as files as well.
        threshold: How probable a class or a box must be to be told, for a model that asks; "" for
            whatever it thinks right.
    """

    pictures: bool = False
    vector_files: bool = False
    threshold: str = ""


@dataclass(frozen=True)
class Part:
    """One output of an answer.

    Attributes:
        shape: Of an array, or the length of a list; empty for a single value.
        value: As JSON has it; None where the output is a file alone.
        file: The file of an array, HDF5 or NPY.
        picture: To be laid over the picture of the input `over`, or to be shown alone.
        over: The input that the picture fits on; empty for none.
        labels: Of a mask with a picture: the labels in it, but 0.
    """

    name: str
    type: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    value: object = None
    file: Path | None = None
    picture: Picture | None = None
    over: str = ""
    labels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a model answered.

    Attributes:
        seconds: What reading, asking and checking took, without any waiting.
        pictures: Of the inputs that have one, by name.
        sizes: Rows and columns of the inputs that are images, where boxes are to be placed.
        max_predictions: What a model that speaks MAX's words itself said in them.
    """

    parts: tuple[Part, ...]
    seconds: float
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    max_predictions: tuple[object, ...] | None = None

    def to_document(self) -> dict[str, object]:
        """Return it in JSON's terms; files by their names."""
        return {
            "parts": [
                {
                    "name": part.name,
                    "type": part.type,
                    "shape": list(part.shape),
                    "dtype": part.dtype,
                    "value": part.value,
                    "file": part.file.name if part.file else None,
                    "picture": _picture_document(part.picture) if part.picture else None,
                    "over": part.over,
                    "labels": list(part.labels),
                }
                for part in self.parts
            ],
            "seconds": self.seconds,
            "pictures": {name: _picture_document(one) for name, one in self.pictures.items()},
            "sizes": {name: list(size) for name, size in self.sizes.items()},
        }

    @classmethod
    def from_document(cls, document: object, files: Mapping[str, Path]) -> Answer:
        """Return what a document says, if it can be an answer.

        Args:
            files: What lies beside it, by name; nothing else is ever opened.

        Raises:
            AnswerError: It cannot.
        """
        try:
            return _answer(document, files)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AnswerError(f"the answer is not written as one: {error}") from error


def file_names(outputs: int, inputs: int) -> tuple[str, ...]:
    """Return every name that a file of an answer may have."""
    written = [
        f"output-{index}{suffix}" for index in range(outputs) for suffix in (".h5", ".npy", ".png")
    ]
    return (ANSWER_FILE, *written, *(f"input-{index}.png" for index in range(inputs)))


class Backend(Protocol):
    """Has one model, and asks it one question at a time."""

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        ...

    @property
    def folder(self) -> Path | None:
        """Its folder, for samples, licenses and downloads; None where it is an image alone."""
        ...

    def answer(self, inputs: Mapping[str, File], folder: Path, wish: Wish) -> Answer:
        """Ask the model.

        Args:
            inputs: Files by input name.
            folder: Not there yet; it is made where the answer has files, and holds them.

        Raises:
            RefusedError: The inputs are not what it takes, or it failed.
        """
        ...


def _answer(document: object, files: Mapping[str, Path]) -> Answer:
    if not isinstance(document, dict):
        raise TypeError("it is no object")
    parts = document["parts"]
    if not isinstance(parts, list) or len(parts) > _MOST_PARTS:
        raise TypeError("its parts are no list")
    return Answer(
        parts=tuple(_part(part, files) for part in parts),
        seconds=_seconds(document["seconds"]),
        pictures={
            _matched(name, _NAME): found
            for name, picture in dict(document["pictures"]).items()
            if (found := _picture(picture, files)) is not None
        },
        sizes={
            _matched(name, _NAME): (int(rows), int(columns))
            for name, (rows, columns) in dict(document["sizes"]).items()
        },
    )


def _part(part: dict[str, object], files: Mapping[str, Path]) -> Part:
    return Part(
        name=_matched(part["name"], _NAME),
        type=_matched(part["type"], _TYPE),
        shape=_lengths(part["shape"]),
        dtype=_matched(part["dtype"], _DTYPE),
        value=part["value"],
        file=_file(part["file"], files),
        picture=_picture(part["picture"], files),
        over="" if part["over"] == "" else _matched(part["over"], _NAME),
        labels=_lengths(part["labels"]),
    )


def _lengths(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(n) is int and n >= 0 for n in value):
        raise TypeError("whole numbers were expected")
    return tuple(value)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("its seconds are no number")
    if not math.isfinite(value) or value < 0:
        raise ValueError("its seconds cannot be")
    return float(value)


def _file(name: object, files: Mapping[str, Path]) -> Path | None:
    return None if name is None else files[_matched(name, _FILE)]


def _picture_document(picture: Picture) -> dict[str, object]:
    return {
        "file": picture.path.name,
        "rows": picture.rows,
        "columns": picture.columns,
        "is_turned": picture.is_turned,
        "slice": picture.slice,
        "slices": picture.slices,
    }


def _picture(document: object, files: Mapping[str, Path]) -> Picture | None:
    if document is None:
        return None
    if not isinstance(document, dict):
        raise TypeError("a picture is no object")
    path = _file(document["file"], files)
    if path is None:
        return None
    numbers = [document[name] for name in ("rows", "columns", "slice", "slices")]
    if not all(type(number) is int for number in numbers):
        raise TypeError("a picture has no size")
    return Picture(path, numbers[0], numbers[1], bool(document["is_turned"]), *numbers[2:])


def _matched(value: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.match(value):
        raise ValueError("a name cannot be")
    return value
