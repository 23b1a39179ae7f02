"""What a model's web service costs: requests per second beside other servers, same model.

Each server is a process of its own on this machine, asked over connections that stay open. The
model answers at once, so what is measured is the way there and back: a form with one small file,
its parsing, the answer in JSON. FastAPI runs under uvicorn as its documentation starts it; MAX's
framework is Flask with flask-restx on Flask's own server, as its `MAXApp.run` starts it.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.report import Figure

_REQUESTS = 600
_CLIENTS = 4
_ROUNDS = 3
_PATIENCE_S = 60
_PORT = "PORT"

MODEL = """
class Model:
    def predict(self, inputs):
        return [{"label": "low", "probability": 0.25}, {"label": "high", "probability": 0.75}]
"""
CARD = {
    "name": "bench",
    "io": {
        "inputs": {"file": {"type": "json"}},
        "outputs": {"found": {"type": "label_list", "labels": ["low", "high"]}},
    },
}
FASTAPI = """
import json

from fastapi import FastAPI, UploadFile
from model import Model

app = FastAPI()
model = Model()

@app.post("/predict")
def predict(file: UploadFile):
    return {"status": "ok", "predictions": model.predict({"file": json.load(file.file)})}
"""
FLASK = """
import json, logging, sys

from flask import Flask
from flask_restx import Api, Namespace, Resource, fields
from model import Model
from werkzeug.datastructures import FileStorage

logging.getLogger("werkzeug").setLevel(logging.ERROR)
space = Namespace("model")
entry = space.model("LabelPrediction", {"label": fields.String, "probability": fields.Float})
answer = space.model("ModelPredictResponse", {
    "status": fields.String(required=True),
    "predictions": fields.List(fields.Nested(entry)),
})
parser = space.parser()
parser.add_argument("file", type=FileStorage, location="files", required=True)
model = Model()

@space.route("/predict")
class Predict(Resource):
    @space.expect(parser)
    @space.marshal_with(answer)
    def post(self):
        given = json.load(parser.parse_args()["file"])
        return {"status": "ok", "predictions": model.predict({"file": given})}

app = Flask("bench")
Api(app).add_namespace(space)
app.run(host="127.0.0.1", port=int(sys.argv[1]), threaded=True)
"""
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n'
    b"Content-Type: application/json\r\n\r\n[1, 2, 3]\r\n--x--\r\n"
)


def measure() -> list[Figure]:
    """Measure the three servers in turns."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as name:
        folder = Path(name)
        (folder / "model.py").write_text(MODEL)
        (folder / "model.json").write_text(json.dumps(CARD))
        (folder / "fast.py").write_text(FASTAPI)
        (folder / "flasked.py").write_text(FLASK)
        engine = {"PROCTOR_PROTOCOL": "rest", "PROCTOR_MODEL": name}
        uvicorn = ["-m", "uvicorn", "fast:app", "--log-level", "error", "--no-access-log"]
        servers: dict[str, tuple[list[str], str, dict[str, str]]] = {
            "rest": (["-m", "proctor.template"], "/model/predict", engine),
            "fastapi": ([*uvicorn, "--port", _PORT], "/predict", {}),
            "flask": (["flasked.py", _PORT], "/model/predict", {}),
        }
        rates: dict[str, list[float]] = {server: [] for server in servers}
        for _ in range(_ROUNDS):
            for server, (command, path, variables) in servers.items():
                port = _free_port()
                address = {"PROCTOR_REST_ADDRESS": f"127.0.0.1:{port}"}
                given = [str(port) if word == _PORT else word for word in command]
                with _running(given, port, folder, variables | address):
                    rates[server].append(_rate(port, path))
    rate = {server: statistics.median(found) for server, found in rates.items()}
    how = (
        f"median of {_ROUNDS} x {_REQUESTS} requests over {_CLIENTS} connections, "
        f"{rate['rest']:.0f} a second against {{:.0f}}"
    )
    return [
        Figure(
            "requests a second, against a bare FastAPI app (ratio)",
            rate["rest"] / rate["fastapi"],
            "at least 0.7",
            how.format(rate["fastapi"]),
        ),
        Figure(
            "requests a second, against MAX's Flask server (ratio)",
            rate["rest"] / rate["flask"],
            "at least 3",
            how.format(rate["flask"]),
        ),
    ]


@contextmanager
def _running(
    command: list[str], port: int, folder: Path, variables: dict[str, str]
) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while time.monotonic() < deadline:
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield
        finally:
            process.kill()


def _rate(port: int, path: str) -> float:
    _ask(port, path, 50)
    threads = [
        threading.Thread(target=_ask, args=(port, path, _REQUESTS // _CLIENTS))
        for _ in range(_CLIENTS)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _REQUESTS / (time.perf_counter() - began)


def _ask(port: int, path: str, times: int) -> None:
    """Ask as cheaply as can be: what the client takes is taken from every server alike."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(FORM)}\r\n"
    request = f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode() + FORM
    connection: socket.socket | None = None
    for _ in range(times):
        connection = connection or socket.create_connection(("127.0.0.1", port))
        connection.sendall(request)
        found = b""
        while b"\r\n\r\n" not in found:
            found += connection.recv(65536)
        said, _, body = found.partition(b"\r\n\r\n")
        lines = said.lower().split(b"\r\n")
        if b" 200 " not in lines[0]:
            raise RuntimeError(found.decode())
        (length,) = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
        while len(body) < length:
            body += connection.recv(65536)
        if b"connection: close" in lines or b"http/1.0" in lines[0]:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
