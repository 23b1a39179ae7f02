"""A model in memory, written as a model folder: an estimator, a module or a function.

Nothing is unpickled here, nor on a platform: what is written is opened in the sandbox alone, by
`proctor.template.python_model`, which also compares the versions that are recorded here.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import FunctionType
from typing import Any

from proctor.quick.own_code import OwnCode, OwnCodeError, is_own
from proctor.spec.base import slug_from
from proctor.template.python_model import OWN_CODE, PICKLE, VERSIONS

Function = Callable[..., Any]

_FRAMEWORKS = {"torch": "PyTorch", "scikit-learn": "scikit-learn"}
_RUNTIMES = {"torch": "runtime-torch"}
_RUNTIME = "runtime-cpu"

_MODEL = '''"""{kind}, written by proctor.submit."""

from proctor.template.python_model import PythonModel


class Model(PythonModel):
    """Unpickled in the sandbox alone; {own} holds the code that was taken along."""

    preprocess_name = {preprocess!r}
    predict_name = {predict!r}
    postprocess_name = {postprocess!r}
    own_modules = {modules!r}
'''


class _Pickler(pickle.Pickler):
    """Pickles, and remembers each class and function that the pickle refers to."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, protocol=4)
        self.referred: dict[str, Any] = {}

    def reducer_override(self, thing: Any) -> Any:
        """Note what is written by its name; write everything as ever."""
        if isinstance(thing, (type, FunctionType)):
            self.referred[f"{thing.__module__}.{thing.__qualname__}"] = thing
        return NotImplemented


def is_model(thing: Any) -> bool:
    """Tell whether something is a model in memory, by what can be asked of it."""
    if isinstance(thing, type):
        return False
    return (
        isinstance(thing, FunctionType)
        or callable(getattr(thing, "predict", None))
        or _is_module(thing)
    )


def write_model(
    folder: str | Path,
    model: Any,
    preprocess: Function | None = None,
    *,
    postprocess: Function | None = None,
    title: str = "",
    runtime: str | None = None,
) -> Path:
    """Write a model in memory as a model folder, to be tested, run and submitted.

    Args:
        folder: A new folder.
        model: A fitted scikit-learn estimator, a PyTorch module, or a function of the inputs.
        preprocess: Makes of the inputs, a mapping by name, what the model takes. Without it the
            one input is given: a table as rows of numbers, images flat to an estimator.
        postprocess: Makes of the model's answer and the inputs what the case asks for.
        title: Of the card; the kind of the model when not given.
        runtime: The runtime image; one that has the model's framework when not given.

    Returns:
        The folder.

    Raises:
        ValueError: Something cannot be written; it says what, and what to do instead.
        FileExistsError: The folder holds something already.
    """
    place = Path(folder)
    if place.exists() and any(place.iterdir()):
        raise FileExistsError(f"{place} is not empty; name a new folder")
    if not is_model(model):
        raise ValueError(f"{model!r} is no model: it is no function and has no predict")
    own, content = OwnCode(), b""
    referred: dict[str, Any] = {}
    names = {
        part: own.add(given) if given is not None else ""
        for part, given in (
            ("preprocess", preprocess),
            ("predict", model if isinstance(model, FunctionType) else None),
            ("postprocess", postprocess),
        )
    }
    if not isinstance(model, FunctionType):
        content, referred = _pickled(model)
        for thing in referred.values():
            if is_own(thing):
                own.add(thing)
    tops = {thing.__module__.partition(".")[0] for thing in referred.values() if not is_own(thing)}
    packages = sorted({_package(top) for top in tops | own.imported} - {""})
    place.mkdir(parents=True, exist_ok=True)
    if content:
        (place / PICKLE).write_bytes(content)
    text = own.text()
    if text:
        (place / OWN_CODE).write_text(text + "\n", encoding="utf-8")
    modules = tuple(sorted(own.modules))
    kind = _algorithm(model)
    title = title or kind
    (place / "model.py").write_text(
        _MODEL.format(kind=kind, own=OWN_CODE, modules=modules, **names), encoding="utf-8"
    )
    versions = {
        "python": sys.version.split()[0],
        **{one: metadata.version(one) for one in packages},
    }
    (place / VERSIONS).write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")
    card = _card(title, kind, packages, runtime)
    (place / "model.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return place


def _pickled(model: Any) -> tuple[bytes, dict[str, Any]]:
    stream = io.BytesIO()
    pickler = _Pickler(stream)
    try:
        # What lies on a GPU cannot be read where there is none.
        pickler.dump(copy.deepcopy(model).cpu() if _is_module(model) else model)
    except (pickle.PicklingError, TypeError, AttributeError, RuntimeError) as error:
        raise OwnCodeError(
            f"{type(model).__qualname__} cannot be pickled: {error}. Write a model folder instead:"
            " `proctor model init`"
        ) from error
    return stream.getvalue(), pickler.referred


def _package(top: str) -> str:
    """Return the distribution that a package belongs to; empty of what comes with Python."""
    if top in sys.stdlib_module_names or top == "builtins":
        return ""
    found = _distributions().get(top)
    if not found:
        raise OwnCodeError(f"{top} is used, which no installed package has")
    return found[0]


@cache
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _is_module(thing: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def _algorithm(model: Any) -> str:
    """Return the name of a model's kind; of a pipeline that of its last step."""
    steps = getattr(model, "steps", None)
    if isinstance(model, FunctionType):
        return str(model.__qualname__)
    return _algorithm(steps[-1][1]) if steps else type(model).__qualname__


def _card(title: str, kind: str, packages: list[str], runtime: str | None) -> dict[str, object]:
    suited = next((_RUNTIMES[one] for one in packages if one in _RUNTIMES), _RUNTIME)
    return {
        "contract": 1,
        "name": slug_from(title, "model"),
        "title": title[:120],
        "description": f"{kind}, submitted from Python.",
        "model": {
            "algorithm": kind,
            "framework": next((_FRAMEWORKS[one] for one in packages if one in _FRAMEWORKS), ""),
        },
        "protocols": ["case", "serve"],
        "runtime": runtime or suited,
    }
