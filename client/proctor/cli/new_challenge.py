"""`proctor challenge init`: a small challenge that is complete and valid as it is.

Data are made up from a fixed seed, so that an organizer can check, publish and submit within a
minute, and then put real cases and a real text in their place, file by file.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from proctor.template.scaffold import TASKS

_HIDDEN_CASES, _SAMPLE_CASES = 6, 2


def new_challenge(folder: Path, name: str, task: str) -> list[Path]:
    """Write ``challenge.yaml``, the data it names and a baseline.

    Args:
        name: The challenge's slug.

    Returns:
        Every file written.

    Raises:
        ValueError: There is no template for that task.
        FileExistsError: The folder holds something already; nothing is written then.
    """
    import numpy as np

    from proctor.cli.made_up import WRITERS
    from proctor.template.scaffold import scaffold

    if task not in TASKS:
        raise ValueError(
            f"there is no challenge template for {task!r}; choose one of {', '.join(TASKS)}"
        )
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; choose a new folder")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    template = files("proctor.cli") / "scaffolds" / f"{task}.yaml"
    text = template.read_text(encoding="utf-8")
    for mark, value in {
        "@SLUG@": name,
        "@OPENS@": f"{today:%Y-%m-%dT%H:%M:%SZ}",
        "@CLOSES@": f"{today + timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}",
    }.items():
        text = text.replace(mark, value)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "challenge.yaml").write_text(text, encoding="utf-8")
    random = np.random.default_rng(0)
    for split, count in (("hidden", _HIDDEN_CASES), ("sample", _SAMPLE_CASES)):
        for kind in ("inputs", "reference"):
            (folder / "data" / split / kind).mkdir(parents=True)
        cases = [f"{split}-{number}" for number in range(1, count + 1)]
        for case in cases:
            WRITERS[task](folder / "data" / split, case, random)
        _write_cases(folder / "data" / split / "cases.csv", cases)
    scaffold(folder / "baselines" / "simple", "simple", task)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_cases(path: Path, cases: list[str]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", "group", "site"])
        for number, case in enumerate(cases):
            writer.writerow([case, case, "north" if number % 2 else "south"])
