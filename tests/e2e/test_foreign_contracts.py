"""An image made for another system, from submission to score and once more, spoken to alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from proctor.spec.contract import Contract
from proctor.spec.model import Protocol

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

APP = """
import json
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"id": "half", "name": "Half"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = [
            [{"label": "high", "probability": 0.9 if value > 0.5 else 0.1},
             {"label": "low", "probability": 0.1 if value > 0.5 else 0.9}]
            for (value,) in body["values"]
        ]
        self.answer({"status": "ok", "predictions": found})

    def answer(self, document):
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

HTTPServer(("0.0.0.0", 5000), Handler).serve_forever()
"""
LINES = """
COPY app.py /app.py
LABEL proctor.contract='{"name": "max", "send": "json", "field": "values"}'
ENTRYPOINT []
CMD ["python3", "/app.py"]
"""


def test_a_labelled_image_is_scored_and_run_again_by_the_same_contract(
    stack: Any, challenge: str, joined: str, image: Callable[..., str]
) -> None:
    name = image(LINES, files={"app.py": APP.encode()})
    wait = ("--wait", "--poll-interval", "0.2")
    stack.cli("submit", challenge, name, *wait, token=joined)
    (view,) = stack.client(joined).submissions(challenge).items

    assert (view.progress, view.contract) == ("scored", Contract.MAX)
    assert view.runs[0].protocol is Protocol.SERVE
    assert view.runs[0].evaluation.scores["half/top1/mean"] == 1.0
    shown = stack.cli("submission", view.id, token=joined)
    assert "It keeps the contract max." in shown.stderr

    where = ("--challenge", challenge, "--sandbox", "docker", "--format", "json")
    tested = json.loads(stack.cli("model", "test", name, *where, token=joined).stdout)
    checks = {check["name"]: check for check in tested["checks"]}
    assert [one for one, check in checks.items() if check["finding"] == "failed"] == []
    for one in ("serve", "same_twice", "rest"):
        assert checks[one]["finding"] == "passed", checks[one]

    stack.cli("rerun", view.id, *wait, token=joined)
    again = stack.client(joined).submission(view.id).runs[-1]
    assert (again.purpose, again.verdict) == ("rerun", "identical")
    assert again.protocol is Protocol.SERVE
