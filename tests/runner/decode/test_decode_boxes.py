"""Lists of boxes from strangers become rows in one order, or a sentence that names row and rule."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from proctor.spec.boxes import Geometry, predicted_columns
from proctor.spec.outcomes import Code
from proctor.spec.task import TaskSpec
from proctor_runner.decode.boxes import read_boxes
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decoding import RawCase, decode, decode_program
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots

COLUMNS = predicted_columns(Geometry.BOX_2D)
HEADER = ",".join(COLUMNS)
LABELS = {"1": 1, "cell": 1, "2": 2}
CANONICAL = [
    [0, 2, 0.9, 5, 5, 6, 6],
    [0, 1, 0.5, 0, 0, 4, 2],
    [0, 1, 0.5, 1, 0, 4, 2],
    [1, 1, -3, -1.5, 0, 0.25, 0],
]


def read(path: Path, content: str, name: str = "b.csv", most: int = 3) -> np.ndarray:
    path.write_text(content)
    return read_boxes(path, name, COLUMNS, LABELS, 2, most)


def test_rows_are_brought_in_one_order_whatever_form_they_have(tmp_path: Path) -> None:
    table = read(
        tmp_path / "b",
        f"{HEADER}\n1,cell,-3,-1.5,0,.25,0\n0,,,,,,\n0,1,0.5,1,0,4,2\n0, 2 ,9e-1,5,5,6,6\n"
        "0,cell,0.5,0,0,4,2\n",
    )
    assert table.dtype == np.float64
    assert table.tolist() == CANONICAL
    entries = [dict(zip(COLUMNS, row, strict=True)) for row in CANONICAL[::-1]]
    for entry in entries:
        entry |= {"item": int(entry["item"]), "label": {1: "cell", 2: 2}[entry["label"]]}
    found = read(tmp_path / "b", json.dumps(entries), "b.json")
    np.testing.assert_array_equal(found, table)


@pytest.mark.parametrize(("name", "nothing"), [("b.csv", HEADER + "\n"), ("b.json", "[]")])
def test_a_case_may_hold_no_box_at_all(tmp_path: Path, name: str, nothing: str) -> None:
    assert read(tmp_path / "b", nothing, name).shape == (0, 7)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty; expected the header"),
        ("item,label,score,x0,y0,x1\n", "has the header"),
        (f"{HEADER}\n0,1,0.5,0,0,1\n", "row 1 has 6 values; expected 7"),
        (f"{HEADER}\n0,1,nan,0,0,1,1\n", "row 1 column 'score' holds 'nan'"),
        (f"{HEADER}\n0,1,1,0,0,1,1\n0,1,1,0,0,1,inf\n", "row 2 column 'x1' holds 'inf'|'y1'"),
        (f"{HEADER}\n0,1,1,0,0,1_0,1\n", "column 'x1' holds '1_0'"),
        (f"{HEADER}\n0,1,1,0,0,,1\n", "column 'x1' holds ''"),
        (
            f"{HEADER}\n0,1,1,3,0,2,1\n",
            "row 1 has x0 3 above x1 2; expected the lower corner first",
        ),
        (f"{HEADER}\n1,,,,,,\n0,1,1,0,4,2,1\n", "row 2 has y0 4 above y1 1"),
        (
            f"{HEADER}\n0,1,1,0,0,1e10,1\n",
            "row 1 column 'x1' holds 1e\\+10; expected at most 1e\\+09",
        ),
        (f"{HEADER}\n0,dog,1,0,0,1,1\n", "row 1 holds the label 'dog'"),
        (f"{HEADER}\n0,1.0,1,0,0,1,1\n", "row 1 holds the label '1.0'"),
        (f"{HEADER}\n2,1,1,0,0,1,1\n", "row 1 names the item 2; the case has the items 0 to 1"),
        (f"{HEADER}\n-1,1,1,0,0,1,1\n", "column 'item' holds '-1'"),
        (f"{HEADER}\n{'9' * 400},1,1,0,0,1,1\n", "column 'item' holds '999"),
        (f"{HEADER}\n" + "1,1,1,0,0,1,1\n" * 4, "holds 4 boxes in item 1; expected 3 at most"),
        (f"{HEADER}\n" + "1,1,1,0,0,1,1\n" * 400, "bytes; a table of 8 rows"),
        (f'{HEADER}\n"0,1,1,0,0,1,1\n', "is not CSV"),
        ("\x00\x93NUMPY", "has the header|is not CSV"),
    ],
)
def test_each_fault_of_a_table_is_said_with_its_row(
    tmp_path: Path, content: str, says: str
) -> None:
    with pytest.raises(InvalidOutputError, match=says):
        read(tmp_path / "b", content)


BOX = {"item": 0, "label": 1, "score": 0.5, "x0": 0, "y0": 0, "x1": 1, "y1": 1}


def changed(**change: object) -> str:
    return json.dumps([BOX, BOX | change])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not JSON"),
        (json.dumps(BOX), "holds no list"),
        ("[" * 500 + "]" * 500, "row 1 is no object|nested"),
        ("[" * 2000, "bytes|nested|not JSON"),
        (changed(score=float("nan")), "NaN is not a JSON number"),
        (changed(x1="1"), "row 2 'x1' holds '1'; expected a finite number"),
        (changed(x1=True), "row 2 'x1' holds 'True'"),
        (changed().replace('"score": 0.5', '"score": 1e999'), "row 1 'score' holds 'inf'"),
        (changed(x1=10**29), "row 2 column 'x1' holds 1e\\+29; expected at most"),
        (changed(x1=-5), "row 2 has x0 0 above x1 -5"),
        (changed(item=0.0), "row 2 'item' holds '0.0'"),
        (changed(item=True), "row 2 'item' holds 'True'"),
        (changed(item=7), "row 2 names the item 7"),
        (changed(label=1.0), "row 2 'label' holds '1.0'"),
        (changed(label=True), "row 2 'label' holds 'True'"),
        (changed(label="owl"), "row 2 holds the label 'owl'"),
        (changed(extra=1), "row 2 is no object with item, label, score"),
        ('[{"item":0,"item":1}]', "a key is given twice"),
    ],
)
def test_each_fault_of_a_list_is_said_with_its_row(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(InvalidOutputError, match=says):
        read(tmp_path / "b", content, "b.json")


def test_boxes_of_the_decode_container_are_what_the_host_expects(tmp_path: Path) -> None:
    task = task_of({"type": "boxes", "file": "b.csv", "geometry": "point_3d", "most_per_item": 2})
    contents = {
        "good": "item,label,score,x,y,z\n1,nodule,0.5,1,2,3\n0,1,0.25,4,5,6\n",
        "none": "item,label,score,x,y,z\n",
        "bad": "item,label,score,x,y,z\n0,2,0.5,1,2,3\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "canonical").mkdir()
    sandbox = ProcessSandbox(tmp_path / "state", Slots(tmp_path / "slots"))
    try:
        found = decode(
            sandbox,
            decode_program(),
            task,
            [RawCase(name, 2, {"b.csv": tmp_path / name}) for name in contents],
            tmp_path / "canonical",
            lambda: False,
            "run_1",
            1,
        )
    finally:
        sandbox.close()
    assert np.load(found["good"].predictions["found"]).tolist() == [
        [0, 1, 0.25, 4, 5, 6],
        [1, 1, 0.5, 1, 2, 3],
    ]
    assert np.load(found["none"].predictions["found"]).shape == (0, 6)
    assert found["bad"].outcome is Code.INVALID_OUTPUT
    assert "row 1 holds the label '2'" in found["bad"].detail


def test_a_container_that_leaves_more_rows_than_there_may_be_is_not_believed(
    tmp_path: Path,
) -> None:
    from proctor_runner.canonical import is_canonical, prepare

    task = task_of({"type": "boxes", "file": "b.csv", "geometry": "point_2d", "most_per_item": 2})
    (tmp_path / "b").write_text("")
    prepared = prepare(task, RawCase("c", 2, {"b.csv": tmp_path / "b"}), 0).outputs["found"]
    for shape, right in (((4, 5), True), ((0, 5), True), ((5, 5), False), ((4, 6), False)):
        np.save(tmp_path / "a.npy", np.zeros(shape))
        assert is_canonical(tmp_path / "a.npy", prepared) is right


def task_of(output: dict[str, object]) -> TaskSpec:
    data = {"inputs": "i", "reference": "r"}
    return TaskSpec.model_validate(
        {
            "slug": "task",
            "title": "Task",
            "items_per_case": 2,
            "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
            "outputs": {"found": output},
            "reference": {"there": {"type": "boxes", "file": "{case}.csv", "geometry": "point_3d"}},
            "labels": {1: "nodule"},
            "data": {"hidden": data, "sample": data},
            "metrics": [{"id": "m", "name": "froc", "output": "found", "reference": "there"}],
            "primary": "m",
        }
    )
