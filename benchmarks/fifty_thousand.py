"""50,000 images from submission to board, over a bare batched loop in the same image.

``python benchmarks/fifty_thousand.py --models 9`` makes the whole table; ``make bench`` takes one
model. Each model is first run by hand: one container of the runtime image with the same limits
goes through all images. Its own accuracies are what its author claims; one claims more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from benchmarks import image_set, workload
from benchmarks.memory import MemoryWatch
from benchmarks.report import Figure, show
from benchmarks.stack import measured_stack, new_token

from proctor.cli.contents import open_model
from proctor.client import Client
from proctor.spec.api import SubmissionCreate, SubmissionView
from proctor_runner.images.builder import released_tag

CASES = 50
_INFLATED = 0.03
_MEMORY_TARGET_MIB = 1024
_KINDS = {"-m proctor_platform": "platform", "-m proctor.cli worker": "largest worker process"}

_LOOP = """
import sys, time
from pathlib import Path
import numpy as np
sys.path.insert(0, "/model")
from model import Model
model = Model()
model.load(Path("/model"))
for path in sorted(Path("/images").glob("*.npy")):
    answer = model.predict({"images": np.load(path)})
    np.save(Path("/answers") / path.name, answer["scores"])
"""


class _Measured(NamedTuple):
    """One model by hand and on the platform."""

    name: str
    bare_s: float
    whole_s: float
    view: SubmissionView
    stages: dict[str, float]


def measure(models: int = 1, cases: int = CASES) -> list[Figure]:
    """Measure so many models, the best ones first."""
    with tempfile.TemporaryDirectory(prefix="proctor-bench-") as scratch, measured_stack() as stack:
        folder = Path(scratch)
        challenge = image_set.write_challenge(folder / "challenge", cases)
        with MemoryWatch(os.getpid(), _KINDS) as watch:
            began = time.perf_counter()
            organizer = new_token(stack, "organizer")
            workload.publish(stack.api, organizer, challenge)
            published_s = time.perf_counter() - began
            measured = []
            chosen = image_set.EXAMPLES[::-1][:models]
            for number, examples in enumerate(chosen):
                inflated = _INFLATED if number == len(chosen) // 2 and models > 1 else 0.0
                token = new_token(stack, f"author-{examples:02}")
                client = Client(stack.api, token)
                client.join(image_set.SLUG)
                place = folder / f"net-{examples:02}"
                measured.append(_one(client, place, challenge, examples, inflated))
                print(_told(measured[-1]), file=sys.stderr, flush=True)
        environment = {**os.environ, "PROCTOR_HOST": stack.api, "PROCTOR_TOKEN": organizer}
        proctor = [sys.executable, "-m", "proctor.cli"]
        subprocess.run([*proctor, "leaderboard", image_set.SLUG], check=True, env=environment)
        first, fetched = measured[0], folder / "fetched"
        subprocess.run(
            [*proctor, "predictions", first.view.id, "--out", str(fetched)],
            check=True,
            env=environment,
        )
        (run,) = [run for run in first.view.runs if run.purpose == "first"]
        shown = run.evaluation.scores if run.evaluation else {}
        again = _accuracies(fetched / "classify", challenge / "data/hidden/reference")
        difference = max(
            abs(value - (shown[f"classify/{name}/mean"] or 0.0)) for name, value in again.items()
        )
    return [
        *_figures(measured, published_s, watch.peak_bytes, cases),
        Figure(
            "scores recomputed from fetched predictions, largest difference",
            difference,
            "0",
            f"top-1 and top-5 of {first.name} from `proctor predictions`",
        ),
    ]


def _one(client: Client, place: Path, challenge: Path, examples: int, inflated: float) -> _Measured:
    model = image_set.write_model(place, examples, {})
    bare_s, accuracies = _bare_loop(place.with_name(f"{place.name}-bare"), challenge, model)
    claimed = {name: round(value + inflated, 3) for name, value in accuracies.items()}
    image_set.write_model(place, examples, claimed)
    with open_model(str(model), None, lambda _line: None) as entry:
        began = time.perf_counter()
        client.upload(entry.blobs)
        view = client.submit(
            SubmissionCreate(
                challenge=image_set.SLUG, phase="main", content=entry.content, card=entry.card
            )
        )
        view = workload.finished(client, view)
        whole_s = time.perf_counter() - began
    if view.progress != "scored":
        raise RuntimeError(f"{view.id} ended as {view.progress}: {view.detail}")
    return _Measured(place.name, bare_s, whole_s, view, _stages(client, view))


def _bare_loop(answers: Path, challenge: Path, model: Path) -> tuple[float, dict[str, float]]:
    """Run a model over all images in one container; return the seconds and its accuracies."""
    answers.mkdir()
    answers.chmod(0o777)
    hidden = challenge / "data/hidden"
    model.chmod(0o755)
    began = time.perf_counter()
    command = ["docker", "run", "--rm", "--network", "none", "--cpus", "1", "--memory", "2g"]
    for source, target in (
        (hidden / "inputs", "/images:ro"),
        (answers, "/answers"),
        (model, "/model:ro"),
    ):
        command += ["--volume", f"{source}:{target}"]
    command += ["--env", "OPENBLAS_NUM_THREADS=1", "--entrypoint", "python"]
    command += [released_tag("proctor/runtime-cpu"), "-c", _LOOP]
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - began
    return seconds, _accuracies(answers, hidden / "reference")


def _accuracies(answers: Path, reference: Path) -> dict[str, float]:
    """Return top-1 and top-5 accuracy of the arrays of class scores in a folder, by numpy alone."""
    hits = {"top1": 0, "top5": 0}
    total = 0
    for path in sorted(answers.rglob("*.npy")):
        scores = np.load(path)
        case = path.stem if path.parent == answers else path.parent.name
        true = np.load(reference / f"{case}.npy")
        above = (scores > scores[np.arange(len(true)), true][:, np.newaxis]).sum(axis=1)
        hits["top1"] += int((above < 1).sum())
        hits["top5"] += int((above < 5).sum())
        total += len(true)
        path.unlink()
    return {name: found / total for name, found in hits.items()}


def _stages(client: Client, view: SubmissionView) -> dict[str, float]:
    """Return the seconds between the events of a submission, by the later one's name."""
    events = sorted(client.events(view.id), key=lambda event: event.at)
    return {
        f"{earlier.name} → {later.name}": (later.at - earlier.at).total_seconds()
        for earlier, later in pairwise(events)
    }


def _told(measured: _Measured) -> str:
    (run,) = [run for run in measured.view.runs if run.purpose == "first"]
    stages = "; ".join(f"{name} {seconds:.1f} s" for name, seconds in measured.stages.items())
    return (
        f"{measured.name}: {measured.whole_s:.1f} s of which the model {run.seconds or 0:.1f} s,"
        f" bare {measured.bare_s:.1f} s, protocol {run.protocol}; {stages}"
    )


def _figures(
    measured: list[_Measured], published_s: float, peak_bytes: dict[str, int], cases: int
) -> list[Figure]:
    items = cases * image_set.ITEMS_A_CASE
    ratios = [one.whole_s / one.bare_s for one in measured]
    worst = measured[int(np.argmax(ratios))]
    figures = [
        Figure(
            f"{items:,} images / a bare batched loop",
            max(ratios),
            "at most 1.3",
            f"worst of {len(measured)}: {worst.whole_s:.1f} s / {worst.bare_s:.1f} s;"
            f" median {float(np.median(ratios)):.2f}",
        ),
        Figure(
            f"publishing {items:,} images (s)", published_s, "", "check, digest and upload of all"
        ),
    ]
    figures += [
        Figure(
            f"most memory of the {name} (MiB)",
            held / 2**20,
            f"at most {_MEMORY_TARGET_MIB}",
            "resident, over the whole measurement",
        )
        for name, held in sorted(peak_bytes.items())
    ]
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1, choices=range(1, 10))
    parser.add_argument("--cases", type=int, default=CASES)
    arguments = parser.parse_args()
    show(measure(arguments.models, arguments.cases))


if __name__ == "__main__":
    main()
