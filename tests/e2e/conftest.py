"""One whole Proctor on this machine, driven through its command line and its HTTP API."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from proctor.cli.services.endpoints import spare_port
from proctor.client import Client
from proctor.spec.api import SubmissionView, UserCreate

PATIENCE_S = 300  # a busy disk makes even a small upload slow
CASES = ("c1", "c2", "c3")
ITEMS = 4
COLUMNS = ("low", "high")

GOOD = """
import numpy as np

class Model:
    def predict(self, inputs):
        high = inputs["values"][:, 0] > 0.5
        return {"probabilities": np.where(high[:, None], [0.1, 0.9], [0.9, 0.1])}
"""


@dataclass
class Stack:
    """A running platform with its workers, and the folder of its state."""

    home: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    clients: dict[str | None, Client] = field(default_factory=dict)

    @property
    def endpoints(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "endpoints.json").read_text())
        return found

    def client(self, token: str | None = None) -> Client:
        if token not in self.clients:
            self.clients[token] = Client(self.endpoints["api"], token)
        return self.clients[token]

    @property
    def admin(self) -> Client:
        return self.client((self.home / "admin-token").read_text().strip())

    def user(self, name: str) -> str:
        """Invite a user and return the token."""
        return self.admin.create_user(UserCreate(name=name)).secret

    def cli(
        self, *arguments: str, token: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line as a user would."""
        finished = subprocess.run(
            [str(Path(sys.executable).parent / "proctor"), *arguments],
            env=self.environment | {"PROCTOR_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert not check or finished.returncode == 0, finished.stdout + finished.stderr
        return finished

    def submit(self, challenge: str, model: Path, token: str) -> str:
        """Submit a model and return the submission's id."""
        finished = self.cli("submit", challenge, str(model), token=token)
        found = re.search(r"sub_[0-9a-z]{26}", finished.stdout + finished.stderr)
        assert found is not None, finished.stdout
        return found.group()

    def finish(self, submission: str, token: str) -> SubmissionView:
        """Wait until a submission is final."""
        client = self.client(token)
        return wait_for(lambda: client.submission(submission), lambda view: view.final)


def wait_for(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Look until what is seen is good, and return it."""
    end = time.monotonic() + PATIENCE_S
    while not good(seen := look()):
        assert time.monotonic() < end, f"still {seen}"
        time.sleep(0.1)
    return seen


@pytest.fixture(scope="session")
def eventually() -> Callable[..., Any]:
    """Look until what is seen is good, and return it."""
    return wait_for


def start(home: Path, *options: str, **settings: str) -> Stack:
    """Start ``proctor up`` in ``home`` and wait until it answers."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PROCTOR_")
    }
    environment |= {"PROCTOR_HOME": str(home), **settings}
    home.mkdir(parents=True, exist_ok=True)
    (home / "endpoints.json").unlink(missing_ok=True)
    with (home / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(Path(sys.executable).parent / "proctor"),
                *("up", "--port", str(spare_port()), "--dashboard-port", str(spare_port())),
                *options,
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    end = time.monotonic() + PATIENCE_S
    while not (home / "endpoints.json").exists():
        assert process.poll() is None, (home / "up.log").read_text()
        assert time.monotonic() < end, (home / "up.log").read_text()
        time.sleep(0.1)
    return Stack(home, environment, process)


def stop(stack: Stack) -> None:
    """End it as Ctrl-C does."""
    for client in stack.clients.values():
        client.close()
    stack.process.send_signal(signal.SIGINT)
    stack.process.wait(PATIENCE_S)


# First: where this folder alone is run, xdist would look for the groups before they are there.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share a platform, or prepared data, in one process."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))
        elif "challenges" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("challenges"))


@pytest.fixture(scope="session")
def database_of(request: pytest.FixtureRequest) -> Callable[[Path], dict[str, str]]:
    """A function from a home to the setting of its database: PostgreSQL where that is asked for."""
    if os.environ.get("PROCTOR_TEST_DATABASE", "sqlite") == "sqlite":
        return lambda home: {}
    databases = request.getfixturevalue("databases")
    made: dict[Path, str] = {}

    def setting(home: Path) -> dict[str, str]:
        if home not in made:
            made[home] = databases.make()
        return {"PROCTOR_DATABASE_URL": made[home]}

    return setting


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory, database_of: Callable[[Path], dict[str, str]]
) -> Iterator[Stack]:
    """A whole Proctor for the session."""
    home = tmp_path_factory.mktemp("home")
    running = start(home, PROCTOR_RECONCILE_S="0.5", **database_of(home))
    yield running
    stop(running)


@pytest.fixture(scope="session")
def organizer(stack: Stack) -> str:
    """The token of somebody who publishes."""
    return stack.user("olga")


@pytest.fixture
def participant(stack: Stack, request: pytest.FixtureRequest) -> str:
    """The token of somebody new, with a whole quota."""
    slug = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return stack.user(f"p{abs(hash(slug)) % 10**8}-{slug[-20:].strip('-')}")


def write_model(folder: Path, source: str = GOOD, name: str = "model") -> Path:
    """Write a model folder with the given source."""
    folder.mkdir()
    (folder / "model.py").write_text(source)
    card = {
        "contract": 1,
        "name": name,
        "title": name.title(),
        "license": "Apache-2.0",
        "runtime": "runtime-cpu",
    }
    (folder / "model.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="session", name="write_model")
def _write_model() -> Callable[..., Path]:
    """The function that writes a model folder."""
    return write_model


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a model folder with the given source, below the test's own."""
    return lambda source=GOOD, name="model": write_model(tmp_path / name, source, name)


def write_challenge(folder: Path, slug: str, **phase: Any) -> Path:
    """Write a small challenge: is a number above a half? Three cases of four items."""
    generator = np.random.default_rng(0)
    for split in ("hidden", "sample"):
        for case in CASES:
            inputs = folder / "data" / split / "inputs"
            reference = folder / "data" / split / "reference"
            inputs.mkdir(parents=True, exist_ok=True)
            reference.mkdir(parents=True, exist_ok=True)
            values = generator.random((ITEMS, 1))
            np.save(inputs / f"{case}.npy", values)
            np.save(reference / f"{case}.npy", (values[:, 0] > 0.5).astype(np.int64))
    limits = {
        "case_s": 20,
        "total_s": 300,
        "memory_bytes": 256 << 20,
        "tmp_bytes": 32 << 20,
        "output_bytes": 4 << 20,
        "output_files": 16,
    }
    splits = {
        split: {"inputs": f"data/{split}/inputs", "reference": f"data/{split}/reference"}
        for split in ("hidden", "sample")
    }
    document = {
        "schema": 1,
        "slug": slug,
        "title": f"The {slug} challenge",
        "summary": "Is a number above a half?",
        "runtimes": ["runtime-cpu"],
        "tasks": [
            {
                "slug": "half",
                "title": "Above a half",
                "items_per_case": ITEMS,
                "inputs": {"values": {"type": "array", "file": "{case}.npy"}},
                "outputs": {
                    "probabilities": {
                        "type": "table",
                        "file": "probabilities.csv",
                        "columns": list(COLUMNS),
                    }
                },
                "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
                "labels": dict(enumerate(COLUMNS)),
                "data": splits,
                "metrics": [
                    {
                        "id": "top1",
                        "name": "top_k_accuracy",
                        "parameters": {"k": 1},
                        "output": "probabilities",
                        "reference": "labels",
                    },
                    {
                        "id": "loss",
                        "name": "log_loss",
                        "output": "probabilities",
                        "reference": "labels",
                    },
                ],
                "primary": "top1",
            }
        ],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": ["half"],
                "opens_at": "2026-01-01T00:00:00Z",
                "closes_at": "2036-01-01T00:00:00Z",
                "show_logs": True,
                "tryout": False,
                "quota": {"per_day": 20},
                "limits": limits,
                **phase,
            }
        ],
    }
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def publish(stack: Stack, folder: Path, token: str) -> None:
    """Publish a challenge folder through the command line."""
    stack.cli("challenge", "publish", str(folder), token=token)


@pytest.fixture(scope="session")
def challenge(stack: Stack, organizer: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A published challenge whose scores are shown at once."""
    publish(stack, write_challenge(tmp_path_factory.mktemp("half"), "half"), organizer)
    return "half"


@pytest.fixture(scope="session")
def tried(stack: Stack, organizer: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A challenge with try-outs and public inputs, whose hidden runs' logs stay shut."""
    folder = write_challenge(tmp_path_factory.mktemp("tried"), "tried", tryout=True)
    document = yaml.safe_load((folder / "challenge.yaml").read_text())
    document["accepts"] = ["folder", "predictions"]
    document["tasks"][0] |= {"inputs_public": True, "tryout_cases": 2}
    document["phases"][0]["show_logs"] = False
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    publish(stack, folder, organizer)
    return "tried"


@pytest.fixture
def joined(stack: Stack, challenge: str, participant: str) -> str:
    """The token of a new participant of the challenge."""
    stack.client(participant).join(challenge)
    return participant


@pytest.fixture(scope="session", name="write_challenge")
def _write_challenge() -> Callable[..., Path]:
    """The function that writes a small challenge folder."""
    return write_challenge


@pytest.fixture(name="start")
def _start(database_of: Callable[[Path], dict[str, str]]) -> Iterator[Callable[..., Stack]]:
    """A function that starts another whole Proctor, ended after the test."""
    running: list[Stack] = []

    def begin(home: Path, **settings: str) -> Stack:
        running.append(start(home, **settings, **database_of(home)))
        return running[-1]

    yield begin
    for each in running:
        stop(each)


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """A function that builds an image from the runtime image and some Dockerfile lines."""
    import docker

    from proctor_runner.images.builder import released_tag

    client = docker.from_env(timeout=600)
    built: list[str] = []

    def build(lines: str, files: Mapping[str, bytes] | None = None) -> str:
        context = tmp_path / f"image{len(built)}"
        context.mkdir()
        for name, content in (files or {}).items():
            (context / name).write_bytes(content)
        (context / "Dockerfile").write_text(
            f"FROM {released_tag('proctor/runtime-cpu')}\n{lines}\n"
        )
        (context / "model.json").write_text(json.dumps({"contract": 1, "name": "an-image"}))
        tag = f"proctor-test/e2e-{os.getpid()}-{len(built)}:1"
        client.images.build(path=str(context), tag=tag, rm=True)
        built.append(tag)
        return tag

    yield build
    for tag in built:
        client.images.remove(tag, force=True)
    client.close()
