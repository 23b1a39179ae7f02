"""Outlines that are filled as drawn, and files that hold something else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import grid_points_in_poly

from proctor_runner.decode.contour import read_contours
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.table import read_vector

LABELS = {"cell": 1, "1": 1, "nucleus": 300, "300": 300}
SQUARE = [[1, 1], [4, 1], [4, 3], [1, 3]]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., np.ndarray]:
    def read(outlines: Any, slices: int = 1, labels: dict[str, int] = LABELS) -> np.ndarray:
        text = outlines if isinstance(outlines, str) else json.dumps(outlines)
        (tmp_path / "a.json").write_text(text)
        grid = Grid((6, 5, slices), np.eye(4))
        return read_contours(tmp_path / "a.json", "a.json", grid, "t1", labels)

    return read


def test_a_square_holds_its_left_and_lower_edge(read) -> None:
    mask = read([{"label": 1, "points": SQUARE}])
    expected = np.zeros((6, 5, 1))
    expected[1:4, 1:3] = 1
    assert mask.dtype == np.uint16
    assert (mask == expected).all()


def test_squares_that_share_an_edge_share_no_voxel(read) -> None:
    halves = [[[0, 0], [3, 0], [3, 5], [0, 5]], [[3, 0], [6, 0], [6, 5], [3, 5]]]
    mask = read([{"label": n, "points": half} for n, half in zip((1, 300), halves, strict=True)])
    assert (mask[:3] == 1).all()
    assert (mask[3:] == 300).all()


def test_an_outline_inside_another_of_its_label_is_a_hole(read) -> None:
    whole, hole = [[0, 0], [6, 0], [6, 5], [0, 5]], SQUARE
    mask = read([{"label": "cell", "points": whole}, {"label": "1", "points": hole}])
    assert mask[2, 2, 0] == 0
    assert int((mask == 1).sum()) == 30 - 6


def test_thousands_of_tall_outlines_take_no_more_than_their_edges(tmp_path: Path) -> None:
    tall = {"label": 1, "points": [[1, -1e9], [3, 1e9], [1, 3]]}
    (tmp_path / "a.json").write_text(json.dumps([tall] * 3_001))
    started = time.process_time()
    mask = read_contours(tmp_path / "a.json", "a.json", Grid((6, 600, 1), np.eye(4)), "t1", LABELS)
    # One by one, row by row, these took half a minute.
    assert time.process_time() - started < 5
    assert mask.any()


def test_the_last_of_two_labels_counts(read) -> None:
    mask = read([{"label": 1, "points": SQUARE}, {"label": "nucleus", "points": SQUARE}])
    assert set(np.unique(mask)) == {0, 300}


def test_an_outline_lies_in_its_slice(read) -> None:
    points = [[x, y, 2] for x, y in SQUARE]
    mask = read([{"label": 1, "points": points}], slices=4)
    assert [int(mask[:, :, k].sum()) for k in range(4)] == [0, 0, 6, 0]


def test_the_one_label_of_a_task_may_be_left_out(read) -> None:
    assert read([{"points": SQUARE}], labels={"cell": 7, "7": 7}).max() == 7


def test_what_reaches_beyond_the_grid_is_cut_off(read) -> None:
    far = [[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]]
    assert (read([{"label": 1, "points": far}]) == 1).all()
    outside = [[10, 10], [20, 10], [20, 20]]
    assert read([{"label": 1, "points": outside}]).sum() == 0


def test_no_outline_is_an_empty_mask(read) -> None:
    assert read([]).sum() == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-2, 8), st.floats(-2, 7)), min_size=3, max_size=9))
def test_a_polygon_is_filled_as_scikit_image_fills_it(points: list[tuple[float, float]]) -> None:
    from proctor_runner.decode.contour import _filled

    polygon = np.round(np.array(points) * 16) / 16 + 0.03125
    found = _filled([polygon], (6, 5))
    expected = grid_points_in_poly((6, 5), polygon, binarize=False)
    # Of centers on an outline (2, 3) either rule is right.
    decided = expected < 2
    assert (found == expected)[decided].all()


@pytest.mark.parametrize(
    ("outlines", "words"),
    [
        ("[1,", "is no readable JSON"),
        ("[NaN]", "is no readable JSON"),
        ("[" * 100_000, "nested too deeply"),
        ({}, "holds no list"),
        ([SQUARE], "outline 1 is no object with label and points"),
        ([{"points": SQUARE, "label": 1, "x": 1}], "outline 1 is no object"),
        ([{"points": SQUARE}], "has the label 'None'; the task knows 1, 300"),
        ([{"points": SQUARE, "label": 2}], "has the label '2'"),
        ([{"points": SQUARE, "label": True}], "has the label 'True'"),
        ([{"points": SQUARE, "label": 1}, {"points": SQUARE[:2], "label": 1}], "outline 2 has few"),
        ([{"points": "ab", "label": 1}], "fewer than 3 points"),
        ([{"points": [1, 2, 3], "label": 1}], "points without a place"),
        ([{"points": [[1, 1], [2, 2], [3, 3, 0]], "label": 1}], "the point [3, 3, 0]"),
        ([{"points": [[1, 1], [2, 2], [3, "4"]], "label": 1}], "the point [3, '4']"),
        ([{"points": [[1, 1], [2, 2], [3, 1e300]], "label": 1}], "the point [3, 1e+300]"),
        ([{"points": [[1, 1, 0.5]] * 3, "label": 1}], "no one slice"),
        ([{"points": [[1, 1, 0], [2, 1, 0], [2, 2, 1]], "label": 1}], "no one slice"),
        ([{"points": [[1, 1, 1]] * 3, "label": 1}], "lies in slice 1; t1 has 1"),
        ([{"points": [[1, 1, -1]] * 3, "label": 1}], "lies in slice -1"),
    ],
)
def test_what_is_no_outline_is_refused_in_words(read, outlines: Any, words: str) -> None:
    with pytest.raises(InvalidOutputError) as raised:
        read(outlines)
    assert words in str(raised.value)
    assert str(raised.value).startswith("a.json")


def test_in_a_volume_a_point_needs_a_slice(read) -> None:
    with pytest.raises(InvalidOutputError, match=r"expected \[x, y, z\]"):
        read([{"label": 1, "points": SQUARE}], slices=2)


def test_a_file_of_outlines_has_an_end(read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proctor_runner.decode.contour.MOST_CONTOUR_BYTES", 10)
    with pytest.raises(InvalidOutputError, match="more than 10 bytes"):
        read([{"label": 1, "points": SQUARE}])


@pytest.mark.parametrize("name", ["v.npy", "v.csv"])
def test_a_vector_is_a_table_of_one_column(tmp_path: Path, name: str) -> None:
    if name == "v.npy":
        np.save(tmp_path / name, np.array([0.5, 2], dtype=np.float32))
    else:
        (tmp_path / name).write_text("value\n0.5\n2\n")
    found = read_vector(tmp_path / name, name, ("value",), 2)
    assert found.tolist() == [[0.5], [2.0]]
    assert found.dtype == (np.float32 if name == "v.npy" else np.float64)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 1)), r"has shape \(2, 1\); expected \(2,\)"),
        (np.array([0.5, np.nan]), "item 2 holds nan"),
        (np.array([1, 2]), "holds values of type int64"),
    ],
)
def test_a_wrong_vector_is_refused_in_words(tmp_path: Path, array: Any, words: str) -> None:
    np.save(tmp_path / "v.npy", array)
    with pytest.raises(InvalidOutputError, match=words):
        read_vector(tmp_path / "v.npy", "v.npy", ("value",), 2)
