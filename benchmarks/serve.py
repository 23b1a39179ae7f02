"""What serving costs a case apart from the model, and what of it is the engine's.

The model answers at once, so all of a case's time is ours. The engine is compared with a bare loop
that reads and writes the same files, both in one container.
"""

from __future__ import annotations

import itertools
import json
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import docker
import numpy as np
from benchmarks.report import Figure

from proctor.cli.environment import read_environment
from proctor.spec.limits import GIB, Limits
from proctor.spec.model import Protocol
from proctor_runner.images import ImageBuilder
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Ending, Program, SandboxJob
from proctor_runner.sandbox.slots import Slots

_CASES = 60
_ITEMS = 100

MODEL = """
class Model:
    def predict(self, inputs):
        return [[0.4, 0.6]] * len(inputs["values"])
"""

# Runs in the container; the engine is a child of it, so the figure has both pipes in it as well.
_IN_CONTAINER = """
import csv, json, os, subprocess, sys, time
import numpy as np

CASES, ROUNDS, ITEMS = 100, 5, 100
OUTPUT = {"type": "table", "file": "p.csv", "columns": ["low", "high"]}
for name in ("in", "out", "bare"):
    os.makedirs("/tmp/" + name)
for case in range(CASES):
    os.makedirs(f"/tmp/in/{case}")
    np.save(f"/tmp/in/{case}/values.npy", np.zeros((ITEMS, 32, 32), np.float32))
    with open(f"/tmp/in/{case}/case.json", "w") as stream:
        json.dump({"contract": 1, "case": str(case), "items": [str(i) for i in range(ITEMS)],
                   "inputs": {"values": {"type": "array", "file": "values.npy"}},
                   "outputs": {"probabilities": OUTPUT}, "seed": 0}, stream)

sys.path.insert(0, "/model")
from model import Model

def bare(case):
    with open(f"/tmp/in/{case}/case.json") as stream:
        asked = json.load(stream)
    rows = model.predict({"values": np.load(f"/tmp/in/{case}/values.npy")})
    os.makedirs(f"/tmp/bare/{case}", exist_ok=True)
    with open(f"/tmp/bare/{case}/p.csv", "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\\n")
        writer.writerow(asked["outputs"]["probabilities"]["columns"])
        writer.writerows(rows)

def served(case):
    engine.stdin.write(json.dumps({"id": str(case)}) + "\\n")
    engine.stdin.flush()
    assert json.loads(engine.stdout.readline()).get("ok") == 1

places = {"PROCTOR_PROTOCOL": "serve", "PROCTOR_INPUT": "/tmp/in", "PROCTOR_OUTPUT": "/tmp/out"}
engine = subprocess.Popen([sys.executable, "-m", "proctor.template"], env=os.environ | places,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
assert json.loads(engine.stdout.readline()) == {"ready": 1}
model = Model()
seconds = {"bare": [], "served": []}
for _ in range(ROUNDS):
    for way in (bare, served):
        for case in range(CASES):
            began = time.perf_counter()
            way(case)
            seconds[way.__name__].append(time.perf_counter() - began)
engine.stdin.close()
engine.wait()
assert open("/tmp/out/7/p.csv").read() == open("/tmp/bare/7/p.csv").read()
print(json.dumps({name: sorted(found)[len(found) // 2] for name, found in seconds.items()}))
"""


def measure() -> list[Figure]:
    """Measure with this host's Docker daemon."""
    with (
        closing(docker.from_env(timeout=600)) as client,
        tempfile.TemporaryDirectory(prefix="proctor-bench-") as scratch,
    ):
        folder = Path(scratch)
        images = read_environment().cache / "images"
        image_id = ImageBuilder(client, images, lambda _line: None).ensure_runtime()
        model = folder / "model"
        model.mkdir()
        (model / "model.py").write_text(MODEL)
        for path in (folder, model):
            path.chmod(0o755)
        figures = [_engine_share(client, image_id, model)]
        for name, mounts_itself, target_ms in (
            ("keeper", False, 150),
            ("host mounts", True, 35),
        ):
            times = _case_times_ms(client, image_id, folder / name, model, mounts_itself)
            figures.append(
                Figure(
                    f"a served case apart from its model, {name} (ms)",
                    statistics.median(times),
                    f"at most {target_ms}",
                    f"median of {len(times)}, {min(times):.0f} to {max(times):.0f} ms",
                )
            )
    return figures


def _case_times_ms(
    client: docker.DockerClient, image_id: str, folder: Path, model: Path, mounts_itself: bool
) -> list[float]:
    """Return the time of each case of one session, its start left out."""
    folder.mkdir()
    values = folder / "values.npy"
    np.save(values, np.zeros((_ITEMS, 32, 32), np.float32))
    times = []
    slots = Slots(folder / "slots")
    sandbox = DockerSandbox(client, folder / "state", slots, image_id, mounts_itself)
    with closing(sandbox), closing(sandbox.session()) as session:
        for number in itertools.count():
            destination = folder / f"out{number}"
            destination.mkdir()
            job = _job(image_id, model, f"case-{number}", values, destination)
            began = time.perf_counter()
            result = session.run(job, lambda: False)
            taken_s = time.perf_counter() - began - result.start_s
            if result.ending is not Ending.ANSWERED:
                raise RuntimeError(f"{result.detail} {result.log.decode()}")
            if number:
                times.append(1000 * taken_s)
            if number == _CASES:
                return times
    raise AssertionError("the cases never end before they are counted")


def _job(image_id: str, model: Path, part: str, values: Path, destination: Path) -> SandboxJob:
    output = {"type": "table", "file": "p.csv", "columns": ["low", "high"]}
    document = {
        "contract": 1,
        "case": part,
        "items": [str(item) for item in range(_ITEMS)],
        "inputs": {"values": {"type": "array", "file": "values.npy"}},
        "outputs": {"probabilities": output},
        "seed": 0,
    }
    return SandboxJob(
        work="run_bench",
        fence=1,
        part=part,
        program=Program(image_id, model),
        documents={"case.json": json.dumps(document).encode()},
        inputs={"values.npy": values},
        outputs=("p.csv",),
        destination=destination,
        limits=Limits(memory_bytes=GIB),
        timeout_s=60,
        protocol=Protocol.SERVE,
    )


def _engine_share(client: docker.DockerClient, image_id: str, model: Path) -> Figure:
    said = client.containers.run(
        image_id,
        ["-c", _IN_CONTAINER],
        entrypoint="/opt/venv/bin/python",
        volumes={str(model): {"bind": "/model", "mode": "ro"}},
        network_mode="none",
        remove=True,
    )
    seconds = json.loads(said)
    served_ms, bare_ms = 1000 * seconds["served"], 1000 * seconds["bare"]
    return Figure(
        "the engine's share of a served case (ms)",
        served_ms - bare_ms,
        "at most 1",
        f"{served_ms:.2f} ms served, {bare_ms:.2f} ms in a bare loop, medians of 500",
    )
