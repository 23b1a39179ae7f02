"""The calls of MAX, the Model Asset eXchange, `/model/*`.

Every answer is `{"status": "ok", "predictions": [...]}`. What an entry holds depends on the output:

| output | an entry |
|---|---|
| `label_list` | `label_id`, `label`, `probability`; by probability, the highest first |
| `boxes` | the same and `detection_box`, [top, left, bottom, right] as shares of the image |
| `text` | `text` |
| any other | `name`, `type`, `shape`, and `value` or the address `url` of its file |

`threshold` leaves out labels and boxes that are not more probable. A model of several outputs has
one entry, with the entries of each output by its name; so has a batch of texts, one for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .failures import RefusedError, unreadable
from .messages import Response
from .modelhub_api import model_id, model_name, section

if TYPE_CHECKING:
    from ..card import Card
    from .backend import Part
    from .messages import Request
    from .service import Service, Told

PREFIX = "/model/"
_PROBABILITY_COLUMNS = ("score", "probability")


def metadata(service: Service, _request: Request) -> Response:
    """Return the six facts that MAX wants to know of a model."""
    card = service.backend.card
    document = card.document
    types = [rule.type for rule in card.outputs.values()]
    return Response.of_json(
        {
            "id": model_id(card),
            "name": str(document.get("title") or model_name(card)),
            "description": str(document.get("description") or ""),
            "type": str(section(card, "meta").get("task") or ", ".join(types)),
            "source": _source(card),
            "license": str(document.get("license") or ""),
        }
    )


def labels(service: Service, _request: Request) -> Response:
    """Return the classes that the model's card names."""
    found = labels_of(service.backend.card)
    return Response.of_json(
        {
            "count": len(found),
            "labels": [{"id": str(number), "name": name} for number, name in enumerate(found)],
        }
    )


def predict(service: Service, request: Request) -> Response:
    """Answer an image, a file or texts."""
    told = service.predict(request)
    threshold = _threshold(told[0])
    base = request.address
    card = service.backend.card
    many = len(told) > 1 or len(told[0].answer.parts) > 1
    predictions: list[object] = []
    for one in told:
        if one.answer.max_predictions is not None:
            predictions.extend(one.answer.max_predictions)
            continue
        entries = {
            part.name: _entries(part, one, card, threshold, base) for part in one.answer.parts
        }
        if not many:
            predictions = [entry for found in entries.values() for entry in found]
        elif len(entries) == 1:
            found = next(iter(entries.values()))
            predictions.append(found[0] if len(found) == 1 else found)
        else:
            predictions.append(entries)
    return Response.of_json({"status": "ok", "predictions": predictions})


def refusal(error: RefusedError) -> Response:
    """Return a refusal: `message` and `errors` as MAX has them, and the `status` it promises."""
    said: dict[str, object] = {
        "status": "error",
        "message": error.sentence,
        "code": error.code,
    }
    if error.field:
        said["errors"] = {error.field: error.sentence}
        said["message"] = "Input payload validation failed"
    response = Response.of_json(said, 400 if error.status == 422 else error.status)
    response.headers.update(error.headers)
    return response


def labels_of(card: Card) -> tuple[str, ...]:
    """Return the classes of the first output that has any."""
    return next((rule.labels for rule in card.outputs.values() if rule.labels), ())


def _entries(
    part: Part, told: Told, card: Card, threshold: float | None, base: str
) -> list[dict[str, object]]:
    rule = card.outputs.get(part.name)
    known = rule.labels if rule else ()
    value: Any = part.value
    if part.file is not None:
        return [
            {
                "name": part.name,
                "type": part.type,
                "shape": list(part.shape),
                "url": told.place(part, base),
            }
        ]
    if part.type == "label_list" and isinstance(value, list):
        return _above(threshold, (_labeled(entry, known) for entry in value))
    if part.type == "boxes" and isinstance(value, list):
        size = next(iter(told.answer.sizes.values()), None)
        return _above(threshold, (_boxed(entry, known, size) for entry in value))
    if part.type == "text" and isinstance(value, list):
        return [{"text": text} for text in value]
    return [{"name": part.name, "type": part.type, "shape": list(part.shape), "value": value}]


def _labeled(entry: Any, known: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(entry, dict):
        return {"label_id": _id_of(entry, known), "label": _name_of(entry, known)}
    label = entry.get("label")
    return {
        "label_id": _id_of(label, known),
        "label": _name_of(label, known),
        "probability": entry.get("probability"),
    }


def _boxed(entry: Any, known: tuple[str, ...], size: tuple[int, int] | None) -> dict[str, object]:
    if not isinstance(entry, dict):
        return {"value": entry}
    label = entry.get("label")
    boxed: dict[str, object] = {"label_id": _id_of(label, known), "label": _name_of(label, known)}
    for column in _PROBABILITY_COLUMNS:
        if column in entry:
            boxed["probability"] = entry[column]
    place = [entry.get(column) for column in ("y0", "x0", "y1", "x1")]
    numbers = [number for number in place if isinstance(number, (int, float))]
    if size is not None and len(numbers) == len(place):
        lengths = (size[0], size[1]) * 2
        boxed["detection_box"] = [
            number / max(1, length)
            for number, length in zip(numbers, lengths)  # noqa: B905  # Python 3.8
        ]
    else:
        boxed.update({key: entry[key] for key in entry if key not in ("item", "label", "score")})
    return boxed


def _above(threshold: float | None, found: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    def probability(entry: dict[str, object]) -> float:
        number = entry.get("probability")
        return float(number) if isinstance(number, (int, float)) else 1.0

    entries = list(found)
    if threshold is not None:
        entries = [entry for entry in entries if probability(entry) > threshold]
    return sorted(entries, key=probability, reverse=True)


def _id_of(label: object, known: tuple[str, ...]) -> str:
    return str(known.index(label)) if isinstance(label, str) and label in known else str(label)


def _name_of(label: object, known: tuple[str, ...]) -> str:
    if isinstance(label, int) and 0 <= label < len(known):
        return known[label]
    return str(label)


def _threshold(told: Told) -> float | None:
    text = told.fields.get("threshold")
    if text is None:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise unreadable("The threshold is no number.", "threshold") from error


def _source(card: Card) -> str:
    links = card.document.get("links")
    stated = section(card, "publication").get("url") or section(card, "model").get("provenance")
    return str(links[0] if isinstance(links, list) and links else stated or "")
