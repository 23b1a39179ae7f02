"""The forms of answers, as JSON schemas."""

from __future__ import annotations

from typing import Any


def reference(name: str) -> dict[str, Any]:
    """Return a reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_SHAPE = {"type": "array", "items": _COUNT}
_PICTURE = _object(
    {
        "url": _TEXT,
        "rows": _COUNT,
        "columns": _COUNT,
        "turned": {"type": "boolean"},
        "slice": {"type": "integer", "description": "-1 of a flat array"},
        "slices": _COUNT,
    }
)

SCHEMAS: dict[str, Any] = {
    "Card": {"type": "object"},
    "Health": _object({"status": _TEXT, "model": _TEXT, "waiting": _COUNT}),
    "Addresses": {"type": "array", "items": _TEXT},
    "Legal": _object(
        {
            "modelhub_license": _TEXT,
            "modelhub_acknowledgements": _TEXT,
            "model_license": _TEXT,
            "sample_data_license": _TEXT,
        }
    ),
    "Input": {
        "description": "A text, or an object with one of fileurl, data (base64) and value.",
        "anyOf": [
            _TEXT,
            _object({}, {"fileurl": _TEXT, "data": _TEXT, "file_name": _TEXT, "value": {}}),
            {"type": "array"},
        ],
    },
    "Prediction": _object(
        {
            "outputs": {
                "type": "object",
                "additionalProperties": _object(
                    {"type": _TEXT, "shape": _SHAPE},
                    {
                        "dtype": _TEXT,
                        "value": {},
                        "url": {"type": "string", "description": "of an array's file"},
                        "picture": _PICTURE,
                        "over": {"type": "string", "description": "the input under the picture"},
                        "labels": {**_SHAPE, "description": "in a mask's picture"},
                    },
                ),
            },
            "seconds": {"type": "number", "description": "without waiting"},
        },
        {"pictures": {"type": "object", "additionalProperties": _PICTURE}},
    ),
    "Problem": _object(
        {"status": _COUNT, "title": _TEXT, "code": _TEXT, "detail": _TEXT},
        {"field": {"type": "string", "description": "the input that it is about"}},
    ),
    "ModelHubPrediction": _object(
        {
            "output": {
                "type": "array",
                "items": _object(
                    {
                        "prediction": {"description": "a value, or the address of an array's file"},
                        "shape": _SHAPE,
                        "type": _TEXT,
                        "name": _TEXT,
                        "description": _TEXT,
                    }
                ),
            },
            "timestamp": _TEXT,
            "processing_time": {"type": "number"},
            "model": _object({"id": _TEXT, "name": _TEXT}),
        }
    ),
    "ModelHubError": _object({"error": _TEXT, "code": _TEXT}, {"field": _TEXT}),
    "Metadata": _object(
        dict.fromkeys(("id", "name", "description", "type", "source", "license"), _TEXT)
    ),
    "Labels": _object(
        {
            "count": _COUNT,
            "labels": {"type": "array", "items": _object({"id": _TEXT, "name": _TEXT})},
        }
    ),
    "MaxPrediction": _object(
        {"status": {"const": "ok"}, "predictions": {"type": "array", "items": {}}}
    ),
    "MaxError": _object(
        {"status": {"const": "error"}, "message": _TEXT, "code": _TEXT},
        {"errors": {"type": "object", "additionalProperties": _TEXT}},
    ),
}
