"""A whole evaluation over bare containers, and how fast an idle worker picks work up."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import docker
from benchmarks import workload
from benchmarks.report import Figure
from benchmarks.stack import measured_stack, new_token

from proctor.client import Client
from proctor.spec.api import SubmissionCreate

_PICK_UPS = 11


def measure() -> list[Figure]:
    """Measure both on one platform."""
    from proctor.cli.contents import open_model

    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as scratch, measured_stack() as stack:
        folder = Path(scratch)
        challenge = workload.write_challenge(folder / "challenge")
        workload.publish(stack.api, new_token(stack, "organizer"), challenge)
        participant = Client(stack.api, new_token(stack, "participant"))
        participant.join("bench")
        image = workload.build_image(workload.write_model(folder / "busy"))
        quick = workload.write_model(folder / "quick", workload.QUICK)
        with open_model(image, folder / "busy" / "model.json", lambda _line: None) as entry:
            participant.upload(entry.blobs)
            request = SubmissionCreate(
                challenge="bench", phase="main", content=entry.content, card=entry.card
            )
            workload.finished(participant, participant.submit(request))  # the image is loaded once
            whole, bare = [], []
            for round_number in range(3):
                bare.append(
                    workload.bare_docker_runs(folder / f"bare{round_number}", challenge, image)
                )
                whole.append(_seconds_to_rank(participant, request))
        with open_model(str(quick), None, lambda _line: None) as entry:
            participant.upload(entry.blobs)
            request = SubmissionCreate(
                challenge="bench", phase="main", content=entry.content, card=entry.card
            )
            waits = [_pick_up_s(participant, request) for _ in range(_PICK_UPS)]
        subprocess.run(["docker", "rmi", "--force", image], check=False, capture_output=True)
    return [
        Figure(
            "whole evaluation / eight bare `docker run`",
            statistics.median(whole) / statistics.median(bare),
            "at most 1.3",
            f"{statistics.median(whole):.2f} s / {statistics.median(bare):.2f} s, medians of 3",
        ),
        Figure(
            "accepted to first container, idle worker (s)",
            statistics.median(waits),
            "under 1",
            f"median of {_PICK_UPS}, {min(waits):.2f} to {max(waits):.2f} s",
        ),
    ]


def _seconds_to_rank(client: Client, request: SubmissionCreate) -> float:
    began = time.perf_counter()
    view = client.submit(request)
    while not view.final:
        time.sleep(0.02)
        view = client.submission(view.id)
    if view.progress != "scored":
        raise RuntimeError(f"{view.id} ended as {view.progress}: {view.detail}")
    return time.perf_counter() - began


def _pick_up_s(client: Client, request: SubmissionCreate) -> float:
    began = time.time()
    view = workload.finished(client, client.submit(request))
    engine = docker.from_env()
    started = [
        event["timeNano"] / 1e9
        for run in view.runs
        for event in engine.events(
            since=began,
            until=time.time(),
            decode=True,
            filters={"type": "container", "event": "start", "label": f"proctor.work={run.id}"},
        )
    ]
    engine.close()
    return min(started) - view.submitted_at.timestamp()
