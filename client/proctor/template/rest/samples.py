"""The samples of a model folder: listed once, and found by their names in that list alone.

A sample is a file for a model of one input; for one of many it is a JSON document as ModelHub
writes them, or a folder that holds a file for each input, called like it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import RefusedError, unreadable

if TYPE_CHECKING:
    from collections.abc import Collection

FOLDERS = ("samples", "sample_data")
_MOST_FILES = 1000
_MOST_DEPTH = 3
_MOST_DOCUMENT_BYTES = 1 << 20
_NOT_SAMPLES = ("license", "readme", "thumbs.db")


class Samples:
    """What lies in the samples folder of a model.

    Attributes:
        names: What can be asked for, in order.
        files: Every plain file by its path below the folder, with slashes.
    """

    def __init__(self, model: Path | None, inputs: Collection[str]) -> None:
        self.files: dict[str, Path] = {}
        self._inputs = tuple(inputs)
        for name in FOLDERS if model is not None else ():
            if model is not None and (model / name).is_dir() and not self.files:
                self._list(model / name, "", 1)
        self.names = tuple(sorted(name for name in self._tops() if self._is_sample(name)))

    def inputs_of(self, name: str) -> dict[str, Path]:
        """Return the files of a sample by input name.

        Raises:
            RefusedError: There is no such sample, or it does not fit the model.
        """
        if name not in self.names:
            raise RefusedError(404, "no_such_sample", "The given sample file does not exist.")
        if name not in self.files:
            return self.inputs_in(name)
        if self._is_document(name):
            return self._of_document(name)
        return {self._inputs[0] if self._inputs else "input": self.files[name]}

    def inputs_in(self, folder: str) -> dict[str, Path]:
        """Return the files of a folder by input name; a folder may be for documents alone."""
        return {
            Path(path).name.split(".")[0]: file
            for path, file in self.files.items()
            if path.startswith(folder + "/")
        }

    def find(self, place: str) -> Path | None:
        """Return a file by its path as a document writes it, with or without the folder's name."""
        plain = place.lstrip("/")
        for folder in FOLDERS:
            if plain.startswith(folder + "/"):
                plain = plain[len(folder) + 1 :]
        return self.files.get(plain)

    def _of_document(self, name: str) -> dict[str, Path]:
        try:
            document = json.loads(self.files[name].read_text(encoding="utf-8"))
            places = {
                key: str(entry["fileurl"]) for key, entry in document.items() if key != "format"
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise unreadable(f"The sample {name} is no document of inputs.") from error
        found: dict[str, Path] = {}
        for key, place in places.items():
            file = self.find(place)
            if file is None:
                raise unreadable(f"The sample {name} names a file that is not there.", key)
            found[key] = file
        return found

    def _is_document(self, name: str) -> bool:
        return len(self._inputs) > 1 and name.lower().endswith(".json")

    def _is_sample(self, name: str) -> bool:
        if name.lower().startswith(_NOT_SAMPLES) or name.startswith("."):
            return False
        if len(self._inputs) < 2:
            return True
        if name in self.files:
            return self._is_document(name)
        return set(self._inputs) <= set(self.inputs_in(name))

    def _tops(self) -> set[str]:
        many = len(self._inputs) > 1
        return {path.split("/")[0] for path in self.files if many or "/" not in path}

    def _list(self, folder: Path, under: str, depth: int) -> None:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                if entry.is_symlink() or len(self.files) >= _MOST_FILES:
                    continue
                if entry.is_file(follow_symlinks=False):
                    self.files[under + entry.name] = Path(entry.path)
                elif entry.is_dir(follow_symlinks=False) and depth < _MOST_DEPTH:
                    self._list(Path(entry.path), f"{under}{entry.name}/", depth + 1)


def read_document(text: bytes) -> Mapping[str, object]:
    """Return a JSON object that somebody sent.

    Raises:
        RefusedError: It is none.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable("The request is not written in JSON.") from error
    if not isinstance(document, dict):
        raise unreadable("A JSON object with a field for each input was expected.")
    return document
