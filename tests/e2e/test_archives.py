"""An archive is carried to another machine, where no platform runs, and run again there."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

RANDOM = """
import os
import numpy as np

class Model:
    def predict(self, inputs):
        p = int.from_bytes(os.urandom(4), "little") / 2**32
        return {"probabilities": np.tile([1 - p, p], (len(inputs["values"]), 1))}
"""

# Elsewhere a stranger's model runs without Docker only when that is asked for.
SANDBOX = () if Path("/var/run/docker.sock").is_socket() else ("--sandbox", "process")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command on what stands for another machine: no platform, no settings, no cache."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / "proctor"), *map(str, arguments)],
            env={
                "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
                "HOME": str(tmp_path),
                "PROCTOR_HOME": str(tmp_path / "elsewhere"),
                "PROCTOR_HOST": "http://127.0.0.1:9",
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def verdicts(finished: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    document = json.loads(finished.stdout)
    return [(row["split"], row["verdict"]) for row in document["verdicts"]]


def test_an_archive_runs_again_on_another_machine(
    stack: Any,
    tried: str,
    participant: str,
    organizer: str,
    model: Callable[..., Path],
    elsewhere: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    stack.client(participant).join(tried)
    submission = stack.submit(tried, model(), participant)
    assert stack.finish(submission, participant).progress == "scored"
    public, sealed = tmp_path / "public.zip", tmp_path / "sealed.zip"
    stack.cli("archive", submission, "--out", str(public), token=stack.user("reader"))
    refused = stack.cli("archive", submission, "--sealed", token=participant, check=False)
    assert refused.returncode != 0
    assert "hidden data" in refused.stderr
    stack.cli("archive", submission, "--sealed", "--out", str(sealed), token=organizer)
    for path, split in ((public, "sample"), (sealed, "hidden")):
        finished = elsewhere("rerun", *SANDBOX, path, "--format", "json")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert verdicts(finished) == [(split, "identical")], finished.stderr
        scores = json.loads(finished.stdout)["scores"]
        archived = {row["metric"]: row["archived metrics"] for row in scores}
        assert archived["top1"] == 1.0, finished.stderr
        assert all(row["archived metrics"] == row["current metrics"] for row in scores)
    damaged = tmp_path / "damaged.zip"
    content = bytearray(sealed.read_bytes())
    with zipfile.ZipFile(sealed) as archive:
        victim = next(item for item in archive.infolist() if item.filename.startswith("blobs/"))
    content[victim.header_offset + 30 + len(victim.filename)] ^= 1
    damaged.write_bytes(content)
    finished = elsewhere("rerun", *SANDBOX, damaged)
    assert finished.returncode == 1
    assert victim.filename in finished.stderr


@pytest.mark.slow
def test_an_archived_model_without_a_seed_comes_out_different_elsewhere(
    stack: Any,
    challenge: str,
    joined: str,
    organizer: str,
    model: Callable[..., Path],
    elsewhere: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    submission = stack.submit(challenge, model(RANDOM), joined)
    assert stack.finish(submission, joined).progress == "scored"
    sealed = tmp_path / "sealed.zip"
    stack.cli("archive", submission, "--sealed", "--out", str(sealed), token=organizer)
    finished = elsewhere("rerun", *SANDBOX, sealed, "--format", "json")
    assert finished.returncode == 1, finished.stderr
    assert verdicts(finished) == [("hidden", "different")]
    assert "Case c1" in json.loads(finished.stdout)["verdicts"][0]["detail"]
