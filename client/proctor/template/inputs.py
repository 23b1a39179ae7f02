"""Opens the inputs of a model: by what its card says of them, else by their suffix.

An input that the card declares is checked first (format by content, lengths by the header) and
given in the declared form; `forms` says what that is for each type. One that the card does not
declare is opened by its suffix, as the plainest value Python has for it:

| suffix | value |
|---|---|
| `.npy` | numpy array (object arrays are refused) |
| `.nii`, `.nii.gz` | `Volume`: `.data`, `.affine`, `.spacing_mm` |
| `.csv` | list of dicts, a column of numbers as floats, anything else as text |
| `.json` | what the file says |
| anything else | its `pathlib.Path`, for the model to open |

Without numpy or nibabel in the image, an array or a volume stays a `Path` as well: a model that
has its own reader is not forced to install ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import forms
from .case import HeldInput
from .formats import FORMATS, TYPES, claimed, detect
from .readers import LibraryMissingError, reader_of, to_array
from .readers.tables import rows_of_csv

if TYPE_CHECKING:
    from .card import InputRule
    from .case import InputFile
    from .held import File

MISSING, UNKNOWN = "INPUT_MISSING", "INPUT_UNKNOWN"
FORMAT, DIMENSIONS = "INPUT_FORMAT", "INPUT_DIMENSIONS"
UNREADABLE, LIBRARY = "INPUT_UNREADABLE", "INPUT_LIBRARY_MISSING"


class InputError(Exception):
    """An input is not what the model takes. The text is a sentence that names it.

    Attributes:
        name: The input.
        code: One of the words above.
    """

    def __init__(self, name: str, code: str, reason: str) -> None:
        super().__init__(f"Input {name!r} {reason}.")
        self.name = name
        self.code = code


@dataclass(frozen=True)
class Loaded:
    """One opened input.

    Attributes:
        value: What the model is given; of form `both` the native form.
        format: Its format, where the card declares the input.
    """

    value: object
    rule: InputRule | None = None
    format: str = ""

    def as_array(self, value: object) -> object:
        """Return ``value``, this input in native form or what the model made of it, as an array.

        Raises:
            ValueError: It has no array form; the text is a phrase.
        """
        if self.rule is None:
            return value
        return forms.fit(self.rule.type, self.format, to_array(value))

    @cached_property
    def grid(self) -> object:
        """Return the voxels that an output may have to lie on."""
        try:
            return self.as_array(self.value)
        except ValueError:
            return None


def load_inputs(
    inputs: Mapping[str, InputFile], rules: Mapping[str, InputRule]
) -> dict[str, Loaded]:
    """Check and open every input.

    Raises:
        InputError: One is missing, of another format or size than the card says, or unreadable.
    """
    for name in rules:
        if name not in inputs:
            given = ", ".join(repr(one) for one in inputs) or "none"
            raise InputError(name, MISSING, f"is missing; given is {given}")
    return {name: _load(entry, rules.get(name)) for name, entry in inputs.items()}


def _load(entry: InputFile, rule: InputRule | None) -> Loaded:
    if rule is not None and isinstance(entry, HeldInput):
        return _load_declared(entry.held, rule)
    if not entry.path.is_file() and not (rule is not None and entry.path.is_dir()):
        raise InputError(entry.name, MISSING, f"is declared, but {entry.path} is not there")
    if rule is not None:
        return _load_declared(entry.path, rule)
    try:
        return Loaded(_open(entry.path))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            entry.name, UNREADABLE, f"({entry.path}) cannot be read: {error}"
        ) from error


def _load_declared(file: File, rule: InputRule) -> Loaded:
    taken = rule.formats or TYPES[rule.type]
    found = _format(file, rule, taken)
    try:
        reader = reader_of("text" if rule.type == "text" else found)
    except LibraryMissingError as error:
        raise InputError(rule.name, LIBRARY, f"({file.name}) cannot be opened: {error}") from None
    try:
        shape = reader.shape(file, found) if rule.dim_limits else None
        if shape is not None:
            _check_limits(file, rule, forms.lengths(rule.type, found, shape))
        native = reader.native(file, found)
        whole = forms.fit(rule.type, found, reader.array(native)) if rule.form == "array" else None
    except InputError:
        raise
    # What a decoder raises on a stranger's file is its own affair: every reader's library differs.
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        title = FORMATS[found].title
        raise InputError(
            rule.name, UNREADABLE, f"({file.name}) cannot be read as {title}: {text}"
        ) from error
    if rule.dim_limits and shape is None:
        shape = forms.shape_of(native if whole is None else whole)
        _check_limits(file, rule, forms.lengths(rule.type, found, shape))
    return Loaded(native if whole is None else whole, rule, found)


def _format(file: File, rule: InputRule, taken: tuple[str, ...]) -> str:
    """Tell the format by the content; refuse one that the model does not take."""
    try:
        found = detect(file, taken)
    except OSError as error:
        raise InputError(
            rule.name, UNREADABLE, f"({file.name}) cannot be read: {error.strerror}"
        ) from error
    if found in taken:
        return str(found)
    content = FORMATS[found].title if found else "of no format that is known here"
    name = claimed(file)
    lie = f", though its name says {FORMATS[name].title}" if name and name != found else ""
    allowed = ", ".join(dict.fromkeys(FORMATS[one].mime_types[0] for one in taken))
    raise InputError(
        rule.name, FORMAT, f"({file.name}) is {content}{lie}; the model takes {allowed}"
    )


def _check_limits(file: File, rule: InputRule, lengths: tuple[tuple[str, int], ...]) -> None:
    """Compare the lengths with `dim_limits`, the last with the last."""
    stated = " x ".join(str(length) for _, length in lengths)
    axes = ", ".join(axis for axis, _ in lengths)
    whole = f"({file.name}) is {stated} ({axes})"
    first = len(lengths) - len(rule.dim_limits)
    if first < 0:
        raise InputError(
            rule.name, DIMENSIONS, f"{whole}; the model limits {len(rule.dim_limits)} lengths"
        )
    for index, limit in enumerate(rule.dim_limits):
        axis, length = lengths[first + index]
        if limit.min is not None and length < limit.min:
            wrong = f"at least {limit.min}"
        elif limit.max is not None and length > limit.max:
            wrong = f"at most {limit.max}"
        else:
            continue
        raise InputError(
            rule.name, DIMENSIONS, f"{whole}; the model takes {wrong} {axis} (dim_limits[{index}])"
        )


def _open(path: Path) -> object:
    name = path.name.lower()
    if name.endswith(".npy") and find_spec("numpy"):
        import numpy as np

        return np.load(path, allow_pickle=False)
    if name.endswith((".nii", ".nii.gz")) and find_spec("nibabel"):
        return _volume(path)
    if name.endswith(".csv"):
        return rows_of_csv(path)
    if name.endswith(".json"):
        return json.loads(path.read_text(encoding="utf-8-sig"))
    return path


def _volume(path: Path) -> Any:
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    try:
        image = nibabel.Nifti1Image.from_filename(path)
    except ImageFileError as error:
        raise ValueError(str(error)) from error
    return to_array(image)
