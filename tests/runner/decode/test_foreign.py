"""From answers of other systems to the file that a task declares."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from proctor_runner.decode.case import decode_case
from proctor_runner.decode.foreign.answers import max_values
from proctor_runner.decode.foreign.places import array_of

RULE = {"at": "", "labels": {}, "others": "refuse", "axes": None, "left": "answer.json", "more": {}}
LIKELIEST = [{"label": "b", "probability": 0.7}, {"label_id": "a", "probability": 0.2}]


@pytest.fixture
def decoded(tmp_path):
    """Decode one output of one answer and return the array, or why not."""

    def decode(output, document, items=1, **rule):
        source, target = tmp_path / "in", tmp_path / "out"
        for folder in (source, target):
            folder.mkdir(exist_ok=True)
        text = json.dumps(document)
        (source / "raw").write_text(text)
        foreign = {**RULE, "how": "answer", "of": "max", "bytes": len(text), **rule}
        entry = {"name": "o.csv", "file": "raw", "target": "o.npy", "foreign": foreign, **output}
        case = {"id": "c", "items": items, "outputs": {"o": entry}}
        answer = decode_case(case, source, target)
        if answer["outcome"] != "OK":
            return answer["detail"]
        found = np.load(target / "o.npy")
        (target / "o.npy").unlink()
        return found

    return decode


def answers(*predictions):
    return {"answers": [{"status": "ok", "predictions": one} for one in predictions]}


TABLE = {"type": "table", "columns": ["a", "b", "c"]}
LABELS = {"type": "label_list", "labels": {"0": 0, "a": 0, "1": 1, "b": 1}}


@pytest.mark.parametrize(
    ("document", "items", "expected"),
    [
        (answers(LIKELIEST), 1, [[0.2, 0.7, 0]]),
        (answers([LIKELIEST]), 1, [[0.2, 0.7, 0]]),
        (answers([1, 2, 3]), 1, [[1, 2, 3]]),
        (answers([{"c": 3, "a": 1, "b": 2, "note": "x"}]), 1, [[1, 2, 3]]),
        (answers([[1, 2, 3], [4, 5, 6]]), 2, [[1, 2, 3], [4, 5, 6]]),
        (answers(LIKELIEST, [{"label": "c", "probability": 1}]), 2, [[0.2, 0.7, 0], [0, 0, 1]]),
    ],
    ids=["likeliest", "a list more", "in order", "by name", "one answer for all", "one each"],
)
def test_a_table_is_made_of_every_form_that_models_answer_in(decoded, document, items, expected):
    assert decoded(TABLE, document, items).tolist() == expected


def test_classes_are_renamed_added_up_and_left_out_as_the_contract_says(decoded):
    document = answers(
        [
            {"label": "tabby", "probability": 0.5},
            {"label": "tiger", "probability": 0.25},
            {"label": "dog", "probability": 0.25},
        ]
    )
    rule = {"labels": {"tabby": "a", "tiger": "a"}, "others": "ignore"}
    assert decoded(TABLE, document, **rule).tolist() == [[0.75, 0, 0]]
    assert "names the class 'dog'; the task knows a, b, c" in decoded(
        TABLE, document, labels=rule["labels"]
    )


def test_the_likeliest_class_is_the_label_and_a_text_is_found(decoded):
    assert decoded(LABELS, answers(LIKELIEST)).tolist() == [1]
    assert decoded(LABELS, answers([{"a": 0.5, "b": 0.5}])).tolist() == [0]
    text = {"type": "text", "name": "o.json", "bytes": 100}
    captions = answers([{"index": "0", "caption": "a dog", "probability": 0.1}])
    packed = decoded(text, captions)
    assert packed[8:].tobytes() == b"a dog"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"answers": [{"status": "error", "predictions": []}]}, "has the status 'error'"),
        ({"answers": [{"prediction": []}]}, "has no 'predictions'; it has prediction"),
        (answers([]), "has 0 numbers for 3 columns"),
        (answers([{"a": 1, "b": 2}]), "has no 'c'; it has a, b"),
        (answers([1, 2, "3"]), "holds '3'; expected a number"),
        (answers([True, 0, 0]), "holds 'True'; expected a number"),
        ([1], "has no 'answers'; it has list"),
    ],
)
def test_an_answer_that_is_none_is_told(decoded, document, said):
    assert said in decoded(TABLE, document)


def test_an_answer_of_too_few_items_is_told(decoded):
    document = answers([[1, 2, 3], [4, 5, 6]])
    assert decoded(TABLE, document, 3) == "The answer is of 2 items; the case has 3."


def test_a_number_that_is_not_finite_is_no_json(decoded, tmp_path):
    said = decoded(TABLE, answers([1, 2, float("nan")]))
    assert said == "answer.json is not JSON: NaN is not a JSON number."


def modelhub(**outputs):
    listed = [{"name": name, **output} for name, output in outputs.items()]
    return {"answers": [{"output": listed}]}


def test_an_output_of_modelhub_is_found_by_name_by_number_and_by_type(decoded):
    first = {"type": "label_list", "prediction": LIKELIEST}
    second = {"type": "vector", "prediction": [1, 2, 3]}
    both = modelhub(p=first, q=second)
    for at, name, expected in (("q", "o", [[1, 2, 3]]), ("", "p", [[0.2, 0.7, 0]])):
        rule = {"of": "modelhub", "name": name, "at": at}
        assert decoded(TABLE, both, **rule).tolist() == expected
    assert decoded(LABELS, both, of="modelhub", name="o").tolist() == [1]
    # Probabilities by label are as good as numbers in order, and come first.
    assert decoded(TABLE, both, of="modelhub", name="o").tolist() == [[0.2, 0.7, 0]]
    twice = modelhub(p=second, q=second)
    assert "say under outputs.o.at which" in decoded(TABLE, twice, of="modelhub", name="o")
    assert "no output 'r'; it has p, q" in decoded(TABLE, both, of="modelhub", name="o", at="r")


def test_a_volume_lies_on_the_grid_whichever_axis_comes_first(decoded, tmp_path):
    affine = np.diag([-2.0, 1.0, 3.0, 1.0])
    voxels = np.arange(24).reshape(2, 3, 4) % 2
    (tmp_path / "in").mkdir()
    nibabel.save(nibabel.Nifti1Image(voxels.astype(np.int16), affine), tmp_path / "in" / "g.nii.gz")
    mask = {
        "type": "mask_image",
        "name": "o.nii.gz",
        "grid": "g",
        "grid_file": "g.nii.gz",
        "labels": [1],
        "ignore_unknown": False,
        "voxels": 24,
    }
    for array in (voxels, voxels.T, voxels[np.newaxis]):
        document = modelhub(m={"type": "mask_image", "prediction": array.tolist()})
        np.testing.assert_array_equal(decoded(mask, document, of="modelhub", name="o"), voxels)
    document = modelhub(m={"type": "mask_image", "prediction": (voxels * 7).tolist()})
    assert decoded(mask, document, of="modelhub", name="o") == (
        "the answer, as o.nii.gz in NIfTI.nii holds the label 7; the task knows 0, 1."
    )


def test_a_vector_and_outlines_are_read(decoded, tmp_path):
    vector = {"type": "vector", "columns": ["value"]}
    document = modelhub(v={"type": "vector", "prediction": [0.5]})
    assert decoded(vector, document, of="modelhub", name="o").tolist() == [[0.5]]
    (tmp_path / "in").mkdir(exist_ok=True)
    grid = nibabel.Nifti1Image(np.zeros((4, 4, 1), dtype=np.int16), np.eye(4))
    nibabel.save(grid, tmp_path / "in" / "g.nii.gz")
    contour = {
        "type": "contour",
        "name": "o.json",
        "grid": "g",
        "grid_file": "g.nii.gz",
        "labels": {"1": 1, "lesion": 1},
        "voxels": 16,
    }
    square = [[0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]]
    for outlines in (square, [square], [{"label": "lesion", "points": square}]):
        document = modelhub(c={"type": "contour", "prediction": outlines})
        found = decoded(contour, document, of="modelhub", name="o")
        assert not isinstance(found, str), found
        assert found[:, :, 0].sum() == 4


def test_a_shape_that_is_the_same_from_either_end_needs_an_order():
    cube = np.arange(8).reshape(2, 2, 2)
    with pytest.raises(Exception, match="say under axes whether it is xyz or zyx"):
        array_of(cube, (2, 2, 2), RULE)
    np.testing.assert_array_equal(array_of(cube, (2, 2, 2), RULE | {"axes": "zyx"}), cube.T)
    np.testing.assert_array_equal(array_of(cube, (2, 2, 2), RULE | {"axes": "xyz"}), cube)


def test_points_and_boxes_of_a_socket_are_read(decoded):
    boxes = {"type": "boxes", "labels": {"1": 1, "lesion": 1}, "most_per_item": 5, "rows": 5}
    rule = {"how": "socket", "labels": {"None": "lesion"}}
    points = {
        "type": "Multiple points",
        "points": [
            {"name": "lesion", "point": [1, 2, 3], "probability": 0.25},
            {"name": None, "point": [4, 5.5, 6]},
        ],
    }
    corners = [[4, 1, 0.5], [9, 1, 0.5], [9, 3, 0.5], [4, 3, 0.5]]
    square = {"type": "2D bounding box", "name": "lesion", "corners": corners}
    point_3d = boxes | {"columns": ["item", "label", "score", "x", "y", "z"]}
    box_2d = boxes | {"columns": ["item", "label", "score", "x0", "y0", "x1", "y1"]}
    assert decoded(point_3d, points, **rule).tolist() == [
        [0, 1, 1, 4, 5.5, 6],
        [0, 1, 0.25, 1, 2, 3],
    ]
    assert decoded(box_2d, square, **rule).tolist() == [[0, 1, 1, 4, 1, 9, 3]]
    assert decoded(box_2d, {"type": "Multiple points"}, **rule).startswith(
        "The answer holds no points or boxes"
    )


def test_a_picture_lies_on_a_grid_of_one_slice():
    picture = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(array_of(picture, (3, 2, 1), RULE)[:, :, 0], picture.T)


def test_lists_around_an_answer_are_taken_off(tmp_path: Path):
    assert max_values(answers([[[{"p": 1}]]]), RULE, 1) == [[{"p": 1}]]
