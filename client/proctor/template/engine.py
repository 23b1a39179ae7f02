"""Loads a model folder once and lets its `Model` answer cases.

The hard part is blame. Whatever a participant's code does (raise, exit, return the wrong thing)
becomes a `ModelError` with one paragraph that names the file, so that the last lines of a log say
what to repair. `Engine` holds no protocol: `__main__` feeds it one case, `serve` many.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from .case import Case, read_case
from .inputs import load_inputs
from .outputs import OutputError, write_outputs

T = TypeVar("T")


class ModelError(Exception):
    """The model failed on this case. `__cause__` is what its code raised, if it raised."""


class ModelFolderError(ModelError):
    """The model cannot start, whatever the case: no model.py, no `Model`, a failing `load`."""


class Engine:
    """A loaded model. Make one with `Engine.start`, then ask it for answers."""

    def __init__(self, model: object, source: Path) -> None:
        self._model = model
        self._source = source
        self._process = os.getpid()

    @classmethod
    def start(cls, folder: Path, seed: int) -> Engine:
        """Import `model.py`, make its `Model` and let it load the folder.

        Raises:
            ModelFolderError: There is no such file or class, or it fails before the first case.
        """
        source = folder / "model.py"
        try:
            model = _guard(source, "Model()", _model_class(source))
            engine = cls(model, source)
            engine._seed(seed)
            engine._required("predict")
            load = engine._optional("load")
            if load is not None:
                _guard(source, "Model.load", load, folder)
        except ModelFolderError:
            raise
        except ModelError as error:
            raise ModelFolderError(str(error)) from error.__cause__
        return engine

    def answer(self, input_folder: Path, output_folder: Path, seed: int | None = None) -> Case:
        """Answer the case in a folder; the answer appears complete or not at all.

        Args:
            seed: Replaces the seed of the case.

        Raises:
            CaseError: The case cannot be read.
            ModelError: The model failed on it, or answered something else.
        """
        case = read_case(input_folder)
        inputs = load_inputs(case.inputs)
        self._seed(case.seed if seed is None else seed)
        try:
            answer = self._ask(case, inputs)
        finally:
            self._end_a_forked_child()
        try:
            write_outputs(answer, case, inputs, output_folder)
        except OutputError as error:
            raise ModelError(
                f"The answer of {self._source} to case {case.id} is not valid: {error}."
            ) from None
        return case

    def _ask(self, case: Case, inputs: dict[str, object]) -> Mapping[str, object]:
        preprocess, postprocess = self._optional("preprocess"), self._optional("postprocess")
        data: object = inputs
        if preprocess is not None:
            data = _guard(self._source, "Model.preprocess", preprocess, inputs, case)
        answer = _guard(self._source, "Model.predict", self._required("predict"), data)
        if postprocess is not None:
            answer = _guard(self._source, "Model.postprocess", postprocess, answer, case)
        if isinstance(answer, Mapping):
            return answer
        if len(case.outputs) == 1:
            return dict.fromkeys(case.outputs, answer)
        raise ModelError(
            f"{self._source} answered {type(answer).__name__}; return a dict by output name, "
            f"with {', '.join(repr(name) for name in case.outputs)}."
        )

    def _end_a_forked_child(self) -> None:
        """End a child that the model forked and that came back: its parent alone answers."""
        if os.getpid() != self._process:
            os._exit(1)

    def _optional(self, name: str) -> Callable[..., object] | None:
        method = getattr(self._model, name, None)
        return method if callable(method) else None

    def _required(self, name: str) -> Callable[..., object]:
        method = self._optional(name)
        if method is None:
            raise ModelFolderError(f"The class Model in {self._source} has no method {name!r}.")
        return method

    def _seed(self, seed: int) -> None:
        """Seed what is in use: a case that needs no numpy does not pay for its import."""
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed % 2**32)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)


def _model_class(source: Path) -> Callable[[], object]:
    """Import `model.py` by path, its folder importable as for a script."""
    if not source.is_file():
        raise ModelFolderError(
            f"There is no {source}. A model folder holds model.py with a class Model, and is "
            "mounted or copied to /model (or named by PROCTOR_MODEL)."
        )
    spec = importlib.util.spec_from_file_location("model", source)
    if spec is None or spec.loader is None:
        raise ModelFolderError(f"{source} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["model"] = module
    sys.path.insert(0, str(source.parent))
    _guard(source, "the import", spec.loader.exec_module, module)
    found = getattr(module, "Model", None)
    if not isinstance(found, type):
        raise ModelFolderError(f"{source} has no class Model.")
    return found


def _guard(source: Path, stage: str, call: Callable[..., T], *arguments: object) -> T:
    """Call the participant's code and turn whatever it raises into a `ModelError`.

    `SystemExit` is caught as well: a model that exits 0 in the middle has not answered.
    """
    try:
        return call(*arguments)
    except (Exception, SystemExit) as error:
        text = str(error).strip().splitlines()
        reason = type(error).__name__ + (f": {text[0]}" if text else "")
        raise ModelError(f"{source} failed in {stage}: {reason}{_place(error, source)}.") from error


def _place(error: BaseException, source: Path) -> str:
    """Name the deepest line inside the model folder that led to the error."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if source.parent in file.parents:
            place = f" ({file.name} line {trace.tb_lineno})"
        trace = trace.tb_next
    return place
