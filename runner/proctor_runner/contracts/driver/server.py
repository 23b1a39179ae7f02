"""Starts an image's own command and asks the server that it starts, over loopback."""

import http.client
import json
import os
import subprocess
import sys
import time
import uuid
from typing import Any, Dict, List, NamedTuple, Optional

from .errors import NotAnsweredError, NotReadyError

_ADDRESS = "127.0.0.1"
_ASK_EVERY_S = 0.05
_ONE_ANSWER_S = 5.0
_SHOWN_BYTES = 500

Response = NamedTuple("Response", [("status", int), ("kind", str), ("body", bytes)])
Part = NamedTuple("Part", [("name", str), ("kind", str), ("body", bytes)])


class Server:
    """The image's own command, as it is, and the port that it listens on."""

    def __init__(self, command: List[str], port: int) -> None:
        self._command = command
        self._port = port
        self._child: Optional["subprocess.Popen[bytes]"] = None

    def start(self, ready: str) -> None:
        """Start the command and wait until it answers; for how long is the sandbox's to say.

        Raises:
            NotReadyError: It cannot be started, or ends before.
        """
        try:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno()
            )
        except OSError as error:
            raise NotReadyError(
                "The image's command %r cannot be started: %s." % (self._command, error)
            )
        while not self._answers(ready):
            self._refuse_ended("before it answered on port %d" % self._port)
            time.sleep(_ASK_EVERY_S)

    def get(self, path: str) -> Response:
        """Ask for what lies at a path."""
        return self._ask("GET", path, None, {})

    def post_json(self, path: str, document: Any) -> Response:
        """Post a JSON document."""
        return self._ask(
            "POST", path, json.dumps(document).encode(), {"Content-Type": "application/json"}
        )

    def post_file(self, path: str, field: str, part: Part) -> Response:
        """Post one file as a form does."""
        boundary = uuid.uuid4().hex
        head = (
            '--%s\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n'
            "Content-Type: %s\r\n\r\n" % (boundary, field, part.name, part.kind)
        )
        body = head.encode() + part.body + ("\r\n--%s--\r\n" % boundary).encode()
        kind = "multipart/form-data; boundary=%s" % boundary
        return self._ask("POST", path, body, {"Content-Type": kind})

    def _answers(self, path: str) -> bool:
        connection = http.client.HTTPConnection(_ADDRESS, self._port, timeout=_ONE_ANSWER_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _ask(
        self, method: str, path: str, body: Optional[bytes], headers: Dict[str, str]
    ) -> Response:
        # No time limit: a case has one of its own, which the sandbox keeps.
        connection = http.client.HTTPConnection(_ADDRESS, self._port)
        try:
            connection.request(method, path, body, headers)
            found = connection.getresponse()
            return Response(found.status, found.getheader("Content-Type") or "", found.read())
        except (OSError, http.client.HTTPException) as error:
            self._refuse_ended("while it answered %s %s" % (method, path))
            raise NotAnsweredError("%s %s was not answered: %r." % (method, path, error))
        finally:
            connection.close()

    def _refuse_ended(self, when: str) -> None:
        status = None if self._child is None else self._child.poll()
        if status is not None:
            raise NotReadyError(
                "The image's command %r ended with exit status %d %s."
                % (self._command, status, when)
            )


def document_of(response: Response, what: str) -> Any:
    """Return the JSON of an answer.

    Raises:
        NotAnsweredError: The status is not 200, or it is no JSON.
    """
    said = response.body[:_SHOWN_BYTES].decode("utf-8", "replace").strip()
    if response.status != http.client.OK:
        raise NotAnsweredError("%s answered with status %d: %s" % (what, response.status, said))
    try:
        return json.loads(response.body.decode("utf-8"))
    except ValueError:
        raise NotAnsweredError(
            "%s answered with %s and no JSON: %r" % (what, response.kind or "no type", said)
        )


def read_part(asked: Dict[str, Any], source: str) -> Part:
    """Return the file, or the part of one, that an item is sent as."""
    with open(os.path.join(source, asked["file"]), "rb") as stream:
        stream.seek(asked.get("offset", 0))
        body = stream.read(asked.get("length", -1))
    return Part(asked["name"], asked["type"], body)
