"""Archived metrics score in a Python of their own, and only if they are what the scores name."""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

import proctor_runner
from proctor.spec.digests import digest_bytes, digest_entries, read_folder
from proctor.spec.work import ScoreOrder
from proctor_runner.metric_wheel import metric_code_digest, metric_wheel
from proctor_runner.rescoring import RescoringError, score_elsewhere, score_here, unpack_wheel


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.whl"
    path.write_bytes(metric_wheel())
    return path


@pytest.fixture
def question(tmp_path: Path) -> tuple[ScoreOrder, dict[str, Path]]:
    """One case of four items, three of them right."""
    table, labels = np.array([[0.9, 0.1]] * 4), np.array([0, 0, 0, 1])
    blobs, files = {}, {}
    for name, array in (("table", table), ("labels", labels)):
        path = tmp_path / f"{name}.npy"
        np.save(path, array)
        files[name] = {"digest": digest_bytes(path.read_bytes()), "size": path.stat().st_size}
        blobs[files[name]["digest"]] = path
    task = {
        "slug": "classify",
        "title": "Classify",
        "items_per_case": 4,
        "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
        "outputs": {"p": {"type": "table", "file": "p.csv", "columns": ["a", "b"]}},
        "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
        "labels": {0: "a", 1: "b"},
        "data": {
            "hidden": {"inputs": "", "reference": ""},
            "sample": {"inputs": "", "reference": ""},
        },
        "metrics": [
            {
                "id": "top1",
                "name": "top_k_accuracy",
                "parameters": {"k": 1},
                "output": "p",
                "reference": "labels",
            }
        ],
        "primary": "top1",
    }
    order = ScoreOrder.model_validate(
        {
            "id": "eva_1",
            "fence": 1,
            "token": "",
            "lease_s": 0,
            "run": "run_1",
            "challenge": "tiny",
            "task": task,
            "cases": [
                {
                    "id": "c1",
                    "group": "c1",
                    "strata": {},
                    "items": 4,
                    "outcome": "OK",
                    "predictions": {"p": files["table"]},
                    "reference": {"labels": files["labels"]},
                }
            ],
            "inputs_digest": "sha256:" + "0" * 64,
            "bootstrap": {},
        }
    )
    return order, blobs


def changed(wheel: Path, old: bytes, new: bytes, *more: tuple[str, bytes]) -> Path:
    """Write the wheel with other code."""
    path = wheel.with_name("changed.whl")
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(path, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(old, new))
        for name, content in more:
            after.writestr(name, content)
    return path


def digest_of(wheel: Path, folder: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return digest_entries(read_folder(folder / "proctor_metrics"))


def test_a_wheel_is_the_source_that_scored_and_always_the_same(wheel: Path) -> None:
    metric_wheel.cache_clear()
    assert metric_wheel() == wheel.read_bytes()
    with zipfile.ZipFile(io.BytesIO(metric_wheel())) as archive:
        names = archive.namelist()
        record = next(name for name in names if name.endswith("RECORD"))
        listed = {line.split(",")[0] for line in archive.read(record).decode().splitlines()}
        metadata = archive.read(record.replace("RECORD", "METADATA")).decode()
    assert listed == set(names)
    assert f"Requires-Dist: numpy=={np.__version__}" in metadata


def test_archived_metrics_score_as_the_installed_ones_that_they_are(
    wheel: Path, question: tuple[ScoreOrder, dict[str, Path]], tmp_path: Path
) -> None:
    order, blobs = question
    package = unpack_wheel(wheel, tmp_path / "package", metric_code_digest())
    assert score_elsewhere(order, blobs, package, "process") == score_here(order, blobs, "process")
    assert score_here(order, blobs, "process").columns["top1", "mean"] == 0.75


def test_other_metrics_give_their_own_numbers_beside_the_installed_ones(
    wheel: Path, question: tuple[ScoreOrder, dict[str, Path]], tmp_path: Path
) -> None:
    order, blobs = question
    other = changed(wheel, b"(equal + 1), 0.0, 1.0)", b"(equal + 1), 0.0, 1.0) / 2")
    digest = digest_of(other, tmp_path / "look")
    assert digest != metric_code_digest()
    package = unpack_wheel(other, tmp_path / "package", digest)
    assert score_elsewhere(order, blobs, package, "process").columns["top1", "mean"] == 0.375
    assert score_here(order, blobs, "process").columns["top1", "mean"] == 0.75


def test_a_wheel_of_other_code_than_the_scores_name_is_not_used(
    wheel: Path, tmp_path: Path
) -> None:
    other = changed(wheel, b"(equal + 1), 0.0, 1.0)", b"(equal + 1), 0.0, 1.0) / 2")
    with pytest.raises(RescoringError, match="the scores name sha256"):
        unpack_wheel(other, tmp_path / "package", metric_code_digest())


def test_what_a_digest_leaves_out_is_not_laid_out(wheel: Path, tmp_path: Path) -> None:
    other = changed(
        wheel,
        b"",
        b"",
        ("proctor_metrics/__pycache__/registry.cpython-311.pyc", b"evil"),
        ("proctor_metrics/.hidden.py", b"evil"),
        ("sitecustomize.py", b"evil"),
        ("proctor_metrics/../../up.py", b"evil"),
    )
    unpack_wheel(other, tmp_path / "package", metric_code_digest())
    found = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert not {"registry.cpython-311.pyc", ".hidden.py", "sitecustomize.py", "up.py"} & set(found)


def test_metrics_that_crash_here_say_so(
    wheel: Path, question: tuple[ScoreOrder, dict[str, Path]], tmp_path: Path
) -> None:
    order, blobs = question
    first = b"import numpy as np"
    other = changed(wheel, first, first + b"\nraise OSError('too old')")
    package = unpack_wheel(other, tmp_path / "package", digest_of(other, tmp_path / "look"))
    with pytest.raises(RescoringError, match="too old"):
        score_elsewhere(order, blobs, package, "process")


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.whl").write_bytes(b"no zip")
    with pytest.raises(RescoringError, match="cannot be read"):
        unpack_wheel(tmp_path / "metrics.whl", tmp_path / "package", metric_code_digest())


FIRST_CASES = {
    *("Case", "LabelCase", "MaskCase", "TableCase", "ValueCase"),
    *("FloatArray", "IntArray", "MetricInputError", "Side"),
}


@pytest.mark.parametrize(
    "module",
    [
        *("box_reference", "image_reference", "references", "score_tables", "score_work"),
        *("scoring", "text_reference"),
    ],
)
def test_scoring_imports_no_kind_of_case_that_older_metrics_lack(module: str) -> None:
    tree = ast.parse((Path(proctor_runner.__file__).parent / f"{module}.py").read_text("utf-8"))
    named = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "proctor_metrics.cases"
        for alias in node.names
    }
    assert named <= FIRST_CASES
