"""Scores predictions by another version of the metric package, in a Python of its own.

The process that calls keeps its own metrics; the other one finds the package of the archive first
and is told nothing else: no environment, no paths but those of its files. It is no sandbox: what
runs there is the archive's code with the rights of whoever started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import proctor_metrics
from proctor.spec.base import FileRef
from proctor.spec.digests import digest_entries, read_folder
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.verdicts import ScoreKey
from proctor.spec.work import ScoreOrder
from proctor_runner.metric_wheel import PACKAGE
from proctor_runner.score_work import score_cases
from proctor_runner.scoring import Scores

if TYPE_CHECKING:
    from proctor_runner.workshop import RunTools

_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from proctor_runner.rescoring import main; main()"
)
_MOST_BYTES = 32 << 20
Column = tuple[str, str]
"""Metric and label."""


class RescoringError(Exception):
    """The other metrics cannot be used here; the message is a phrase for the person."""


@dataclass(frozen=True)
class Rescored:
    """What one version of the metrics says: every score, columns over all cases, definitions."""

    scores: Mapping[ScoreKey, float | None]
    columns: Mapping[Column, float | None]
    definitions: Mapping[str, str]


@dataclass(frozen=True)
class _Files:
    """A desk that only hands out files."""

    blobs: Mapping[str, Path]

    def fetch(self, file: FileRef) -> Path:
        if file.digest not in self.blobs:
            raise OrganizerError(
                Code.METRIC_FAILED,
                f"{file.digest} is not here. The file of an organizer's own metric is in sealed"
                " archives only.",
            )
        return self.blobs[file.digest]

    def store(self, path: Path) -> FileRef:
        raise NotImplementedError

    def store_bytes(self, content: bytes) -> FileRef:
        raise NotImplementedError

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None:
        """Tell nobody."""

    def stopped(self) -> bool:
        return False


def score_here(order: ScoreOrder, blobs: Mapping[str, Path], sandbox: str) -> Rescored:
    """Score by the metrics of this Proctor.

    Args:
        sandbox: where organizers' own metrics run, ``docker`` or ``process``. They are code of
            whoever made the archive, so there is none to fall back on.

    Raises:
        OrganizerError: a reference or a metric cannot be used.
        PlatformError: an organizer's own metric is to run and the sandbox cannot be used.
    """
    return _rescored(score_cases(order, _Files(blobs), partial(_tools, sandbox)))


@contextmanager
def _tools(sandbox: str) -> Iterator[RunTools]:
    """Open the sandbox for organizers' own metrics."""
    # Only here does a scoring of an archive need Docker's client.
    from proctor_runner.workshop import SandboxWorkshop

    with tempfile.TemporaryDirectory(prefix="proctor-") as name:
        scratch = Path(name) / "metrics"
        scratch.mkdir()
        with SandboxWorkshop(sandbox, Path(name), "local").open(scratch) as tools:
            yield tools


def score_elsewhere(
    order: ScoreOrder, blobs: Mapping[str, Path], package: Path, sandbox: str
) -> Rescored:
    """Score by the metric package in the folder ``package``.

    Raises:
        RescoringError: it does not work with this Proctor.
    """
    question = {
        "order": order.model_dump(mode="json"),
        "sandbox": sandbox,
        "blobs": {digest: str(path.resolve()) for digest, path in blobs.items()},
    }
    finished = subprocess.run(
        [sys.executable, "-I", "-B", "-c", _START, str(package.resolve())],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        env={"LC_ALL": "C.UTF-8"},
        cwd=package,
        check=False,
    )
    if finished.returncode != 0:
        said = finished.stderr.strip().splitlines() or ["it said nothing"]
        raise RescoringError(f"they end with status {finished.returncode}: {said[-1]}")
    try:
        answer = json.loads(finished.stdout)
        return Rescored(
            {(case, metric, label): value for case, metric, label, value in answer["scores"]},
            {(metric, label): value for metric, label, value in answer["columns"]},
            dict(answer["definitions"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise RescoringError("their answer is not understood") from error


def unpack_wheel(wheel: Path, folder: Path, code_digest: str) -> Path:
    """Lay out the metric package of a wheel, if it is the code that ``code_digest`` names.

    Returns:
        The folder in which the package lies.

    Raises:
        RescoringError: it is no such wheel, or other code.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [item for item in archive.infolist() if _is_source(item.filename)]
            if sum(item.file_size for item in members) > _MOST_BYTES:
                raise RescoringError("their wheel is larger than any metric package")
            for item in members:
                target = folder / item.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(item))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RescoringError(f"their wheel cannot be read ({error})") from error
    found = digest_entries(read_folder(folder / PACKAGE)) if members else "no code"
    if found != code_digest:
        raise RescoringError(f"their code is {found}, and the scores name {code_digest}")
    return folder


def main() -> None:
    """Answer one question on standard input; see ``score_elsewhere``."""
    package = Path(proctor_metrics.__file__).parent
    if package.parent != Path(sys.argv[1]):
        raise SystemExit(f"the metrics in use are those of {package}")
    question = json.load(sys.stdin)
    found = score_here(
        ScoreOrder.model_validate(question["order"]),
        {digest: Path(path) for digest, path in question["blobs"].items()},
        question["sandbox"],
    )
    answer: dict[str, Any] = {
        "scores": [[*key, value] for key, value in found.scores.items()],
        "columns": [[*key, value] for key, value in found.columns.items()],
        "definitions": dict(found.definitions),
    }
    json.dump(answer, sys.stdout)


def _rescored(scores: Scores) -> Rescored:
    private = scores.private.rows if scores.private else ()
    return Rescored(
        {(row.case or "", row.metric, row.label): row.value for row in scores.rows}
        | {(row.case, row.metric, row.label): row.value for row in private if row.case},
        {(one.metric, one.label): one.value for one in scores.aggregates},
        {name: facts.definition_id for name, facts in scores.metrics.items()},
    )


def _is_source(name: str) -> bool:
    """Tell whether a member is of the package and of its digest; nothing else is laid out.

    What a folder's digest leaves out (hidden files, compiled ones) would be code without a name.
    """
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    return parts[:1] == (PACKAGE,) and not hidden and not name.endswith("/") and "\\" not in name
