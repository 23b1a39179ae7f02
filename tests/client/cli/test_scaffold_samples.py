"""The samples that scaffolds bring are made here: run as a program, it writes them anew.

Each is a made-up case of its task, so small that it costs a new folder nothing.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from proctor.cli.made_up import WRITERS
from proctor.template.scaffold import TASKS, inputs_and_outputs, scaffold

FOLDER = Path(str(files("proctor.template"))) / "scaffolds" / "samples"


def made(task: str) -> tuple[str, bytes]:
    """Return the name and the content of a task's sample."""
    with tempfile.TemporaryDirectory() as place:
        for half in ("inputs", "reference"):
            (Path(place) / half).mkdir()
        WRITERS[task](Path(place), "sample", np.random.default_rng(0))
        (path,) = (Path(place) / "inputs").iterdir()
        (name,) = inputs_and_outputs(task)["inputs"]
        content = path.read_bytes()
        if task == "detection":
            # A box says in which image it is; out of a challenge there is one.
            np.save(path, np.load(path)[:1])
            content = path.read_bytes()
        if path.name.endswith(".gz"):
            content = gzip.compress(gzip.decompress(content), mtime=0)
        return name + "".join(path.suffixes), content


@pytest.mark.parametrize("task", TASKS)
def test_a_scaffold_brings_the_sample_that_is_made_here(task: str) -> None:
    name, content = made(task)
    kept = (FOLDER / task / name).read_bytes()
    if name.endswith(".gz"):
        kept, content = gzip.decompress(kept), gzip.decompress(content)
    assert kept == content


def test_a_scaffold_answers_its_own_sample(tmp_path: Path) -> None:
    asked = []
    for task in TASKS:
        scaffold(tmp_path / task, "mine", task)
        (sample,) = (tmp_path / task / "samples").iterdir()
        asked += [str(tmp_path / task), sample.name.split(".")[0], str(sample)]
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from proctor.template.engine import Engine\n"
        "for at in range(1, len(sys.argv), 3):\n"
        "    model, name, sample = sys.argv[at : at + 3]\n"
        "    found = Engine.start(Path(model), 0).predict({name: Path(sample)})\n"
        "    print(*(f'{name}:{len(value)}' for name, value in found.values.items()))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, *asked], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == [
        "probabilities:12",
        "mask:12",
        "values:12",
        "boxes:1",
        "probabilities:12",
        "probabilities:12",
    ]


if __name__ == "__main__":
    for each in TASKS:
        file, data = made(each)
        (FOLDER / each).mkdir(parents=True, exist_ok=True)
        (FOLDER / each / file).write_bytes(data)
