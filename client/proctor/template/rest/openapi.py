"""The service described for programs: OpenAPI 3.1, with the inputs and outputs of this model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..formats import FORMATS, TYPES
from .modelhub_api import model_name
from .openapi_schemas import SCHEMAS, reference

if TYPE_CHECKING:
    from ..card import Card, InputRule
    from .messages import Request
    from .service import Service

_THRESHOLD = {
    "name": "threshold",
    "in": "query",
    "description": "Leaves out labels and boxes that are not more probable.",
    "schema": {"type": "number"},
}
_PICTURES = {
    "name": "pictures",
    "in": "query",
    "description": "Adds pictures of inputs and outputs.",
    "schema": {"type": "boolean", "default": False},
}


def document(service: Service, request: Request | None = None) -> dict[str, Any]:
    """Return the description of a service."""
    card = service.backend.card
    return {
        "openapi": "3.1.0",
        "info": {
            "title": str(card.document.get("title") or model_name(card)),
            "description": str(card.document.get("description") or ""),
            "version": str(card.document.get("version") or "0"),
            **_license(card),
        },
        **({"servers": [{"url": request.base}]} if request is not None and request.base else {}),
        "tags": [
            {"name": "model", "description": "The calls of MAX, the Model Asset eXchange."},
            {"name": "api", "description": "The calls of ModelHub."},
            {"name": "service", "description": "This service's own calls."},
        ],
        "paths": _paths(service),
        "components": {"schemas": SCHEMAS},
    }


def _paths(service: Service) -> dict[str, Any]:
    body = _body(service.backend.card)
    names = list(service.samples.names)
    sample: dict[str, Any] = {"type": "string", **({"enum": names} if names else {})}
    return {
        "/predict": _post(
            "service", "Ask the model", "Prediction", body, "Problem", [_PICTURES],
            media_type="application/problem+json",
        ),
        "/predict_sample": _get(
            "service", "Ask the model about a sample", "Prediction",
            [{"name": "name", "in": "query", "required": True, "schema": sample}, _PICTURES],
            "Problem", "application/problem+json",
        ),
        "/model.json": _get("service", "The model's card", "Card"),
        "/healthz": _get("service", "Whether the service answers", "Health"),
        "/openapi.json": _get("service", "This description", "Card"),
        "/api/get_config": _get("api", "The card as ModelHub's config.json", "Card"),
        "/api/get_legal": _get("api", "The texts of the licenses", "Legal"),
        "/api/get_model_io": _get("api", "Inputs and outputs", "Card"),
        "/api/get_samples": _get("api", "Addresses of the samples", "Addresses"),
        "/api/get_model_files": _file("api", "The model's files", "application/zip"),
        "/api/samples/{name}": _file("api", "A sample", "application/octet-stream", "name"),
        "/api/output/{name}": _file("api", "A file of an answer", "application/x-hdf5", "name"),
        "/api/predict": {
            **_post("api", "Ask the model", "ModelHubPrediction", body, "ModelHubError"),
            **_get(
                "api", "Ask the model about a file at a URL", "ModelHubPrediction",
                [{"name": "fileurl", "in": "query", "required": True,
                  "schema": {"type": "string"}}],
                "ModelHubError",
            ),
        },
        "/api/predict_sample": _get(
            "api", "Ask the model about a sample", "ModelHubPrediction",
            [{"name": "filename", "in": "query", "required": True, "schema": sample}],
            "ModelHubError",
        ),
        "/model/metadata": _get("model", "What the model is", "Metadata"),
        "/model/labels": _get("model", "The classes that it knows", "Labels"),
        "/model/predict": _post(
            "model", "Ask the model", "MaxPrediction", body, "MaxError", [_THRESHOLD]
        ),
    }  # fmt: skip


def _get(
    tag: str,
    summary: str,
    schema: str,
    parameters: list[dict[str, Any]] | None = None,
    error: str = "",
    error_type: str = "application/json",
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "responses": _responses(schema, error, error_type, bool(parameters)),
    }
    if parameters:
        operation["parameters"] = parameters
    return {"get": operation}


def _post(
    tag: str,
    summary: str,
    schema: str,
    body: dict[str, Any],
    error: str,
    parameters: list[dict[str, Any]] | None = None,
    media_type: str = "application/json",
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": body},
        "responses": _responses(schema, error, media_type, True),
    }
    if parameters:
        operation["parameters"] = parameters
    return {"post": operation}


def _file(tag: str, summary: str, media_type: str, parameter: str = "") -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": [tag],
        "summary": summary,
        "responses": {
            "200": {"description": "The file", "content": {media_type: {}}},
            "4XX": {"description": "There is none"},
        },
    }
    if parameter:
        operation["parameters"] = [
            {"name": parameter, "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    return {"get": operation}


def _responses(schema: str, error: str, error_type: str, can_fail: bool) -> dict[str, Any]:
    ok = {"description": "OK", "content": {"application/json": {"schema": reference(schema)}}}
    found: dict[str, Any] = {"200": ok}
    if can_fail and error:
        failed = {"content": {error_type: {"schema": reference(error)}}}
        for status, said in (
            ("4XX", "The request is not what the model takes"),
            ("5XX", "The model failed, or is busy"),
        ):
            found[status] = {"description": said, **failed}
    return found


def _body(card: Card) -> dict[str, Any]:
    rules = list(card.inputs.values())
    form: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    written: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for rule in rules:
        form["properties"][rule.name] = {
            "description": _said(rule),
            "type": "string",
            **({} if rule.type == "text" else {"contentMediaType": "application/octet-stream"}),
        }
        written["properties"][rule.name] = {"description": _said(rule), **reference("Input")}
        form["required"].append(rule.name)
        written["required"].append(rule.name)
    if not rules:
        form["additionalProperties"] = written["additionalProperties"] = True
    content = {"multipart/form-data": {"schema": form}, "application/json": {"schema": written}}
    if len(rules) == 1:
        for name in rules[0].formats or TYPES[rules[0].type]:
            content.setdefault(FORMATS[name].mime_types[0], {})
    return content


def _said(rule: InputRule) -> str:
    formats = ", ".join(FORMATS[name].title for name in rule.formats or TYPES[rule.type])
    limits = " x ".join(
        f"{'' if limit.min is None else limit.min} to {'any' if limit.max is None else limit.max}"
        for limit in rule.dim_limits
    )
    words = [rule.description, f"{rule.type}: {formats}.", f"Lengths {limits}." if limits else ""]
    return " ".join(word for word in words if word)


def _license(card: Card) -> dict[str, Any]:
    found = card.document.get("license")
    return {"license": {"name": found}} if isinstance(found, str) and found else {}
