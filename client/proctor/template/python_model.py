"""A scikit-learn estimator, a PyTorch module or a function as the `Model` of a folder.

`proctor.submit` writes such a folder: `model.pickle`, its own code as `own_code.py`, and
`versions.json`. Unpickling runs whatever the pickle says, which is why it happens here, inside the
sandbox, and nowhere else. A pickle is read by the versions that wrote it, or is refused.
"""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, NamedTuple

if TYPE_CHECKING:
    from .case import Case, OutputFile

PICKLE, OWN_CODE, VERSIONS = "model.pickle", "own_code.py", "versions.json"

EXACT = ("scikit-learn",)
"""Packages whose pickles are good for the same minor version alone; of others the major counts."""


class PythonModelError(Exception):
    """The model cannot be used here, or answers in a form that cannot be written."""


class Question(NamedTuple):
    """What the model is asked in one case: its data, the inputs, and the first output asked for."""

    value: Any
    inputs: Mapping[str, object]
    wanted: OutputFile | None


class PythonModel:
    """Unpickles once, then lets the model predict what `preprocess` made of the inputs.

    Attributes:
        preprocess_name, predict_name, postprocess_name: Functions in the own code; empty for none.
        own_modules: Names of the modules that the own code stands for.
    """

    preprocess_name: ClassVar[str] = ""
    predict_name: ClassVar[str] = ""
    postprocess_name: ClassVar[str] = ""
    own_modules: ClassVar[tuple[str, ...]] = ()

    def load(self, folder: Path) -> None:
        """Compare the versions, then unpickle.

        Raises:
            PythonModelError: A package is missing or of another version.
        """
        refuse_other_versions(json.loads((folder / VERSIONS).read_text(encoding="utf-8")))
        own = _own_code(folder / OWN_CODE)
        self._preprocess = getattr(own, self.preprocess_name) if self.preprocess_name else None
        self._postprocess = getattr(own, self.postprocess_name) if self.postprocess_name else None
        if self.predict_name:
            self._model = getattr(own, self.predict_name)
            return
        with (folder / PICKLE).open("rb") as stream:
            self._model = _Unpickler(stream, own, self.own_modules).load()
        torch = _torch_of(self._model)
        if torch is not None:
            self._model.eval().to(_device(torch))

    def preprocess(self, inputs: Mapping[str, object], case: Case) -> Question:
        """Return what the model is given: what the own `preprocess` makes, else the one input."""
        wanted = next(iter(case.outputs.values()), None)
        if self._preprocess is not None:
            return Question(self._preprocess(inputs), inputs, wanted)
        if self.predict_name:
            return Question(inputs, inputs, wanted)
        if len(inputs) != 1:
            raise PythonModelError(
                f"the case has the inputs {', '.join(inputs)}; give a preprocess that makes of "
                "them what the model takes"
            )
        (value,) = inputs.values()
        return Question(_features(value, self._model), inputs, wanted)

    def predict(self, data: Question) -> Any:
        """Ask the model: for probabilities where the case asks for several columns."""
        answer = _ask(self._model, data)
        if self._postprocess is not None:
            return self._postprocess(answer, data.inputs)
        return answer if isinstance(answer, Mapping) else _fitted(answer, self._model, data)


def refuse_other_versions(recorded: Mapping[str, str]) -> None:
    """Refuse a pickle that other versions wrote.

    Raises:
        PythonModelError: Names each package, its version there and here.
    """
    problems = []
    for package, version in recorded.items():
        if package == "python":
            continue
        try:
            here = metadata.version(package)
        except metadata.PackageNotFoundError:
            problems.append(f"{package} {version}, which is not installed here")
            continue
        parts = 2 if package in EXACT else 1
        if here.split(".")[:parts] != version.split(".")[:parts]:
            problems.append(f"{package} {version}; here is {here}")
    if problems:
        raise PythonModelError(
            f"the model was saved with {', and '.join(problems)}. Save it with the versions of the "
            "runtime image, or submit an image of its own"
        )


class _Unpickler(pickle.Unpickler):
    """Finds what was defined in a notebook or script in the code that was taken along."""

    def __init__(self, stream: BinaryIO, own: ModuleType | None, modules: Sequence[str]) -> None:
        super().__init__(stream)
        self._own = own
        self._modules = modules

    def find_class(self, module: str, name: str) -> Any:
        if module in self._modules and self._own is not None:
            return getattr(self._own, name)
        return super().find_class(module, name)


def _own_code(path: Path) -> ModuleType | None:
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location("own_code", path)
    if spec is None or spec.loader is None:
        raise PythonModelError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_code"] = module
    spec.loader.exec_module(module)
    return module


def _features(value: Any, model: Any) -> Any:
    """Return an input as what models take: a row of numbers an item, texts as they are.

    An estimator gets images flat, and of a volume a row for each voxel.
    """
    estimator = hasattr(model, "get_params")
    if hasattr(value, "affine"):
        return value.data.reshape(-1, 1) if estimator else value.data
    if isinstance(value, list) and value and isinstance(value[0], dict):
        import numpy as np

        names = getattr(model, "feature_names_in_", None)
        order = list(value[0]) if names is None else [str(name) for name in names]
        return np.array([[row[name] for name in order] for row in value], dtype=float)
    if estimator and getattr(value, "ndim", 0) > 2:
        return value.reshape(len(value), -1)
    return value


def _ask(model: Any, question: Question) -> Any:
    torch = _torch_of(model)
    if torch is not None:
        value = question.value
        tensor = value if torch.is_tensor(value) else _tensor(torch, value)
        with torch.inference_mode():
            answer = model(tensor.to(_device(torch)))
        return answer.cpu().numpy() if torch.is_tensor(answer) else answer
    several = question.wanted is not None and len(question.wanted.columns) > 1
    method = getattr(model, "predict", model)
    return (
        getattr(model, "predict_proba", method)(question.value)
        if several
        else method(question.value)
    )


def _torch_of(model: Any) -> Any:
    """Return the package torch, if a model is one of its modules."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(model, torch.nn.Module) else None


def _device(torch: Any) -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _tensor(torch: Any, value: Any) -> Any:
    import numpy as np

    return torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32))


def _fitted(answer: Any, model: Any, question: Question) -> Any:
    """Bring voxels into the shape of the scan, and probabilities into the order of the columns."""
    wanted, classes = question.wanted, getattr(model, "classes_", None)
    grid = question.inputs.get(wanted.grid or "") if wanted is not None else None
    if grid is not None and hasattr(answer, "reshape"):
        shape = getattr(getattr(grid, "data", None), "shape", answer.shape)
        size = 1
        for length in shape:
            size *= length
        return answer.reshape(shape) if answer.size == size else answer
    if classes is None or wanted is None or wanted.type != "table" or len(wanted.columns) < 2:
        return answer
    names = [str(name) for name in classes]
    if set(names) == set(wanted.columns):
        return answer[:, [names.index(column) for column in wanted.columns]]
    if len(names) != len(wanted.columns):
        raise PythonModelError(
            f"the model knows the classes {', '.join(names)}; the case asks for the columns "
            f"{', '.join(wanted.columns)}"
        )
    return answer
