"""A challenge of boxes from its files to its scores, and what is said of files that are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from proctor.spec.boxes import Geometry
from proctor_metrics.cases import Role
from proctor_runner.box_reference import load_boxes
from proctor_runner.challenge_folder import load_challenge
from proctor_runner.checks import check_challenge
from proctor_runner.local import run_local

MODEL = """
class Model:
    def predict(self, inputs):
        # Finds the bright square of each image, and another one in the first.
        rows = [(0, "cell", 0.5, 0, 0, 3, 3)]
        for item, image in enumerate(inputs["images"]):
            ys, xs = image.nonzero()
            if len(xs):
                corners = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
                rows.append((item, 1, 0.9 - item / 10, *corners))
        return rows
"""
METRICS = [
    {"id": "map", "name": "mean_average_precision"},
    {"id": "f1", "name": "detection_f_score", "parameters": {"match": "inside"}},
    {"id": "each", "name": "item_detection_f_score"},
    {"id": "sens", "name": "sensitivity_at_fppi", "parameters": {"fppi": 1, "match": "iou"}},
]


@pytest.fixture
def challenge(tmp_path: Path) -> Path:
    """Two cases of three images, a square in the first two and none in the last."""
    folder = tmp_path / "challenge"
    images = np.zeros((3, 20, 20))
    images[0, 4:10, 5:9] = images[1, 10:15, 2:12] = 1
    text = "item,label,x0,y0,x1,y1\n0,cell,5,4,9,10\n1,1,2,10,12,15\n2,,,,,\n"
    for split in ("hidden", "sample"):
        for kind in ("inputs", "reference"):
            (folder / split / kind).mkdir(parents=True)
        for case in ("c1", "c2"):
            np.save(folder / split / "inputs" / f"{case}.npy", images)
            (folder / split / "reference" / f"{case}.csv").write_text(text)
    model = folder / "baseline"
    model.mkdir()
    (model / "model.py").write_text(MODEL)
    (model / "model.json").write_text(json.dumps({"name": "squares", "runtime": "runtime-cpu"}))
    task = {
        "slug": "find",
        "title": "Find",
        "items_per_case": 3,
        "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
        "outputs": {"found": {"type": "boxes", "file": "found.csv", "geometry": "box_2d"}},
        "reference": {"there": {"type": "boxes", "file": "{case}.csv", "geometry": "box_2d"}},
        "labels": {1: "cell"},
        "data": {
            split: {"inputs": f"{split}/inputs", "reference": f"{split}/reference"}
            for split in ("hidden", "sample")
        },
        "metrics": [metric | {"output": "found", "reference": "there"} for metric in METRICS],
        "primary": "map",
    }
    document = {
        "schema": 1,
        "slug": "squares",
        "title": "Squares",
        "runtimes": ["runtime-cpu"],
        "baselines": ["baseline"],
        "tasks": [task],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": ["find"],
                "opens_at": "2026-01-01T00:00:00Z",
                "closes_at": "2027-01-01T00:00:00Z",
                "ranking": {"bootstrap": {"samples": 100}},
            }
        ],
    }
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def change(folder: Path, edit) -> None:
    document = yaml.safe_load((folder / "challenge.yaml").read_text())
    edit(document["tasks"][0])
    (folder / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))


def messages(folder: Path) -> list[str]:
    return [problem.message for problem in check_challenge(folder)]


@pytest.mark.parametrize("file", ["found.csv", "found.json"])
def test_a_challenge_of_boxes_is_checked_run_and_scored(challenge: Path, file: str) -> None:
    change(challenge, lambda task: task["outputs"]["found"].update(file=file))
    assert messages(challenge) == []
    (report,) = run_local(challenge, challenge / "baseline", sandbox="process")
    assert {case.outcome for case in report.cases} == {"OK"}
    assert report.scores is not None
    found = {one.metric: one for one in report.scores.aggregates}
    # All four squares are found before anything wrong is; each case has one wrong box.
    assert found["map"].value == pytest.approx(1)
    assert found["f1"].value == pytest.approx(8 / 10)
    assert found["each"].value == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert found["sens"].value == 1
    assert (found["each"].n_used, found["each"].n_total) == (6, 6)
    assert report.scores.metrics["sens"].definition_id == (
        "sensitivity_at_fppi.v1;fppi=1;match=iou@0.5;assignment=hits;edge=v1"
    )


def test_a_rule_that_does_not_fit_the_boxes_is_told_at_the_check(challenge: Path) -> None:
    def as_points(task: dict) -> None:
        task["outputs"]["found"]["geometry"] = "point_2d"

    change(challenge, as_points)
    found = messages(challenge)
    assert [text for text in found if "matching by iou needs boxes" in text] == found
    # Points are right where a center within a box is asked for.
    assert len(found) == 3


def test_what_is_missing_from_a_declaration_is_told(challenge: Path) -> None:
    change(challenge, lambda task: task["reference"]["there"].pop("geometry"))
    assert "geometry is what a boxes reference needs" in messages(challenge)[0]


def test_more_boxes_than_a_case_may_hold_are_told(challenge: Path) -> None:
    def many(task: dict) -> None:
        task["items_per_case"] = 1000
        task["outputs"]["found"]["most_per_item"] = 1000

    change(challenge, many)
    assert "1000 items of 1000 boxes are more than 250000 in a case" in messages(challenge)[0]


def test_columns_of_boxes_are_those_of_their_geometry(challenge: Path) -> None:
    spec = load_challenge(challenge).tasks[0].outputs["found"]
    assert spec.columns == ("item", "label", "score", "x0", "y0", "x1", "y1")
    assert spec.most_per_item == 100
    change(challenge, lambda task: task["outputs"]["found"].update(columns=["a"]))
    assert "leave them out" in messages(challenge)[0]


def load(path: Path, text: str, geometry: Geometry = Geometry.BOX_2D):
    path.write_text(text)
    return load_boxes(path, geometry, {"1": 1, "cell": 1})


def test_a_reference_tells_what_to_ignore_and_how_large_it_is(tmp_path: Path) -> None:
    text = (
        "radius,item,label,x,y,crowd,ignore,area\n"
        "2.5,1,cell,3,4,0,0,\n"
        ",0,1,1,2,1,1,7\n"
        ",0,1,5,6,,1,\n"
    )
    found = load(tmp_path / "r.csv", text, Geometry.POINT_2D)
    assert found.n_items == 2
    assert found.boxes.items.tolist() == [1, 0, 0]
    assert found.boxes.places.tolist() == [[3, 4], [1, 2], [5, 6]]
    assert found.boxes.roles.tolist() == [Role.COUNTED, Role.CROWD, Role.IGNORED]
    np.testing.assert_array_equal(found.boxes.radii, [2.5, np.nan, np.nan])
    np.testing.assert_array_equal(found.boxes.sizes, [np.nan, 7, np.nan])


def test_a_header_alone_is_one_item_without_boxes(tmp_path: Path) -> None:
    found = load(tmp_path / "r.csv", "item,label,x0,y0,x1,y1\n")
    assert (found.n_items, found.boxes.shape) == (1, (0, 4))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has the header ''; it must hold item, label, x0"),
        ("item,label,x0,y0,x1\n", "it must hold item, label, x0, y0, x1, y1"),
        ("item,label,x0,y0,x1,y1,what\n", "and may hold ignore, crowd, area and radius"),
        ("item,label,x0,y0,x1,y1\n0,1,0,0,1\n", "row 1 has another number of cells"),
        ("item,label,x0,y0,x1,y1\n0,1,0,0,1,1,1\n", "row 1 has another number of cells"),
        ("item,label,x0,y0,x1,y1\n0,2,0,0,1,1\n", "row 1 holds the label '2'"),
        ("item,label,x0,y0,x1,y1\na,1,0,0,1,1\n", "row 1 names the item 'a'"),
        ("item,label,x0,y0,x1,y1\n0,1,0,0,nan,1\n", "row 1 column 'x1' holds 'nan'"),
        ("item,label,x0,y0,x1,y1\n0,1,0,0,-1,1\n", "row 1 has its upper corner below"),
        ("item,label,x0,y0,x1,y1\n2,1,0,0,1,1\n0,,,,,\n", "names 2 items, but not item 1"),
        ("item,label,x0,y0,x1,y1,crowd\n0,1,0,0,1,1,yes\n", "column 'crowd' holds 'yes'"),
        ("item,label,x0,y0,x1,y1\n" + '"0', "is no readable CSV file"),
    ],
)
def test_each_fault_of_a_reference_is_said_with_its_row(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        load(tmp_path / "r.csv", text)
