"""`proctor challenge init`: a small challenge that is complete and valid as it is.

Data are made up from a fixed seed, so that an organizer can check, publish and submit within a
minute, and then put real cases and a real text in their place, file by file.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASKS = ("classification", "segmentation")

_HIDDEN_CASES, _SAMPLE_CASES = 6, 2
_ITEMS = 12
_SIZE = 12


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

    from proctor.template.scaffold import scaffold

    if task not in TASKS:
        raise ValueError(
            f"there is no challenge template for {task!r}; choose {' or '.join(TASKS)}"
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
    write = _write_images if task == "classification" else _write_volumes
    for split, count in (("hidden", _HIDDEN_CASES), ("sample", _SAMPLE_CASES)):
        for kind in ("inputs", "reference"):
            (folder / "data" / split / kind).mkdir(parents=True)
        cases = [f"{split}-{number}" for number in range(1, count + 1)]
        for case in cases:
            write(folder / "data" / split, case, random)
        _write_cases(folder / "data" / split / "cases.csv", cases)
    scaffold(folder / "baselines" / "simple", "simple", task)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_cases(path: Path, cases: list[str]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["case", "group", "site"])
        for number, case in enumerate(cases):
            writer.writerow([case, case, "north" if number % 2 else "south"])


def _write_images(split: Path, case: str, random: np.random.Generator) -> None:
    """Stack small images in which class 1 is brighter than class 0."""
    import numpy as np

    labels = random.permutation(np.arange(_ITEMS, dtype=np.int64) % 2)
    noise = random.normal(100, 20, size=(_ITEMS, 8, 8))
    images = np.clip(noise + 30 * labels[:, None, None], 0, 255).astype(np.uint8)
    np.save(split / "inputs" / f"{case}.npy", images)
    np.save(split / "reference" / f"{case}.npy", labels)


def _write_volumes(split: Path, case: str, random: np.random.Generator) -> None:
    """Put a bright ball, label 1, into a noisy volume."""
    import numpy as np

    center = random.uniform(4, _SIZE - 4, size=3)
    grid = np.indices((_SIZE, _SIZE, _SIZE)).transpose(1, 2, 3, 0)
    mask = (np.linalg.norm(grid - center, axis=-1) < 3.5).astype(np.uint8)
    volume = (random.normal(100, 10, size=mask.shape) + 60 * mask).astype(np.float32)
    _save_volume(split / "inputs" / f"{case}.nii.gz", volume)
    _save_volume(split / "reference" / f"{case}.nii.gz", mask)


def _save_volume(path: Path, data: NDArray[np.float32] | NDArray[np.uint8]) -> None:
    import nibabel
    import numpy as np

    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    image = nibabel.Nifti1Image(data, affine)  # type: ignore[no-untyped-call]  # nibabel's
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]  # nibabel's
    nibabel.save(image, path)
