"""The engine of this very process as a service's backend."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .. import failures
from ..engine import Engine, ModelError
from ..inputs import DIMENSIONS, FORMAT, LIBRARY, InputError
from .failures import RefusedError
from .telling import tell

if TYPE_CHECKING:
    from ..card import Card
    from ..held import File
    from .backend import Answer, Wish

_STATUS = {FORMAT: 415, LIBRARY: 501}
_CODE = {FORMAT: "wrong_format", DIMENSIONS: "wrong_size", LIBRARY: "no_reader"}


class EngineBackend:
    """Asks an engine; whoever asks must be the thread that loaded the model.

    Args:
        engine: A loaded model.
        folder: The model's folder.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    @property
    def card(self) -> Card:
        """What the model says of itself."""
        return self._engine.card

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self._folder

    def answer(self, inputs: Mapping[str, File], folder: Path, wish: Wish) -> Answer:
        """Ask the model; see `backend.Backend`."""
        try:
            prediction = self._engine.predict(inputs)
            return tell(prediction, folder, wish)
        except InputError as error:
            raise of_input(error, inputs) from error
        except ModelError as error:
            failures.show(error, self._folder)
            print(error, file=sys.stderr, flush=True)
            raise of_model() from error


def of_input(error: InputError, inputs: Mapping[str, File]) -> RefusedError:
    """Return the refusal of an input: the sentence without any folder of this machine."""
    sentence = str(error)
    for file in inputs.values():
        path = file if isinstance(file, Path) else file.written
        if path is not None:
            sentence = sentence.replace(str(path), file.name)
    status, code = _STATUS.get(error.code, 422), _CODE.get(error.code, "unreadable_input")
    return RefusedError(status, code, sentence, field=error.name)


def of_model() -> RefusedError:
    """Return the refusal that a model's failure becomes: the reason is the operator's to read."""
    return RefusedError(
        500, "model_failed", "The model failed on this input; the service's log says why."
    )
