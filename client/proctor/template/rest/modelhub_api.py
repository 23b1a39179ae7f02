"""ModelHub's calls, `/api/*`: its forms, without its faults.

Arrays come as addresses of HDF5 files, everything else in the answer. A refusal has a status that
says whose fault it is, and beside ModelHub's `error` a `code`.
"""

from __future__ import annotations

import datetime
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from .failures import RefusedError
from .messages import Response

if TYPE_CHECKING:
    from ..card import Card, InputRule
    from .messages import Request
    from .service import Service, Told

PREFIX = "/api/"
_TIME = "%Y-%m-%d-%H-%M-%S-%f"
_MOST_ZIP_FILES = 10_000
_LICENSES = {
    "model_license": ("license/model", "LICENSE", "LICENSE.txt", "LICENSE.md"),
    "sample_data_license": (
        "license/sample_data",
        "samples/LICENSE",
        "samples/LICENSE.txt",
        "sample_data/LICENSE",
    ),
}
_MOST_LICENSE_BYTES = 1 << 20
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")


def get_config(service: Service, _request: Request) -> Response:
    """Return the card as ModelHub's config.json."""
    return Response.of_json(config(service.backend.card))


def get_model_io(service: Service, _request: Request) -> Response:
    """Return the inputs and outputs as ModelHub writes them."""
    return Response.of_json(model_io(service.backend.card))


def get_legal(service: Service, _request: Request) -> Response:
    """Return the texts of the licenses; where there is no file, the card's identifier."""
    folder = service.backend.folder
    card = service.backend.card
    stated = str(card.document.get("license") or "")
    legal = {
        "modelhub_license": "Apache-2.0 (Proctor, which serves this model)",
        "modelhub_acknowledgements": "",
        "model_license": stated,
        "sample_data_license": str(section(card, "licenses").get("sample_data") or ""),
    }
    for key, places in _LICENSES.items():
        for place in places:
            text = _text_of(folder, place)
            if text:
                legal[key] = text
                break
    return Response.of_json(legal)


def get_samples(service: Service, request: Request) -> Response:
    """Return the addresses of the samples."""
    base = request.address
    return Response.of_json([f"{base}/api/samples/{quote(name)}" for name in service.samples.names])


def sample(service: Service, _request: Request, name: str) -> Response:
    """Return the file of a sample."""
    found = service.samples.files.get(name)
    if found is None:
        raise RefusedError(404, "no_such_sample", "The given sample file does not exist.")
    return file_response(found)


def output(service: Service, _request: Request, name: str) -> Response:
    """Return a file of an answer."""
    found = service.kept(name)
    if found is None:
        raise RefusedError(
            404, "no_such_output", "There is no such output; it is kept for a while only."
        )
    return file_response(found)


def thumbnail(service: Service, _request: Request, name: str) -> Response:
    """Return the model's picture."""
    folder = service.backend.folder
    for known in ("thumbnail.jpg", "thumbnail.png"):
        if folder is not None and name == known and _is_plain(folder / known):
            return file_response(folder / known)
    raise RefusedError(404, "no_such_file", "The model has no such picture.")


def get_model_files(service: Service, _request: Request) -> Response:
    """Return the model's folder as a zip archive."""
    folder = service.backend.folder
    if folder is None:
        raise RefusedError(404, "no_folder", "This model is an image; it has no folder of files.")
    with service.request_folder() as made:
        with zipfile.ZipFile(made / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in _plain_files(folder):
                archive.write(path, f"model/{path.relative_to(folder).as_posix()}")
        kept = service.keep(made / "model.zip")
    name = _UNFIT.sub("_", model_name(service.backend.card))
    response = Response(media_type="application/zip", file=kept)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}_model.zip"'
    return response


def predict(service: Service, request: Request) -> Response:
    """Answer a file, a URL or a document of several inputs."""
    told = service.predict(request, vector_files=True)[0]
    return Response.of_json(form(service, told, request))


def predict_sample(service: Service, request: Request) -> Response:
    """Answer a sample of the model."""
    name = request.query.get("filename", "")
    told = service.predict_sample(name, request, vector_files=True)
    return Response.of_json(form(service, told, request))


def form(service: Service, told: Told, request: Request) -> dict[str, object]:
    """Return an answer as ModelHub writes it."""
    base, card = request.address, service.backend.card
    outputs = []
    for part in told.answer.parts:
        rule = card.outputs.get(part.name)
        outputs.append(
            {
                "prediction": part.value if part.file is None else told.place(part, base),
                "shape": list(part.shape),
                "type": part.type,
                "name": part.name,
                "description": rule.description if rule else "",
            }
        )
    return {
        "output": outputs,
        "timestamp": datetime.datetime.now().strftime(_TIME),
        "processing_time": round(told.answer.seconds, 6),
        "model": {"id": model_id(card), "name": model_name(card)},
    }


def refusal(error: RefusedError) -> Response:
    """Return a refusal: ModelHub's `error`, and a code for programs."""
    said = {"error": error.sentence, "code": error.code}
    if error.field:
        said["field"] = error.field
    response = Response.of_json(said, error.status)
    response.headers.update(error.headers)
    return response


def model_name(card: Card) -> str:
    """Return the model's name."""
    return str(card.document.get("name") or "model")


def model_id(card: Card) -> str:
    """Return the model's id; its name where the card has none."""
    return str(card.document.get("id") or model_name(card))


def config(card: Card) -> dict[str, object]:
    """Return a card as ModelHub's config.json; what the card does not say is empty there."""
    document = card.document
    meta, model = section(card, "meta"), section(card, "model")
    publication = document.get("publication")
    whole: dict[str, object] = {
        "id": model_id(card),
        "meta": {
            "name": model_name(card),
            "application_area": str(meta.get("application_area") or ""),
            "task": str(meta.get("task") or ""),
            "task_extended": str(
                meta.get("task_extended")
                or document.get("title")
                or document.get("description")
                or ""
            ),
            "data_type": str(meta.get("data_type") or ""),
            "data_source": str(meta.get("data_source") or ""),
        },
        "model": {
            "description": str(model.get("description") or document.get("description") or ""),
            "provenance": str(model.get("provenance") or ""),
            "architecture": str(model.get("architecture") or ""),
            "learning_type": str(model.get("learning_type") or ""),
            "format": str(model.get("format") or ""),
            "io": model_io(card),
        },
        "modelhub": section(card, "modelhub"),
    }
    if isinstance(publication, dict):
        whole["publication"] = publication
    return whole


def model_io(card: Card) -> dict[str, object]:
    """Return inputs and outputs as ModelHub writes them: one is `single`, many are JSON."""
    rules = list(card.inputs.values())
    if len(rules) == 1:
        inputs: dict[str, object] = {"format": _formats(rules[0]), "single": _input(rules[0])}
    else:
        inputs = {"format": ["application/json"], **{rule.name: _input(rule) for rule in rules}}
    return {
        "input": inputs,
        "output": [
            {"name": rule.name, "type": rule.type, "description": rule.description}
            for rule in card.outputs.values()
        ],
    }


def section(card: Card, name: str) -> Mapping[str, object]:
    """Return a section of a card; an empty one where the card has none."""
    found = card.document.get(name)
    return found if isinstance(found, dict) else {}


def file_response(path: Path) -> Response:
    """Return a file as what it surely is, else as bytes that no browser opens."""
    kinds = {
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".json": "application/json",
        ".h5": "application/x-hdf5",
        ".txt": "text/plain; charset=utf-8",
        ".csv": "text/csv; charset=utf-8",
        ".wav": "audio/wav",
    }
    kind = kinds.get(path.suffix.lower(), "application/octet-stream")
    response = Response(media_type=kind, file=path)
    if kind == "application/octet-stream":
        response.headers["Content-Disposition"] = "attachment"
    return response


def _input(rule: InputRule) -> dict[str, object]:
    entry: dict[str, object] = {"format": _formats(rule), "description": rule.description}
    limits = [
        {"min": limit.min or 0, **({} if limit.max is None else {"max": limit.max})}
        for limit in rule.dim_limits
    ]
    if limits:
        entry["dim_limits"] = limits
    return entry


def _formats(rule: InputRule) -> list[str]:
    from ..formats import FORMATS, TYPES

    found = [FORMATS[name].mime_types[0] for name in rule.formats or TYPES[rule.type]]
    return list(dict.fromkeys(found))


def _text_of(folder: Path | None, place: str) -> str:
    if folder is None or not _is_plain(folder / place):
        return ""
    with (folder / place).open("rb") as stream:
        return stream.read(_MOST_LICENSE_BYTES).decode("utf-8", "replace").strip()


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and not path.parent.is_symlink()


def _plain_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for name in sorted(files):
            path = Path(top) / name
            if path.is_file() and not path.is_symlink():
                found.append(path)
            if len(found) > _MOST_ZIP_FILES:
                raise RefusedError(
                    413, "too_large", f"The model has more than {_MOST_ZIP_FILES} files."
                )
    return found
