"""A challenge from arrays, folders or data frames: written, checked and published in one call."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from proctor.quick.splits import Written

Task = Literal["classification", "regression", "segmentation"]
Metric = str | Mapping[str, Any]

_TASKS = ("classification", "regression", "segmentation")


@dataclass(frozen=True)
class Challenge:
    """A published challenge.

    Attributes:
        page: where people read about it.
        folder: its files, where ``folder=`` asked to keep them.
    """

    slug: str
    version: int
    page: str
    folder: Path | None = None


def create_challenge(
    inputs: Any,
    reference: Any,
    *,
    task: Task,
    metrics: Sequence[Metric],
    name: str | None = None,
    title: str | None = None,
    labels: Mapping[int, str] | None = None,
    sample: float = 0.2,
    items_per_case: int = 100,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    inputs_public: bool = False,
    runtimes: Sequence[str] = ("runtime-cpu",),
    days: int = 365,
    folder: str | Path | None = None,
    docker: bool = True,
    host: str | None = None,
) -> Challenge:
    """Write, check and publish a challenge.

    Args:
        inputs: One row an item (array, list, data frame); for a segmentation a sequence of
            volumes or of pictures; or a folder with one file a case: ``.npy``, or for a
            segmentation NIfTI, PNG, TIFF or JPEG.
        reference: The same for what is hidden: classes, numbers, masks, or a folder of the same
            file names; masks of pictures are PNG or TIFF, one number a pixel.
        metrics: Names such as ``"accuracy"``, or mappings with ``name``, ``parameters`` and
            ``worst``; the first decides ranks.
        name: The challenge's slug; made of the data when not given.
        labels: Names of classes by number; those found in ``reference`` when not given.
        sample: The part that is public.
        items_per_case: How many items a model sees at once.
        inputs_public: Everybody may download the inputs and enter predictions alone.
        runtimes: The images that model folders run in: ``"runtime-torch"`` for PyTorch modules.
        folder: Where the challenge's files are written and kept.
        docker: Publish the runtime image of the local Docker daemon; without, only workers of the
            process sandbox can run the models.
        host: The platform; found as the command line finds it when not given.

    Raises:
        ValueError: Something about the data or the declaration is wrong; it says what.
        ApiError: The platform refuses.
    """
    from proctor.cli.connection import connect
    from proctor.cli.environment import read_environment
    from proctor.cli.output import say
    from proctor.cli.publishing import NoDockerShelf, RuntimeShelf, publish_folder
    from proctor.cli.salts import salt_key

    if task not in _TASKS:
        raise ValueError(f"there is no task {task!r}; choose {', '.join(_TASKS)}")
    if not metrics:
        raise ValueError('name at least one metric, for example metrics=["accuracy"]')
    with ExitStack() as stack:
        place = Path(folder or stack.enter_context(tempfile.TemporaryDirectory()))
        if place.exists() and any(place.iterdir()):
            raise ValueError(f"{place} is not empty; name a new folder")
        reference, names = _coded(reference, task, labels)
        written = _write(place, inputs, reference, task, sample, items_per_case, spacing_mm)
        names = names or _names(written, task)
        slug = name or f"{task}-{_mark(place)}"
        document = _document(slug, title or slug, task, metrics, written, names, days)
        document["runtimes"] = list(runtimes)
        if inputs_public:
            document["accepts"] = ["predictions", *document["accepts"]]
            document["tasks"][0]["inputs_public"] = True
        _save_document(place, document)
        _refuse_problems(place)
        environment = read_environment()
        shelf = RuntimeShelf(environment.cache / "images") if docker else NoDockerShelf()
        client = stack.enter_context(connect(host))
        key = salt_key(environment.config)
        view = publish_folder(client, place, False, shelf, key, say).view
        page = view.page or f"{client.host}/api/v1/challenges/{slug}"
        return Challenge(slug, view.version, page, place if folder else None)


def _coded(
    reference: Any, task: Task, labels: Mapping[int, str] | None
) -> tuple[Any, dict[int, str]]:
    """Return a reference as numbers, and the names of its classes as far as they are known."""
    import numpy as np

    given = dict(labels or {})
    if isinstance(reference, (str, Path)) or task == "segmentation":
        return reference, given
    array = np.asarray(reference)
    if task == "regression":
        if array.dtype.kind not in "iuf":
            raise ValueError(f"reference holds {array.dtype}; a regression needs numbers")
        return array.astype(np.float64), {}
    if array.ndim != 1:
        raise ValueError(f"reference has shape {array.shape}; one class an item is needed")
    if array.dtype.kind in "iub":
        return array.astype(np.int64), given
    found = sorted({str(value) for value in array.tolist()})
    codes = {value: code for code, value in enumerate(found)}
    return np.array([codes[str(value)] for value in array.tolist()]), dict(enumerate(found))


def _write(
    place: Path,
    inputs: Any,
    reference: Any,
    task: Task,
    sample: float,
    items_per_case: int,
    spacing_mm: tuple[float, float, float],
) -> Written:
    from proctor.quick.splits import write_folders, write_images, write_items

    folders = [isinstance(half, (str, Path)) for half in (inputs, reference)]
    if any(folders) and not all(folders):
        given, other = ("inputs", "reference") if folders[0] else ("reference", "inputs")
        raise ValueError(
            f"{given} is a folder and {other} is not: give a folder for both, "
            f"or read its files into an array with a row for each item"
        )
    if all(folders):
        return write_folders(
            place, Path(inputs), Path(reference), sample, masks=task == "segmentation"
        )
    if task == "segmentation":
        return write_images(place, inputs, reference, sample, spacing_mm)
    return write_items(place, inputs, reference, sample, items_per_case)


def _names(written: Written, task: Task) -> dict[int, str]:
    import numpy as np

    if task == "regression":
        return {}
    found = np.unique(written.reference.astype(np.int64)).tolist()
    if task == "segmentation":
        return {value: f"label {value}" for value in found if value}
    return {value: str(value) for value in found}


def _document(
    slug: str,
    title: str,
    task: Task,
    metrics: Sequence[Metric],
    written: Written,
    names: dict[int, str],
    days: int,
) -> dict[str, Any]:
    """Return ``challenge.yaml`` as a document."""
    form = _form(task, written, names)
    declared = [_metric(metric, form["output"], form["reference"]) for metric in metrics]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    task_document = {
        "slug": task,
        "title": title,
        "items_per_case": written.most_items,
        "inputs": form["inputs"],
        "outputs": form["outputs"],
        "reference": form["references"],
        "data": {
            split: {"inputs": f"data/{split}/inputs", "reference": f"data/{split}/reference"}
            for split in ("hidden", "sample")
        },
        "metrics": declared,
        "primary": declared[0]["id"],
    }
    if names:
        task_document["labels"] = names
    return {
        "schema": 1,
        "slug": slug,
        "title": title,
        "accepts": ["folder", "image"],
        "tasks": [task_document],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": [task],
                "opens_at": today.isoformat(),
                "closes_at": (today + timedelta(days=days)).isoformat(),
                "show_logs": True,
            }
        ],
    }


def _form(task: Task, written: Written, names: dict[int, str]) -> dict[str, Any]:
    """Return what goes in and out of a model of this task."""
    pattern, reference = "{case}" + written.suffix, written.reference
    if task == "segmentation":
        volumes = written.suffix.startswith(".nii")
        grid, kind, answer = ("scan", "volume", ".nii.gz") if volumes else ("photo", "file", ".png")
        return {
            "inputs": {grid: {"type": kind, "file": pattern}},
            "output": "mask",
            "outputs": {"mask": {"type": "mask_image", "file": f"mask{answer}", "grid": grid}},
            "reference": "mask",
            "references": {
                "mask": {"type": "mask_image", "file": "{case}" + written.reference_suffix}
            },
        }
    classes = task == "classification"
    output = "probabilities" if classes else "values"
    width = reference.shape[1] if reference.ndim > 1 else 1
    numbers = ["value"] if width == 1 else [f"value{number}" for number in range(1, width + 1)]
    columns = [names[value] for value in sorted(names)] if classes else numbers
    kind = "labels" if classes else "values"
    return {
        "inputs": {"items": {"type": "array", "file": pattern}},
        "output": output,
        "outputs": {output: {"type": "table", "file": f"{output}.csv", "columns": columns}},
        "reference": kind,
        "references": {kind: {"type": kind, "file": pattern}},
    }


def _metric(metric: Metric, output: str, reference: str) -> dict[str, Any]:
    given = {"name": metric} if isinstance(metric, str) else dict(metric)
    return {"id": given.get("name"), "output": output, "reference": reference, **given}


def _save_document(place: Path, document: dict[str, Any]) -> None:
    import yaml

    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    (place / "challenge.yaml").write_text(text, encoding="utf-8")


def _refuse_problems(place: Path) -> None:
    from proctor_runner.checks import check_challenge

    problems = [str(problem) for problem in check_challenge(place, False)]
    if problems:
        raise ValueError("the challenge is not right:\n" + "\n".join(problems))


def _mark(place: Path) -> str:
    """Return a short name of the data, the same for the same data."""
    digest = hashlib.sha256()
    for path in sorted(place.rglob("*")):
        if path.is_file():
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:8]
