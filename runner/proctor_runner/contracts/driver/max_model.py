"""Asks a model of the Model Asset Exchange: one form or JSON document an item."""

import http.client
from typing import Any, Dict, List

from .errors import NotAnsweredError
from .server import Response, Server, document_of, read_part

_PREDICT = "/model/predict"
_FIELDS = ("file", "image")


class MaxModel:
    """A model behind ``/model/predict``."""

    def __init__(self, plan: Dict[str, Any]) -> None:
        self._server = Server(plan["command"], plan["port"])
        self._fields: List[str] = []

    def start(self) -> None:
        """Start its server."""
        self._server.start("/model/metadata")

    def answer(self, asked: Dict[str, Any], source: str, target: str) -> List[Any]:
        """Return what it answers to each item."""
        return [self._ask(item, source) for item in asked["items"]]

    def _ask(self, item: Dict[str, Any], source: str) -> Any:
        path = _PREDICT + item["query"]
        if "json" in item:
            return document_of(self._server.post_json(path, item["json"]), "POST " + path)
        part = read_part(item, source)
        fields = [item["field"]] if item["field"] else self._fields or self._form()
        response = Response(0, "", b"")
        for field in fields:
            response = self._server.post_file(path, field, part)
            if response.status != http.client.BAD_REQUEST:
                self._fields = [field]
                break
        return document_of(response, "POST %s with the file in %r" % (path, " or ".join(fields)))

    def _form(self) -> List[str]:
        """Return the fields that a file may be sent in: what its page says, else the usual two."""
        response = self._server.get("/swagger.json")
        try:
            paths = document_of(response, "GET /swagger.json")["paths"]
            operation = paths[_PREDICT]["post"]
            named = [one["name"] for one in operation["parameters"] if one.get("type") == "file"]
        except (KeyError, TypeError, AttributeError, NotAnsweredError):
            named = []
        return [str(name) for name in named[:1]] or list(_FIELDS)
