"""Models behind a real socket, asked with a real client."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from proctor.template.engine import Engine
from proctor.template.rest.engine_backend import EngineBackend
from proctor.template.rest.patience import Patience
from proctor.template.rest.server import listen_on
from proctor.template.rest.service import Service
from proctor.template.rest.settings import Settings
from proctor.template.rest.starting import served

LONGEST_WAIT_S = 120
BRIGHTNESS = """
import numpy as np

class Model:
    def predict(self, inputs):
        picture = np.asarray(inputs["photo"], dtype=float)
        gray = picture.mean(-1) if picture.ndim == 3 else picture
        bright = float(gray.mean()) / 255
        print("asked")
        return {
            "kind": [{"label": "dark", "probability": 1 - bright},
                     {"label": "bright", "probability": bright}],
            "mask": gray > gray.mean(),
        }
"""
PHOTO = {"photo": {"type": "image", "description": "A picture."}}
KIND = {"kind": {"type": "label_list", "labels": ["dark", "bright"]}}
MASK = {"mask": {"type": "mask_image", "description": "What is bright."}}


@dataclass(frozen=True)
class Running:
    """A service that answers, and a client that asks it."""

    service: Service
    client: httpx2.Client
    port: int
    folder: Path

    def stranger(self) -> httpx2.Client:
        """Return another client, to be closed."""
        return httpx2.Client(base_url=str(self.client.base_url), timeout=LONGEST_WAIT_S)


Serve = Callable[..., Running]


@pytest.fixture
def model_folder(tmp_path: Path) -> Callable[..., Path]:
    def make(body: str = BRIGHTNESS, inputs: Any = None, outputs: Any = None, **card: Any) -> Path:
        folder = tmp_path / "model"
        (folder / "samples").mkdir(parents=True, exist_ok=True)
        (folder / "model.py").write_text(body)
        io = {
            "inputs": PHOTO if inputs is None else inputs,
            "outputs": KIND | MASK if outputs is None else outputs,
        }
        document = {"name": "brightness", "title": "Brightness", "license": "MIT", "io": io}
        (folder / "model.json").write_text(json.dumps(document | card))
        return folder

    return make


@pytest.fixture
def serve(model_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = sys.modules.get("model")
    with ExitStack() as stack:

        def start(
            body: str = BRIGHTNESS,
            inputs: Any = None,
            outputs: Any = None,
            settings: Settings | None = None,
            patience: Patience | None = None,
            runs: bool = True,
            **card: Any,
        ) -> Running:
            folder = model_folder(body, inputs, outputs, **card)
            listening = listen_on("127.0.0.1", 0)
            port = listening.getsockname()[1]
            backend = EngineBackend(Engine.start(folder, 0), folder)
            service = stack.enter_context(
                served(backend, listening, settings or Settings(), patience=patience)
            )
            if runs:
                stack.callback(service.run_aside().join)
                stack.callback(service.close)
            client = stack.enter_context(
                httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=LONGEST_WAIT_S)
            )
            return Running(service, client, port, folder)

        yield start
    sys.modules.pop("model", None)
    if before is not None:
        sys.modules["model"] = before
    assert not [one.name for one in threading.enumerate() if one.name.startswith("rest-model")]


@pytest.fixture
def photo(samples: Any) -> bytes:
    content = samples.paths["png"].read_bytes()
    assert isinstance(content, bytes)
    return content
