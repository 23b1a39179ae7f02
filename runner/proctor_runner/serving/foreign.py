"""Questions to images that keep the contract of ModelHub or of MAX, through the driver in them.

What such a model says is JSON of its own making. It is checked for its outline alone and shown as
what it says it is; in the calls of its own system it comes back as it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_never
from urllib.parse import urlencode

from proctor.spec.contract import (
    ForeignContract,
    GrandChallengeContract,
    MaxContract,
    MedPerfContract,
    ModelHubContract,
)
from proctor.spec.outcomes import Code, ParticipantError
from proctor.template.formats import FORMATS, detect
from proctor.template.rest.backend import Answer, AnswerError, Part, Picture, Wish
from proctor.template.rest.failures import RefusedError
from proctor_runner.contracts.driven import ANSWER_FILE, REQUESTS_FILE
from proctor_runner.contracts.interface import AskedCase
from proctor_runner.contracts.modelhub import ARRAY_FILES
from proctor_runner.contracts.sending import picture_size
from proctor_runner.serving.exchange import Exchange, named

_MOST_TEXT_BYTES = 1 << 20
_SHOWN = ("png", "jpeg")
_LABELED = {"label", "probability"}
_BOX = "detection_box"
_TYPES = ("label_list", "contour", "vector", "mask_image", "heatmap", "image", "custom")


def exchange_of(contract: ForeignContract) -> Exchange:
    """Return the exchange with an image of a contract.

    Raises:
        ParticipantError: IMAGE_REJECTED, models of that contract answer cases and no questions.
    """
    match contract:
        case MaxContract():
            return MaxExchange(contract)
        case ModelHubContract():
            return ModelHubExchange()
        case GrandChallengeContract() | MedPerfContract():
            raise ParticipantError(
                Code.IMAGE_REJECTED,
                f"An image of {contract.name.value} is started once for each case; there is no"
                " server in it to be asked. `proctor run` asks it about cases.",
            )
        case _ as unreachable:
            assert_never(unreachable)


class MaxExchange:
    """One form or JSON document for each question."""

    def __init__(self, said: MaxContract) -> None:
        self._said = said

    def ask(self, request: str, inputs: Mapping[str, Path], wish: Wish) -> AskedCase:
        """Return the one input as a file, or as JSON where it is a text."""
        if len(inputs) != 1:
            raise RefusedError(422, "unknown_input", "A MAX model takes one input, `file`.")
        ((_, path),) = inputs.items()
        asked = {**self._said.query, **({"threshold": wish.threshold} if wish.threshold else {})}
        query = f"?{urlencode(asked)}" if asked else ""
        item: dict[str, Any] = {"query": query, "field": self._said.field}
        files = {}
        if path.suffix == ".txt" and path.stat().st_size <= _MOST_TEXT_BYTES:
            text = path.read_text(encoding="utf-8", errors="replace")
            item["json"] = {self._said.field or "text": [text]}
        else:
            item |= _item(path, named(inputs))
            files = {item["file"]: path}
        documents = {REQUESTS_FILE: json.dumps({"items": [item]}).encode()}
        return AskedCase(documents, files, (ANSWER_FILE,))

    def read(
        self, text: bytes, files: Mapping[str, Path], inputs: Mapping[str, Path], seconds: float
    ) -> Answer:
        """Return the predictions: classes and boxes as such where they are written as MAX's."""
        answer = _answers(text)[0]
        predictions = answer.get("predictions")
        if answer.get("status") != "ok" or not isinstance(predictions, list):
            raise AnswerError("it has no status ok with predictions")
        pictures = _pictures(inputs)
        picture = next(iter(pictures.values()), None)
        return Answer(
            parts=(_max_part(predictions, picture),),
            seconds=seconds,
            pictures=pictures,
            max_predictions=tuple(predictions),
        )


class ModelHubExchange:
    """A file for each input of the model's config."""

    def ask(self, request: str, inputs: Mapping[str, Path], wish: Wish) -> AskedCase:
        """Return every input as a file."""
        names = named(inputs)
        items = {name: [_item(path, {name: names[name]})] for name, path in inputs.items()}
        return AskedCase(
            documents={REQUESTS_FILE: json.dumps({"inputs": items}).encode()},
            inputs={names[name]: path for name, path in inputs.items()},
            outputs=(ANSWER_FILE, *ARRAY_FILES),
        )

    def read(
        self, text: bytes, files: Mapping[str, Path], inputs: Mapping[str, Path], seconds: float
    ) -> Answer:
        """Return the outputs by name; arrays are files that nobody opens."""
        outputs = _answers(text)[0].get("output")
        if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
            raise AnswerError("it has no list of outputs")
        parts = tuple(
            _modelhub_part(number, output, files) for number, output in enumerate(outputs)
        )
        return Answer(parts=parts, seconds=seconds, pictures=_pictures(inputs))


def _answers(text: bytes) -> list[dict[str, Any]]:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no number of JSON")

    try:
        answers = json.loads(text, parse_constant=refuse)["answers"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise AnswerError("it is no JSON that the driver writes") from error
    if not isinstance(answers, list) or not answers or not isinstance(answers[0], dict):
        raise AnswerError("it holds no answer")
    return answers


def _item(path: Path, names: Mapping[str, str]) -> dict[str, str]:
    (file,) = names.values()
    found = detect(path)
    kind = FORMATS[found].mime_types[0] if found else "application/octet-stream"
    return {"file": file, "name": file, "type": kind}


def _pictures(inputs: Mapping[str, Path]) -> dict[str, Picture]:
    """Return the inputs that a browser shows by itself, as they were sent."""
    found = {}
    for name, path in inputs.items():
        size = picture_size(path) if detect(path) in _SHOWN else None
        if size is not None:
            found[name] = Picture(path, size[0], size[1])
    return found


def _max_part(predictions: list[Any], picture: Picture | None) -> Part:
    shape = (len(predictions),)
    entries = [one for one in predictions if isinstance(one, dict)]
    all_of = len(entries) == len(predictions) > 0
    if all_of and picture and all(_is_box(one.get(_BOX)) for one in entries):
        value = [_box(entry, picture) for entry in entries]
        return Part("predictions", "boxes", shape, value=value)
    if all_of and all(set(one) >= _LABELED and _is_number(one["probability"]) for one in entries):
        value = [{"label": str(e["label"]), "probability": e["probability"]} for e in entries]
        return Part("predictions", "label_list", shape, value=value)
    return Part("predictions", "custom", shape, value=predictions)


def _box(entry: Mapping[str, Any], picture: Picture) -> dict[str, object]:
    top, left, bottom, right = entry[_BOX]
    score = entry.get("probability")
    return {
        "label": str(entry.get("label", "")),
        **({"score": score} if _is_number(score) else {}),
        "x0": left * picture.columns,
        "y0": top * picture.rows,
        "x1": right * picture.columns,
        "y1": bottom * picture.rows,
    }


def _is_box(value: object) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _modelhub_part(number: int, output: Mapping[str, Any], files: Mapping[str, Path]) -> Part:
    name = str(output.get("name") or f"output {number}")[:200]
    kind = output.get("type")
    given = output.get("shape")
    lengths = given if isinstance(given, list) else []
    shape = tuple(one for one in lengths if type(one) is int and one >= 0)
    value = output.get("prediction")
    if isinstance(value, dict) and set(value) == {"array"}:
        file = files.get(str(value["array"]))
        if file is None:
            raise AnswerError("it names an array that is not there")
        return Part(name, str(kind) if kind in _TYPES else "custom", shape, file=file)
    ranked = isinstance(value, list) and all(
        isinstance(one, dict) and set(one) >= _LABELED and _is_number(one["probability"])
        for one in value
    )
    fits = (kind == "label_list" and ranked) or (
        kind == "vector" and isinstance(value, list) and all(map(_is_number, value))
    )
    return Part(name, str(kind) if fits else "custom", shape, value=value)
