"""What a model's web service costs: requests per second beside other servers, same model.

Each server is a process of its own on this machine, asked over connections that stay open. The
model answers at once, so what is measured is the way there and back: a form with one small file,
its parsing, the answer in JSON. FastAPI runs under uvicorn as its documentation starts it; MAX's
framework is Flask with flask-restx on Flask's own server, as its `MAXApp.run` starts it.

Two peers are not among the dependencies. `PROCTOR_BENCH_PEERS` names a Python that has maxfw, and
`PROCTOR_BENCH_MODELHUB` the folder `framework` of ModelHub's engine, which that Python imports
(flask-cors, h5py, numpy, pillow, python-magic and requests beside it); each is measured then.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import Figure
from benchmarks.rest_peers import (
    CARD,
    FASTAPI,
    FLASK,
    FORM,
    MAXFW,
    MODEL,
    MODELHUB,
    MODELHUB_CONFIG,
    PICTURE,
    PICTURE_CARD,
)

from proctor.cli.services.endpoints import spare_port

_REQUESTS = 600
_CLIENTS = 4
_ROUNDS = 3
_PATIENCE_S = 60
_PORT = "PORT"
_PEERS, _MODELHUB = "PROCTOR_BENCH_PEERS", "PROCTOR_BENCH_MODELHUB"


@dataclass(frozen=True)
class _Server:
    """A server to be asked.

    Attributes:
        form: What each request sends.
        clients: Connections at a time.
    """

    command: tuple[str, ...]
    path: str
    form: bytes = FORM
    clients: int = _CLIENTS
    variables: Mapping[str, str] = field(default_factory=dict)


def measure() -> list[Figure]:
    """Measure the servers in turns."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as name:
        servers = _servers(Path(name))
        rates: dict[str, list[float]] = {server: [] for server in servers}
        for _ in range(_ROUNDS):
            for server, found in servers.items():
                port = spare_port()
                with _running(found, port, Path(name)):
                    rates[server].append(_rate(found, port))
    rate = {server: statistics.median(found) for server, found in rates.items()}
    compared = [
        ("a bare FastAPI app", "rest", "fastapi", "at least 0.7"),
        ("MAX's Flask server", "rest", "flask", "at least 3"),
        ("maxfw itself", "rest", "maxfw", "at least 3"),
        ("ModelHub's engine, a picture", "picture", "modelhub", "at least 3"),
    ]
    return [
        Figure(
            f"requests a second, against {title} (ratio)",
            rate[ours] / rate[peer],
            target,
            f"median of {_ROUNDS} x {_REQUESTS} requests over {servers[ours].clients} connections,"
            f" {rate[ours]:.0f} a second against {rate[peer]:.0f}",
        )
        for title, ours, peer, target in compared
        if peer in rate
    ]


def _servers(folder: Path) -> dict[str, _Server]:
    pictures = folder / "pictures"
    (folder / "model").mkdir()
    pictures.mkdir()
    for place in (folder, pictures):
        (place / "model.py").write_text(MODEL)
    (folder / "model.json").write_text(json.dumps(CARD))
    (pictures / "model.json").write_text(json.dumps(PICTURE_CARD))
    (folder / "model" / "config.json").write_text(json.dumps(MODELHUB_CONFIG))
    scripts = {"fast": FASTAPI, "flasked": FLASK, "maxed": MAXFW, "hubbed": MODELHUB}
    for name, text in scripts.items():
        (folder / f"{name}.py").write_text(text)
    engine = {"PROCTOR_PROTOCOL": "rest", "PROCTOR_MODEL": str(folder)}
    ours = (sys.executable, "-m", "proctor.template")
    quiet = ("--log-level", "error", "--no-access-log", "--port", _PORT)
    servers = {
        "rest": _Server(ours, "/model/predict", variables=engine),
        "fastapi": _Server((sys.executable, "-m", "uvicorn", "fast:app", *quiet), "/predict"),
        "flask": _Server((sys.executable, "flasked.py", _PORT), "/model/predict"),
    }
    python, framework = os.environ.get(_PEERS, ""), os.environ.get(_MODELHUB, "")
    if python:
        servers["maxfw"] = _Server((python, "maxed.py", _PORT), "/model/predict")
    if python and framework:
        # It removes the files of whoever else is asking, so only one may ask.
        engine = {**engine, "PROCTOR_MODEL": str(pictures)}
        servers["picture"] = _Server(ours, "/api/predict", PICTURE, 1, engine)
        path = {"PYTHONPATH": framework}
        hubbed = (python, "hubbed.py", _PORT)
        servers["modelhub"] = _Server(hubbed, "/api/predict", PICTURE, 1, path)
    return servers


@contextmanager
def _running(server: _Server, port: int, folder: Path) -> Iterator[None]:
    address = {"PROCTOR_REST_ADDRESS": f"127.0.0.1:{port}"}
    with subprocess.Popen(
        [str(port) if word == _PORT else word for word in server.command],
        cwd=folder,
        env=os.environ | dict(server.variables) | address,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + _PATIENCE_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(
                        f"no server at port {port} after {_PATIENCE_S} s or less: start it by hand"
                        f" and see why: {' '.join(server.command)}"
                    )
                time.sleep(0.05)
            yield
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _rate(server: _Server, port: int) -> float:
    _ask(server, port, 50)
    began = time.perf_counter()
    _ask(server, port, _REQUESTS)
    return _REQUESTS / (time.perf_counter() - began)


def _ask(server: _Server, port: int, times: int) -> None:
    """Ask on every connection, then hear every answer, until there are so many.

    As cheaply as can be, on one thread: what the client takes is taken from every server alike.
    """
    head = (
        f"POST {server.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Length: {len(server.form)}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    request = head.encode() + server.form
    kept: list[socket.socket] = []
    for _ in range(-(-times // server.clients)):
        while len(kept) < server.clients:
            kept.append(socket.create_connection(("127.0.0.1", port)))
        for connection in kept:
            connection.sendall(request)
        kept = [connection for connection in kept if _stays_after_answer(connection)]
    for connection in kept:
        connection.close()


def _stays_after_answer(connection: socket.socket) -> bool:
    """Hear an answer; close the connection if the server will not go on."""
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
    if b"connection: close" not in lines and b"http/1.0" not in lines[0]:
        return True
    connection.close()
    return False
