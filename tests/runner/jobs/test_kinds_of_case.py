"""Each kind of case from a challenge's folder to its scores: checked, run, decoded, scored.

Two cases each. The model answers the first rightly, and its answer to the second is no answer, so
that case takes the worst value and its author reads why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
import yaml

from proctor.spec.outcomes import Code
from proctor_runner.checks import check_challenge
from proctor_runner.local import LocalReport, run_local

Writer = Callable[[Path], None]


@dataclass(frozen=True)
class Skeleton:
    """The least challenge of one kind of case, and a model that answers half of it.

    Attributes:
        task: The fields of the task that are this kind's own.
        references: What writes the reference of each case.
        answers: The Python expression of the answer to each case.
        refused: What is said of the second answer.
        values: The value of each metric and label over both cases.
        grid: What writes the volume that answers lie on, where they lie on one.
    """

    task: Mapping[str, object]
    references: tuple[Writer, Writer]
    answers: tuple[str, str]
    refused: str
    values: Mapping[tuple[str, str], float]
    grid: Writer | None = None


def array(*values: object) -> Writer:
    return lambda path: np.save(path, np.array(values))


def document(value: object) -> Writer:
    return lambda path: path.write_text(json.dumps(value))


def metrics(output: str, reference: str, **named: Mapping[str, object]) -> dict[str, object]:
    made = [
        {"id": key, "name": key, "output": output, "reference": reference, **facts}
        for key, facts in named.items()
    ]
    return {"metrics": made, "primary": made[0]["id"]}


def volume(first: float) -> Writer:
    voxels = np.arange(first, first + 12**3, dtype=np.float32).reshape(12, 12, 12)
    return lambda path: nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)


SKELETONS = {
    "image": Skeleton(
        task={
            "outputs": {"image": {"type": "image", "file": "image.nii.gz", "grid": "grid"}},
            "reference": {"true": {"type": "image", "file": "{case}.nii.gz"}},
            **metrics(
                "image",
                "true",
                psnr={"parameters": {"data_range": 100}},
                ssim={},
                nrmse={"worst": 2.0},
                image_mae={"worst": 99.0},
            ),
        },
        references=(volume(1.0), volume(2.0)),
        answers=("inputs['grid'].data + 2.0", "b'not a volume'"),
        refused="image.nii.gz is not a NIfTI file.",
        values={("psnr", "mean"): 40 / 2, ("image_mae", "mean"): (1 + 99) / 2},
        grid=volume(0.0),
    ),
    "values": Skeleton(
        task={
            "items_per_case": 3,
            "outputs": {"ages": {"type": "table", "file": "ages.csv", "columns": ["age"]}},
            "reference": {"true": {"type": "values", "file": "{case}.npy"}},
            **metrics(
                "ages",
                "true",
                spearman={},
                mape={"worst": 100.0},
                median_absolute_error={"worst": 90.0},
                bland_altman={},
            ),
        },
        references=(array(10, 20, 30), array(20.0, 20.0, 20.0)),
        answers=("[11, 22, 33]", "b'age\\n1\\n2\\nnan\\n'"),
        refused="ages.csv row 3 column 'age' holds 'nan'; expected a finite number.",
        values={
            # 1, 2, 3 against themselves; 20 is the mean, so a lost item takes the highest answer.
            ("spearman", "mean"): float(
                np.corrcoef([1, 2, 4.5, 4.5, 4.5, 4.5], [1, 3.5, 6, 3.5, 3.5, 3.5])[0, 1]
            ),
            ("mape", "mean"): 55.0,
            ("median_absolute_error", "mean"): (3 + 90) / 2,
            ("bland_altman", "bias"): (1 + 2 + 3 - 30) / 6,
        },
    ),
    "survival": Skeleton(
        task={
            "items_per_case": 3,
            "outputs": {"risks": {"type": "table", "file": "risks.npy", "columns": ["risk"]}},
            "reference": {"seen": {"type": "survival", "file": "{case}.npy"}},
            **metrics(
                "risks",
                "seen",
                concordance_index={},
                time_dependent_auc={"parameters": {"times": [2, 4]}},
            ),
        },
        references=(array([1, 1], [3, 1], [9, 0]), array([2.5, 0.0], [5.0, 1.0])),
        answers=("[3, 2, 1]", "np.array([[1.0], [2.0], [3.0]]).tobytes()"),
        refused="risks.npy is no readable .npy array: the magic string is not correct; expected"
        " b'\\x93NUMPY', got ….",
        values={
            # 1 before 3, 9 and before 2.5, 5; 3 before 9 and before 5; 5 before 9: three are right.
            ("concordance_index", "mean"): 3 / 7,
            # By 2 one of four others, of whom two are lost, comes after; by 4 of two cases.
            ("time_dependent_auc", "2"): 2 / 4,
        },
    ),
    "text": Skeleton(
        task={
            "items_per_case": 2,
            "outputs": {"answers": {"type": "text", "file": "answers.json"}},
            "reference": {"accepted": {"type": "text", "file": "{case}.json"}},
            **metrics("answers", "accepted", token_f1={}, exact_match={}, rouge_l={}, bleu={}),
        },
        references=(document(["Paris", ["1 km", "one kilometer of road"]]), document(["Ada"])),
        answers=("['Paris!', 'a kilometer']", "b'[\"\\\\ud800\"]'"),
        refused="answers.json item 1 holds half a surrogate pair (character 0); expected Unicode"
        " text.",
        values={
            ("token_f1", "mean"): (1 + 2 / 5 + 0) / 3,
            ("exact_match", "mean"): 1 / 3,
            ("rouge_l", "mean"): (1 + 2 / 6 + 0) / 3,
        },
    ),
}

MODEL = """\
import numpy as np

class Model:
    def predict(self, inputs):
        return ({}) if inputs["number"] == 1 else ({})
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Skeleton], LocalReport]:
    """Write a skeleton as a challenge, check it, run its model in the sandbox, and score it."""

    def run(skeleton: Skeleton) -> LocalReport:
        folder, model = tmp_path / "challenge", tmp_path / "model"
        write_challenge(folder, skeleton)
        assert [f"{problem}" for problem in check_challenge(folder)] == []
        write_model(model, skeleton)
        (report,) = run_local(folder, model, split="hidden", sandbox="process")
        return report

    return run


def write_challenge(folder: Path, skeleton: Skeleton) -> None:
    data = {
        name: {"inputs": f"{name}/i", "reference": f"{name}/r"} for name in ("hidden", "sample")
    }
    inputs = {"number": {"type": "file", "file": "{case}.json"}}
    if skeleton.grid is not None:
        inputs["grid"] = {"type": "volume", "file": "{case}.nii.gz"}
    task = {"slug": "task", "title": "Task", "data": data, "inputs": inputs, **skeleton.task}
    phase = {
        "slug": "main",
        "title": "Main",
        "tasks": ["task"],
        "opens_at": "2026-01-01T00:00:00Z",
        "closes_at": "2027-01-01T00:00:00Z",
        "ranking": {"bootstrap": {"samples": 100}},
    }
    written = {
        "schema": 1,
        "slug": "kind",
        "title": "Kind",
        "runtimes": ["runtime-cpu"],
        "tasks": [task],
        "phases": [phase],
    }
    (pattern,) = (entry["file"] for entry in task["reference"].values())
    for split in data:
        for kind in "ir":
            (folder / split / kind).mkdir(parents=True)
        for number, write in enumerate(skeleton.references, start=1):
            case = f"c{number}"
            write(folder / split / "r" / pattern.format(case=case))
            (folder / split / "i" / f"{case}.json").write_text(f"{number}")
            if skeleton.grid is not None:
                skeleton.grid(folder / split / "i" / f"{case}.nii.gz")
    (folder / "challenge.yaml").write_text(yaml.safe_dump(written))


def write_model(folder: Path, skeleton: Skeleton) -> None:
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"name": "half", "runtime": "runtime-cpu"}))
    (folder / "model.py").write_text(MODEL.format(*skeleton.answers))


@pytest.mark.parametrize("kind", sorted(SKELETONS))
def test_a_kind_of_case_goes_from_folder_to_scores(
    run: Callable[[Skeleton], LocalReport], kind: str
) -> None:
    skeleton = SKELETONS[kind]
    report = run(skeleton)
    assert report.outcome is Code.OK, report.detail
    first, second = sorted(report.cases, key=lambda case: case.case)
    assert (first.outcome, first.detail) == (Code.OK, "")
    assert (second.outcome, second.detail) == (Code.INVALID_OUTPUT, skeleton.refused)
    assert report.scores is not None
    found = {(item.metric, item.label): item.value for item in report.scores.aggregates}
    for column, expected in skeleton.values.items():
        assert found[column] == pytest.approx(expected), column
