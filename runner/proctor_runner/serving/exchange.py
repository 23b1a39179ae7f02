"""What goes into a sandbox for one question, and how the answer is read that comes out.

The native exchange is `request.json` and `answer.json` of the engine; images that keep another
system's contract have one of their own, in `foreign`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from proctor.template.card import Card
from proctor.template.rest.backend import Answer, Wish, file_names
from proctor.template.rest.boxed import read_answer, request_document
from proctor.template.serve import REQUEST_FILE
from proctor_runner.contracts.interface import AskedCase
from proctor_runner.contracts.native import suffix

_UNDECLARED = 16
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")


class Exchange(Protocol):
    """Writes questions and reads answers for one model."""

    def ask(self, request: str, inputs: Mapping[str, Path], wish: Wish) -> AskedCase:
        """Return what the program finds of a question; `answer.json` is among the outputs.

        Raises:
            RefusedError: It is none that this model can be asked.
        """
        ...

    def read(
        self, text: bytes, files: Mapping[str, Path], inputs: Mapping[str, Path], seconds: float
    ) -> Answer:
        """Return the answer that came out.

        Args:
            text: Of `answer.json`.
            files: The other files that came out, by name.
            inputs: What was asked about.
            seconds: From question to answer, as seen from outside.

        Raises:
            RefusedError: The model does not take the inputs.
            AnswerError: It is no answer.
        """
        ...


class NativeExchange:
    """Speaks with the engine."""

    def __init__(self, card: Card) -> None:
        self._card = card

    def ask(self, request: str, inputs: Mapping[str, Path], wish: Wish) -> AskedCase:
        """Return a `request.json` and the files that it names."""
        names = named(inputs)
        return AskedCase(
            documents={REQUEST_FILE: request_document(request, names, wish)},
            inputs={names[name]: path for name, path in inputs.items()},
            outputs=file_names(len(self._card.outputs) or _UNDECLARED, len(inputs)),
        )

    def read(
        self, text: bytes, files: Mapping[str, Path], inputs: Mapping[str, Path], seconds: float
    ) -> Answer:
        """Return what the engine wrote; it measured the seconds itself."""
        return read_answer(text, files)


def named(inputs: Mapping[str, Path]) -> dict[str, str]:
    """Return the file names of inputs in a sandbox: as in an examination, by the input's name."""
    return {
        name: f"{name if _PLAIN.match(name) else f'input-{number}'}{suffix(path.name)}"
        for number, (name, path) in enumerate(inputs.items())
    }
