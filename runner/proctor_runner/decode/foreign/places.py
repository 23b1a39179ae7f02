"""Reads places out of an answer: boxes in a picture, and arrays that lie on a grid."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor_runner.decode.csv_rows import short
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.foreign.answers import Rule
from proctor_runner.decode.foreign.classes import class_name

_BOX = "detection_box"
_LEADING = ("item", "label", "score")
_PLACES = frozenset(("point", "corners"))
_BOX_COLUMNS = (*_LEADING, "x0", "y0", "x1", "y1")


def boxes_of(
    value: object, item: int, columns: Sequence[str], known: Collection[str], rule: Rule
) -> list[list[object]]:
    """Return rows of one item, in pixels, of MAX's [ymin, xmin, ymax, xmax] between 0 and 1.

    Raises:
        InvalidOutputError: It is no list of boxes, or the size of the picture is not known.
    """
    if tuple(columns) != _BOX_COLUMNS:
        raise InvalidOutputError("The answers of this contract are boxes of pictures (box_2d).")
    if rule.get("size") is None:
        raise InvalidOutputError(
            "The size of the picture is not known, and the answer's boxes are parts of it; give the"
            " input as PNG or JPEG, or as an array."
        )
    height, width = rule["size"]
    if not isinstance(value, list):
        raise InvalidOutputError(f"The answer is no list of boxes: {short(str(value))!r}.")
    rows: list[list[object]] = []
    for entry in value:
        box = entry.get(rule["at"] or _BOX) if isinstance(entry, dict) else None
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            raise InvalidOutputError(f"The answer has an entry without box: {short(str(entry))!r}.")
        label = class_name(str(entry.get("label", entry.get("label_id"))), known, rule)
        if label is not None:
            top, left, bottom, right = box
            place = [left * width, top * height, right * width, bottom * height]
            rows.append([item, label, entry.get("probability", entry.get("score")), *place])
    return rows


def marks_of(
    value: object, item: int, columns: Sequence[str], known: Collection[str], rule: Rule
) -> list[list[object]]:
    """Return rows of one item, of the points or bounding boxes of a Grand Challenge socket.

    A mark without a probability has 1; the corners of a box may come in any order.

    Raises:
        InvalidOutputError: It is no list of marks, or one has no place or an unknown name.
    """
    marks = value if isinstance(value, dict) else {}
    listed = marks.get("points", marks.get("boxes", [value] if _PLACES & set(marks) else None))
    if not isinstance(listed, list):
        raise InvalidOutputError(f"The answer holds no points or boxes: {short(str(value))!r}.")
    rows: list[list[object]] = []
    for entry in listed:
        mark = entry if isinstance(entry, dict) else {}
        corners = [mark["point"]] if "point" in mark else mark.get("corners")
        place = _corners(corners, len(columns) - len(_LEADING), short(str(entry)))
        label = class_name(str(mark.get("name")), known, rule)
        if label is not None:
            rows.append([item, label, mark.get("probability", 1.0), *place])
    return rows


def _corners(corners: object, numbers: int, said: str) -> list[float]:
    """Return a point, or the lower and upper corner of a box, of so many numbers."""
    axes = {2: 2, 3: 3, 4: 2, 6: 3}[numbers]
    if not isinstance(corners, list) or not corners:
        raise InvalidOutputError(f"The answer has a mark without place: {said!r}.")
    for corner in corners:
        if not isinstance(corner, list) or len(corner) < axes or not all(map(_is_number, corner)):
            raise InvalidOutputError(f"The answer has a mark without {axes} numbers: {said!r}.")
    if numbers == axes:
        return list(corners[0][:axes])
    along = list(zip(*corners, strict=False))[:axes]
    return [min(one) for one in along] + [max(one) for one in along]


def outlines_of(value: object) -> list[object]:
    """Return outlines as the task's file has them, of ModelHub's list or lists of coordinates.

    Raises:
        InvalidOutputError: It is no list.
    """
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list):
        raise InvalidOutputError(f"The answer is no list of outlines: {short(str(value))!r}.")
    if all(isinstance(one, dict) for one in value):
        return value
    one_outline = all(isinstance(one, list) and all(map(_is_number, one)) for one in value)
    return [{"points": one} for one in ([value] if one_outline else value)]


def array_of(value: object, shape: tuple[int, ...], rule: Rule) -> npt.NDArray[Any]:
    """Return an array in the order of a grid's axes.

    Axes of length 1 around it are taken off. Without ``axes`` the order is found by the shape,
    where that can be told.

    Raises:
        InvalidOutputError: It is no array of numbers, of another shape, or of two orders alike.
    """
    try:
        array = np.asarray(value)
    except ValueError:
        raise InvalidOutputError("The answer's rows are of different lengths.") from None
    if array.dtype.kind not in "iufb":
        raise InvalidOutputError(f"The answer is an array of {array.dtype}; expected numbers.")
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    for axis in (0, -1):
        while array.ndim > len(shape) and array.shape[axis] == 1:
            array = array.squeeze(axis)
    if array.ndim == len(shape) - 1 and shape[-1] == 1:
        # A picture, its rows first, on the grid of one slice.
        array = array[np.newaxis]
    turned = shape[::-1]
    if array.shape not in (shape, turned):
        raise InvalidOutputError(
            f"The answer has the shape {array.shape}; expected {shape}, or {turned} of its axes the"
            " other way round."
        )
    order = rule["axes"]
    if order is None and len(shape) == 3 and shape == turned:
        raise InvalidOutputError(
            f"The answer has the shape {shape}, which is the same from either end; say under axes"
            " whether it is xyz or zyx."
        )
    if order == "zyx" or (order is None and array.shape != shape):
        array = array.T
    if array.shape != shape:
        raise InvalidOutputError(
            f"The answer has the shape {array.shape} in the order {order}; expected {shape}."
        )
    return np.ascontiguousarray(array)


def nifti(array: npt.NDArray[Any], affine: npt.NDArray[np.float64]) -> bytes:
    """Return a volume as the bytes of a NIfTI file."""
    import nibabel

    kind = array.dtype
    if kind.kind in "iu" and kind.itemsize == 8:
        # Eight bytes of whole numbers are no honest label; doubles hold them exactly to 2**53.
        array = array.astype(np.float64)
    if kind == np.float16:
        array = array.astype(np.float32)
    volume = nibabel.Nifti1Image(array, affine)  # type: ignore[no-untyped-call]  # typed in part
    found: bytes = volume.to_bytes()
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
