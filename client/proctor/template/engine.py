"""Loads a model folder once and lets its `Model` answer cases.

The hard part is blame. Whatever a participant's code does (raise, exit, return the wrong thing)
becomes a `ModelError` with one paragraph that names the file, so that the last lines of a log say
what to repair. `Engine` holds no protocol: `__main__` feeds it one case, `serve` many, and whoever
has files instead of cases asks `predict`. All go through the same opening, asking and checking.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from .card import Card, CardError, read_card
from .case import Case, CaseError, HeldInput, InputFile, OutputFile, read_case
from .held import File, HeldFile
from .inputs import MISSING, UNKNOWN, UNREADABLE, InputError, Loaded, load_inputs
from .onnx_graph import GRAPH
from .outputs import check, check_names, with_columns, write_outputs
from .outputs.asked import Asked, OutputError
from .prediction import Prediction, asked_by_answer, asked_by_card, read_back

T = TypeVar("T")


class ModelError(Exception):
    """The model failed on this case. `__cause__` is what its code raised, if it raised."""


class ModelFolderError(ModelError):
    """The model cannot start, whatever the case: no model.py, no `Model`, a failing `load`."""


class Engine:
    """A loaded model. Make one with `Engine.start`, then ask it for answers.

    Threads may ask it at once; the model itself answers one of them after the other.

    Attributes:
        card: What `model.json` says of the model, its inputs and its outputs.
    """

    def __init__(self, model: object, source: Path, card: Card) -> None:
        self.card = card
        self._model = model
        self._source = source
        self._process = os.getpid()
        self._asking = threading.Lock()
        self._declared = asked_by_card(card)

    @property
    def model(self) -> object:
        """The participant's `Model`, loaded: to be looked at, not to be asked."""
        return self._model

    @classmethod
    def start(cls, folder: Path, seed: int) -> Engine:
        """Import `model.py`, make its `Model` and let it load the folder; or open `model.onnx`.

        Raises:
            ModelFolderError: There is no such file or class, it fails before the first case, or
                its card cannot be used.
        """
        source = folder / "model.py"
        if not source.exists() and (folder / GRAPH).is_file():
            source = folder / GRAPH
        try:
            model = _guard(source, "Model()", _model_class(source))
            engine = cls(model, source, read_card(folder))
            engine._seed(seed)
            engine._required("predict")
            load = engine._optional("load")
            if load is not None:
                _guard(source, "Model.load", load, folder)
        except ModelFolderError:
            raise
        except CardError as error:
            raise ModelFolderError(f"The model's card cannot be used: {error}.") from None
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
        case = self._with_labels(read_case(input_folder))
        try:
            inputs = load_inputs(case.inputs, self.card.inputs)
        except InputError as error:
            if error.code in (MISSING, UNREADABLE) and error.name in case.inputs:
                raise CaseError(str(error)) from error
            raise ModelError(
                f"{self._source} cannot answer case {case.id} as its model.json has it: {error}"
            ) from error
        answer = self._ask(case, inputs, case.seed if seed is None else seed)
        try:
            write_outputs(self._by_name(answer, case.outputs), case, inputs, output_folder)
        except OutputError as error:
            raise self._not_valid(case, error) from None
        return case

    def predict(
        self,
        inputs: Mapping[str, File],
        outputs: Mapping[str, OutputFile] | None = None,
        seed: int = 0,
    ) -> Prediction:
        """Answer files instead of a case; nothing is written.

        Args:
            inputs: A file by the name of each input; of a DICOM series also a folder.
            outputs: What is asked for; what the card declares when not given, and whatever the
                model answers where it declares nothing.

        Raises:
            InputError: The inputs are not those of the card, or a file is not what it says.
            ModelError: The model failed on them, or answered something else.
        """
        started = time.perf_counter()
        for name in inputs:
            if self.card.inputs and name not in self.card.inputs:
                known = ", ".join(repr(one) for one in self.card.inputs)
                raise InputError(name, UNKNOWN, f"is none of the model's, which are {known}")
        files = {name: self._file(name, file) for name, file in inputs.items()}
        loaded = load_inputs(files, self.card.inputs)
        asked = dict(self._declared if outputs is None else outputs)
        case = Case("prediction", (), files, asked, {}, seed)
        began = time.perf_counter()
        answer = self._ask(case, loaded, seed)
        ended = time.perf_counter()
        try:
            asked = asked or asked_by_answer(answer)
            named = self._by_name(answer, asked)
            check_names(named, asked)
            named = {name: read_back(named[name], output) for name, output in asked.items()}
            asked = {name: with_columns(output, named[name]) for name, output in asked.items()}
            values = {
                name: check(named[name], Asked(output, (), loaded))
                for name, output in asked.items()
            }
        except OutputError as error:
            raise self._not_valid(case, error) from None
        return Prediction(
            values=values,
            outputs=asked,
            inputs=loaded,
            model_s=ended - began,
            total_s=time.perf_counter() - started,
        )

    def _with_labels(self, case: Case) -> Case:
        """Give a list of classes the names that the card has: an array of probabilities needs them.

        What the case says of its outputs stays as it is.
        """
        named = {
            name: replace(output, labels=self.card.outputs[name].labels)
            for name, output in case.outputs.items()
            if output.type == "label_list" and name in self.card.outputs
        }
        return replace(case, outputs={**case.outputs, **named}) if named else case

    def _file(self, name: str, file: File) -> InputFile:
        rule = self.card.inputs.get(name)
        kind = "file" if rule is None else rule.type
        if isinstance(file, HeldFile):
            return HeldInput(name, kind, file)
        return InputFile(name, kind, Path(file))

    def _not_valid(self, case: Case, error: OutputError) -> ModelError:
        return ModelError(f"The answer of {self._source} to case {case.id} is not valid: {error}.")

    def _ask(self, case: Case, loaded: Mapping[str, Loaded], seed: int) -> object:
        with self._asking:
            self._seed(seed)
            try:
                return self._answer(case, loaded)
            finally:
                self._end_a_forked_child()

    def _answer(self, case: Case, loaded: Mapping[str, Loaded]) -> object:
        preprocess, postprocess = self._optional("preprocess"), self._optional("postprocess")
        data: object = self._arrays(case, loaded)
        if preprocess is not None:
            data = _guard(self._source, "Model.preprocess", preprocess, data, case)
        answer = _guard(self._source, "Model.predict", self._required("predict"), data)
        if postprocess is not None:
            answer = _guard(self._source, "Model.postprocess", postprocess, answer, case)
        return answer

    def _arrays(self, case: Case, loaded: Mapping[str, Loaded]) -> dict[str, object]:
        """Return the inputs by name; those of form `both` after the model has seen them native."""
        values = {name: entry.value for name, entry in loaded.items()}
        both = [name for name, entry in loaded.items() if entry.rule and entry.rule.form == "both"]
        prepare = self._optional("preprocess_native")
        if both and prepare is not None:
            given = _guard(self._source, "Model.preprocess_native", prepare, values, case)
            if not isinstance(given, Mapping) or any(name not in given for name in both):
                raise ModelError(
                    f"{self._source}: preprocess_native returned {type(given).__name__}; return "
                    f"a dict of the inputs, {', '.join(repr(name) for name in values)}."
                )
            values = dict(given)
        for name in both:
            try:
                values[name] = loaded[name].as_array(values[name])
            except ValueError as error:
                raise ModelError(
                    f"{self._source}: input {name!r} has no array form: it {error}."
                ) from error
        return values

    def _by_name(self, answer: object, outputs: Mapping[str, OutputFile]) -> Mapping[str, object]:
        if isinstance(answer, Mapping):
            return answer
        if len(outputs) == 1:
            return dict.fromkeys(outputs, answer)
        raise ModelError(
            f"{self._source} answered {type(answer).__name__}; return a dict by output name, "
            f"with {', '.join(repr(name) for name in outputs)}."
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
    """Import `model.py` by path, its folder importable as for a script; a graph needs none."""
    if source.name == GRAPH:
        from .onnx_graph.model import OnnxModel

        return OnnxModel
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
        reason = type(error).__name__ + (f": {text[0].rstrip('.')}" if text else "")
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
