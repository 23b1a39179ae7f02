"""Asks a model of ModelHub.AI, through its Python interface or its REST service on port 80.

A model of several inputs gets a document with the place of each. Arrays come back as HDF5 files,
which the image's own h5py reads: they are left as .npy files beside the answer.
"""

import json
import os
import sys
import tempfile
from typing import Any, Dict, List, Optional

from .errors import NotAnsweredError, NotReadyError
from .server import Part, Server, document_of, read_part

_CONTRIB = "/contrib_src"
_NO_INPUTS = ("format", "description")
_SINGLE = "single"
_SMALL = 4096


class ModelHubModel:
    """A model with ``model.io`` of its config.json."""

    def __init__(self, plan: Dict[str, Any]) -> None:
        self._names = plan["inputs"]
        door = plan["door"]
        if door == "auto":
            door = "python" if os.path.isfile(os.path.join(_CONTRIB, "modelapi.py")) else "rest"
        self._door: Any = PythonDoor() if door == "python" else RestDoor(plan)
        self._inputs: Dict[str, Any] = {}

    def start(self) -> None:
        """Load it, or start its server, and read its config."""
        config = self._door.start()
        try:
            self._inputs = config["model"]["io"]["input"]
            wanted = [key for key in self._inputs if key not in _NO_INPUTS]
        except (KeyError, TypeError):
            raise NotReadyError("Its config.json has no model.io.input: %r." % str(config)[:300])
        # Before version 0.4 the limits of a single input stood where its key stands now.
        self._wanted = [key for key in wanted if key != "dim_limits"] or [_SINGLE]

    def answer(self, asked: Dict[str, Any], source: str, target: str) -> List[Any]:
        """Return what it answers to each item, arrays replaced by the names of their files."""
        if self._wanted == [_SINGLE]:
            items = self._only(asked["inputs"])
            answers = [self._door.single(item, source) for item in items]
        else:
            answers = [self._door.several(self._document(asked["inputs"], source))]
        arrays = Arrays(target)
        for answer in answers:
            if not isinstance(answer, dict) or not isinstance(answer.get("output"), list):
                said = answer.get("error", answer) if isinstance(answer, dict) else answer
                raise NotAnsweredError("The model answered with an error: %s" % str(said)[:500])
            for output in answer["output"]:
                if isinstance(output.get("prediction"), str):
                    file = self._door.fetch(output["prediction"])
                    output["prediction"] = arrays.keep(file, output.get("name", ""))
        return answers

    def _only(self, inputs: Dict[str, Any]) -> List[Dict[str, Any]]:
        name = self._names.get(_SINGLE)
        if name is None and len(inputs) == 1:
            (name,) = inputs
        if name not in inputs:
            raise NotAnsweredError(
                "The model takes one input and the case has %s; say which under inputs, as in "
                '{"single": "t1"}.' % ", ".join(sorted(inputs))
            )
        return list(inputs[name])

    def _document(self, inputs: Dict[str, Any], source: str) -> Dict[str, Any]:
        document: Dict[str, Any] = {"format": ["application/json"]}
        for key in self._wanted:
            name = self._names.get(key, key)
            if name not in inputs:
                raise NotAnsweredError(
                    "The model wants the input %r; the case has %s. Say which it is under inputs."
                    % (key, ", ".join(sorted(inputs)))
                )
            formats = self._inputs[key].get("format", [])
            path = os.path.join(source, inputs[name][0]["file"])
            # Its documentation says format, its code reads type.
            document[key] = {"format": formats, "type": formats, "fileurl": path}
        if "description" in self._inputs:
            # Its engine wants every key of the config, and a place under each.
            document["description"] = {"fileurl": ""}
        return document


class PythonDoor:
    """``from modelapi import model``, in this very process."""

    def __init__(self) -> None:
        self._api: Any = None

    def start(self) -> Any:
        """Import the model and return its config."""
        sys.path.insert(1, _CONTRIB)
        try:
            os.chdir(_CONTRIB)
            from modelapi import model  # type: ignore[import-not-found]  # it is the image's

            self._api = model
            return model.get_config()
        except (Exception, SystemExit) as error:
            raise NotReadyError("`from modelapi import model` failed: %r." % error)

    def single(self, item: Dict[str, Any], source: str) -> Any:
        """Ask by the path of a file; the loaders of ModelHub go by its suffix."""
        if "offset" not in item:
            return self._predict(os.path.join(source, item["file"]))
        part = read_part(item, source)
        with tempfile.NamedTemporaryFile(suffix="-" + part.name) as file:
            file.write(part.body)
            file.flush()
            return self._predict(file.name)

    def several(self, document: Dict[str, Any]) -> Any:
        """Ask by a dictionary."""
        return self._predict(document)

    def fetch(self, place: str) -> str:
        """Return the path of the file that a prediction names."""
        return "/output/" + os.path.basename(place)

    def _predict(self, given: Any) -> Any:
        try:
            return self._api.predict(given)
        except Exception as error:
            raise NotAnsweredError("predict raised %r." % error)


class RestDoor:
    """The REST service that the image's own command starts."""

    def __init__(self, plan: Dict[str, Any]) -> None:
        self._server = Server(plan["command"], plan["port"])

    def start(self) -> Any:
        """Start it and return the model's config."""
        self._server.start("/api/get_config")
        return document_of(self._server.get("/api/get_config"), "GET /api/get_config")

    def single(self, item: Dict[str, Any], source: str) -> Any:
        """Upload a file."""
        return self._predict(read_part(item, source))

    def several(self, document: Dict[str, Any]) -> Any:
        """Upload a document that says where the files lie in this container."""
        return self._predict(Part("case.json", "application/json", json.dumps(document).encode()))

    def fetch(self, place: str) -> str:
        """Download the file that a prediction names, and drop the service's own copy."""
        name = os.path.basename(place)
        response = self._server.get("/api/output/" + name)
        if response.status != 200:
            raise NotAnsweredError("%s is not there: status %d." % (place, response.status))
        own = "/output/" + name
        if os.path.exists(own):
            os.unlink(own)
        with tempfile.NamedTemporaryFile(suffix=".h5", delete=False) as file:
            file.write(response.body)
        return file.name

    def _predict(self, part: Part) -> Any:
        response = self._server.post_file("/api/predict", "file", part)
        return document_of(response, "POST /api/predict")


class Arrays:
    """The arrays of one answer, as .npy files in its folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._count = 0

    def keep(self, path: str, name: str) -> Any:
        """Read an array from an HDF5 file, remove that, and return what stands in its place."""
        array = _read_array(path, name)
        os.unlink(path)
        if array.size <= _SMALL and array.dtype.kind in "iufb":
            return array.tolist()
        file = "array-%d.npy" % self._count
        self._count += 1
        import numpy

        numpy.save(os.path.join(self._folder, file), array, allow_pickle=False)
        return {"array": file}


def _read_array(path: str, name: str) -> Any:
    try:
        import h5py  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        raise NotAnsweredError("The answer is an HDF5 file, and the image has no h5py to read it.")
    try:
        with h5py.File(path, "r") as file:
            found: Optional[str] = name if name in file else next(iter(file), None)
            if found is None:
                raise NotAnsweredError("The HDF5 file of %r holds no array." % name)
            return file[found][()]
    except OSError as error:
        raise NotAnsweredError("The HDF5 file of %r cannot be read: %s." % (name, error))
