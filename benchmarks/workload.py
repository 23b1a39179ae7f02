"""The challenge and the image that the timings use: eight cases of a fixed time of arithmetic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import yaml

from proctor.client import Client
from proctor.spec.api import SubmissionView
from proctor_runner.images.builder import released_tag

CASES = 8
SECONDS_A_CASE = 1.25
IMAGE = "proctor-bench/busy:1"
_ITEMS = 10

MODEL = f"""
import time
import numpy as np

class Model:
    def predict(self, inputs):
        end = time.process_time() + {SECONDS_A_CASE}
        matrix = np.eye(64)
        while time.process_time() < end:
            matrix = matrix @ matrix
        return {{"probabilities": np.tile([0.4, 0.6], (len(inputs["values"]), 1))}}
"""

QUICK = """
class Model:
    def predict(self, inputs):
        return {"probabilities": [[0.4, 0.6]] * len(inputs["values"])}
"""


def write_challenge(folder: Path, cases: int = CASES) -> Path:
    """Write a challenge with so many hidden cases and one public one."""
    generator = np.random.default_rng(0)
    for split, count in (("hidden", cases), ("sample", 1)):
        for part in ("inputs", "reference"):
            (folder / "data" / split / part).mkdir(parents=True)
        for number in range(count):
            values = generator.random((_ITEMS, 1))
            np.save(folder / f"data/{split}/inputs/c{number}.npy", values)
            labels = (values[:, 0] > 0.5).astype(np.int64)
            np.save(folder / f"data/{split}/reference/c{number}.npy", labels)
    document = {
        "schema": 1,
        "slug": "bench",
        "title": "Bench",
        "runtimes": ["runtime-cpu"],
        "tasks": [
            {
                "slug": "half",
                "title": "Above a half",
                "items_per_case": _ITEMS,
                "inputs": {"values": {"type": "array", "file": "{case}.npy"}},
                "outputs": {
                    "probabilities": {
                        "type": "table",
                        "file": "probabilities.csv",
                        "columns": ["low", "high"],
                    }
                },
                "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
                "labels": {0: "low", 1: "high"},
                "data": {
                    split: {
                        "inputs": f"data/{split}/inputs",
                        "reference": f"data/{split}/reference",
                    }
                    for split in ("hidden", "sample")
                },
                "metrics": [
                    {
                        "id": "top1",
                        "name": "top_k_accuracy",
                        "parameters": {"k": 1},
                        "output": "probabilities",
                        "reference": "labels",
                    }
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
                "quota": {"per_day": None},
                # The peer answers the hidden cases alone.
                "tryout": False,
            }
        ],
    }
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def write_model(folder: Path, source: str = MODEL) -> Path:
    """Write a model folder with a Dockerfile."""
    folder.mkdir(parents=True)
    (folder / "model.py").write_text(source)
    card = {"contract": 1, "name": folder.name, "runtime": "runtime-cpu"}
    (folder / "model.json").write_text(json.dumps(card))
    (folder / "Dockerfile").write_text(
        f"FROM {released_tag('proctor/runtime-cpu')}\nCOPY model.json model.py /model/\n"
    )
    return folder


def build_image(folder: Path) -> str:
    """Build the model folder as an image and return its name."""
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", IMAGE, str(folder)], check=True, capture_output=True
    )
    return IMAGE


def bare_docker_runs(folder: Path, challenge: Path, image: str) -> float:
    """Return the seconds of one plain ``docker run`` a case, one after the other."""
    inputs = []
    for number in range(CASES):
        case = folder / f"in{number}"
        output = folder / f"out{number}"
        case.mkdir(parents=True)
        output.mkdir()
        output.chmod(0o777)
        values = (challenge / f"data/hidden/inputs/c{number}.npy").read_bytes()
        (case / "values.npy").write_bytes(values)
        output_spec = {"type": "table", "file": "probabilities.csv", "columns": ["low", "high"]}
        document = {
            "contract": 1,
            "case": f"c{number}",
            "items": [str(item) for item in range(_ITEMS)],
            "inputs": {"values": {"type": "array", "file": "values.npy"}},
            "meta": {},
            "outputs": {"probabilities": output_spec},
            "seed": 0,
        }
        (case / "case.json").write_text(json.dumps(document))
        inputs.append((case, output))
    began = time.perf_counter()
    for case, output in inputs:
        mounts = ["--volume", f"{case}:/input:ro", "--volume", f"{output}:/output"]
        subprocess.run(["docker", "run", "--rm", *mounts, image], check=True, capture_output=True)
        if not (output / "probabilities.csv").exists():
            raise RuntimeError(f"the bare run wrote nothing to {output}")
    return time.perf_counter() - began


def publish(api: str, token: str, challenge: Path) -> None:
    """Publish a challenge folder by the command line."""
    command = [sys.executable, "-m", "proctor.cli", "challenge", "publish", str(challenge)]
    environment = {**os.environ, "PROCTOR_HOST": api, "PROCTOR_TOKEN": token}
    subprocess.run(command, check=True, capture_output=True, env=environment)


def finished(client: Client, view: SubmissionView) -> SubmissionView:
    """Wait until a submission is final."""
    while not view.final:
        time.sleep(0.1)
        view = client.submission(view.id)
    return view
