"""Our own calls: one answer form for every model, and what the pages need.

| call | answer |
|---|---|
| `POST /predict` | `{"outputs": {name: {"type", "value" or "url", ...}}, "seconds": ...}` |
| `GET /model.json` | the model's card |
| `GET /healthz` | `{"status": "ok", ...}` |
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from .messages import Response

if TYPE_CHECKING:
    from .backend import Picture
    from .failures import RefusedError
    from .messages import Request
    from .service import Service, Told


def predict(service: Service, request: Request) -> Response:
    """Answer what was sent; a batch of texts gets a list."""
    told = [answer_form(one, request.prefix) for one in service.predict(request)]
    return Response.of_json(told[0] if len(told) == 1 else told)


def predict_sample(service: Service, request: Request) -> Response:
    """Answer a sample of the model."""
    told = service.predict_sample(request.query.get("name", ""), request)
    return Response.of_json(answer_form(told, request.prefix))


def model(service: Service, _request: Request) -> Response:
    """Return the card, as it stands in the model's folder."""
    return Response.of_json(service.backend.card.document)


def health(service: Service, _request: Request) -> Response:
    """Say that the service answers, and how many requests wait."""
    name = str(service.backend.card.document.get("name") or "")
    return Response.of_json({"status": "ok", "model": name, "waiting": service.waiting})


def answer_form(told: Told, prefix: str) -> dict[str, object]:
    """Return an answer in our form; its addresses are paths below ``prefix``."""
    outputs: dict[str, object] = {}
    for part in told.answer.parts:
        entry: dict[str, object] = {"type": part.type, "shape": list(part.shape)}
        if part.dtype:
            entry["dtype"] = part.dtype
        if part.file is not None:
            entry["url"] = told.place(part, prefix)
        else:
            entry["value"] = part.value
        if part.picture is not None:
            entry["picture"] = _picture(prefix + told.pictures[part.name], part.picture)
        if part.over:
            entry["over"] = part.over
        if part.labels:
            entry["labels"] = list(part.labels)
        outputs[part.name] = entry
    form: dict[str, object] = {"outputs": outputs, "seconds": round(told.answer.seconds, 6)}
    if told.input_pictures:
        form["pictures"] = {
            name: _picture(prefix + place, told.answer.pictures[name])
            for name, place in told.input_pictures.items()
        }
    if told.answer.sizes:
        form["sizes"] = {name: list(size) for name, size in told.answer.sizes.items()}
    return form


def _picture(place: str, picture: Picture) -> dict[str, object]:
    return {
        "url": place,
        "rows": picture.rows,
        "columns": picture.columns,
        "turned": picture.is_turned,
        "slice": picture.slice,
        "slices": picture.slices,
    }


def refusal(error: RefusedError) -> Response:
    """Return a refusal as RFC 9457 has it."""
    try:
        title = HTTPStatus(error.status).phrase
    except ValueError:
        title = "Refused"
    problem = {
        "status": error.status,
        "title": title,
        "code": error.code,
        "detail": error.sentence,
    }
    if error.field:
        problem["field"] = error.field
    response = Response.of_json(problem, error.status)
    response.media_type = "application/problem+json"
    response.headers.update(error.headers)
    return response
