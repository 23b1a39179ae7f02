"""Puts service, calls and server together."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import Engine
from .app import SHARED_HEADERS, App
from .engine_backend import EngineBackend
from .server import Server, listen_at, listen_on
from .service import Service
from .settings import Settings

if TYPE_CHECKING:
    from types import FrameType

    from .backend import Backend
    from .patience import Patience

DEFAULT_PORT = 8080


@contextmanager
def served(
    backend: Backend,
    listening: socket.socket,
    settings: Settings,
    scratch: Path | None = None,
    patience: Patience | None = None,
) -> Iterator[Service]:
    """Answer requests within the block; the model answers once somebody runs the service."""
    service = Service(backend, settings, scratch)
    app = App(service)
    server = Server(
        listening,
        app.answer,
        app.refusal,
        app.is_for_model,
        settings.most_connections,
        settings.most_body_bytes,
        patience,
        SHARED_HEADERS,
    )
    service.beside(server.reception)
    server.start()
    try:
        yield service
    finally:
        server.close()
        service.close()


def rest(model: Path, environment: Mapping[str, str], seed: int) -> None:
    """Load a model and serve it until the process is ended.

    `PROCTOR_REST_ADDRESS` is `host:port` (all addresses, port 8080, when empty) or `unix:<path>`;
    `PROCTOR_REST_URL_HOSTS` and `PROCTOR_REST_ORIGINS` are lists with commas.

    Raises:
        ModelFolderError: The model cannot be loaded.
        OSError: The address cannot be had.
    """
    engine = Engine.start(model, seed)
    settings = Settings(
        url_hosts=_list(environment.get("PROCTOR_REST_URL_HOSTS", "")),
        origins=frozenset(_list(environment.get("PROCTOR_REST_ORIGINS", ""))),
    )
    listening = _listen(environment.get("PROCTOR_REST_ADDRESS", ""))
    # The first process of a container is not ended by SIGTERM unless it says so.
    signal.signal(signal.SIGTERM, _end)
    backend = EngineBackend(engine, model)
    with suppress(KeyboardInterrupt), served(backend, listening, settings) as service:
        print(f"Serving {model} at {_said(listening)}.", file=sys.stderr, flush=True)
        service.run()


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _listen(address: str) -> socket.socket:
    if address.startswith("unix:"):
        path = Path(address[len("unix:") :])
        return listen_at(path)
    host, _, port = address.rpartition(":")
    return listen_on(host.strip("[]") or "0.0.0.0", int(port or DEFAULT_PORT))  # noqa: S104  a container's own


def _said(listening: socket.socket) -> str:
    name = listening.getsockname()
    return f"http://{name[0]}:{name[1]}" if isinstance(name, tuple) else f"unix:{os.fspath(name)}"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
