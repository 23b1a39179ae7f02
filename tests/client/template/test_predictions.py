"""Every output type outside a case: its plain form, what is refused, HDF5, and equal doors."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import h5py
import nibabel
import numpy as np
import pytest
from PIL import Image, ImageSequence

from proctor.template.card import OUTPUT_TYPES
from proctor.template.case import OutputFile
from proctor.template.engine import ModelError
from proctor.template.outputs import KINDS, OutputError
from proctor.template.outputs.asked import Asked
from proctor.template.outputs.pictures import write_picture

INPUTS = {"t1": {"type": "volume"}}
CAT, DOG = {"label": "cat", "probability": 0.25}, {"label": "dog", "probability": 0.75}


def model(expression: str) -> str:
    return f"import numpy as np\nclass Model:\n def predict(self, inputs):\n  return {expression}\n"


@pytest.fixture
def answer(make_engine: Any, samples: Any) -> Any:
    """Ask a model that answers an expression, with one output declared."""

    def ask(expression: str, kind: str, **declared: Any) -> Any:
        engine = make_engine(model(expression), INPUTS, {"y": {"type": kind, **declared}})
        return engine.predict({"t1": samples.paths["nifti"]})

    return ask


def test_every_type_of_a_card_has_a_validator() -> None:
    assert set(OUTPUT_TYPES) == set(KINDS)


@pytest.mark.parametrize(
    ("expression", "kind", "declared", "plain"),
    [
        (f"[{CAT}, {DOG}]", "label_list", {}, [CAT, DOG]),
        (f"[{CAT}, {DOG}]", "label_list", {"labels": ["cat", "dog"]}, [CAT, DOG]),
        ("np.array([0.25, 0.75])", "label_list", {"labels": ["cat", "dog"]}, [CAT, DOG]),
        (f"[[{CAT}], [{DOG}]]", "label_list", {}, [[CAT], [DOG]]),
        ("np.array([[0.25, 0.75]])", "label_list", {"labels": ["cat", "dog"]}, [[CAT, DOG]]),
        ("[np.array([0.25, 0.75])]", "label_list", {"labels": ["cat", "dog"]}, [[CAT, DOG]]),
        ("['cat', np.int64(1)]", "label_list", {"labels": ["cat", "dog"]}, ["cat", 1]),
        ("np.eye(2, dtype=bool)", "mask_image", {}, [[1, 0], [0, 1]]),
        ("np.eye(2) * 70_000", "instances", {}, [[70_000, 0], [0, 70_000]]),
        ("np.eye(2, dtype='f4') / 2", "heatmap", {}, [[0.5, 0.0], [0.0, 0.5]]),
        ("np.eye(2, dtype='u1')", "image", {}, [[1.0, 0.0], [0.0, 1.0]]),
        ("np.array([1, 2.5])", "vector", {}, [1.0, 2.5]),
        ("(1, np.float32(0.5))", "vector", {}, [1.0, 0.5]),
        ("[]", "vector", {}, []),
        ("[[0, 0], [1, 0], [1, 1]]", "contour", {}, [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]]),
        ("[np.zeros((3, 3))]", "contour", {}, [[[0.0, 0.0, 0.0]] * 3]),
        ("[]", "contour", {}, []),
        ("[[0, 'cat', 0.5, 1, 2, 3, 4]]", "boxes", {}, [[0, "cat", 0.5, 1.0, 2.0, 3.0, 4.0]]),
        (
            "[{'label': 3, 'score': 1, 'x': 1, 'y': 2}]",
            "boxes",
            {},
            [[0, 3, 1.0, 1.0, 2.0]],
        ),
        ("[]", "boxes", {}, []),
        ("[[1, 2], [3, 4]]", "table", {"columns": ["a", "b"]}, [[1.0, 2.0], [3.0, 4.0]]),
        ("[{'b': 2, 'a': 1}]", "table", {"columns": ["a", "b"]}, [[1.0, 2.0]]),
        (f"[{DOG}, {CAT}]", "table", {"columns": ["cat", "dog"]}, [[0.25, 0.75]]),
        ("'Z\\u00fcrich'", "text", {}, ["Zürich"]),
        ("['a', np.str_('b')]", "text", {}, ["a", "b"]),
        ("{'a': np.arange(2), 'b': [None, 'x']}", "custom", {}, {"a": [0, 1], "b": [None, "x"]}),
    ],
)
def test_each_type_has_one_plain_form(
    answer: Any, expression: str, kind: str, declared: Any, plain: Any
) -> None:
    if kind == "custom":
        expression = f"{{'y': {expression}}}"
    prediction = answer(expression, kind, **declared)
    found = prediction.plain("y")
    if kind == "contour":
        assert {outline["label"] for outline in found} <= {1}
        found = [outline["points"] for outline in found]
    assert found == plain
    assert 0 <= prediction.model_s <= prediction.total_s


@pytest.mark.parametrize(
    ("expression", "kind", "declared", "words"),
    [
        ("[{'label': 'cat', 'probability': 1.5}]", "label_list", {}, "'cat' the probability 1.5"),
        ("[{'label': 'cat', 'probability': 'x'}]", "label_list", {}, "a number from 0 to 1"),
        (f"[{CAT}]", "label_list", {"labels": ["dog"]}, "the label 'cat', none of dog"),
        ("['bird']", "label_list", {"labels": ["cat", "dog"]}, "'bird', which is none of cat, dog"),
        ("'cat'", "label_list", {}, "a class for each item was expected, not str"),
        ("np.full((2, 2), 0.5)", "mask_image", {}, "whole numbers"),
        ("np.full((2, 2), -1)", "mask_image", {}, "from -1 to -1; they must lie in 0 to 65535"),
        ("np.zeros(3)", "mask_image", {}, "shape (3,); at least 2 axes"),
        ("np.full((2, 2), np.inf)", "heatmap", {}, "inf at (0, 0)"),
        ("np.array([['a', 'b']])", "heatmap", {}, "a heatmap of numbers was expected"),
        ("np.zeros(3)", "image", {}, "at least 2 axes"),
        ("np.zeros((2, 2))", "vector", {}, "a vector has one axis; this has the shape (2, 2)"),
        ("[1, 'x']", "vector", {}, "row 1 holds 'x', which is not a number"),
        ("3.0", "vector", {}, "a vector of numbers was expected, not float"),
        ("[[[0, 0], [1, 1]]]", "contour", {}, "outline 0 is 2 points; at least 3"),
        ("[[[0, 0], [1, 1], [2]]]", "contour", {}, "point 2 of outline 0 is [2]"),
        ("[[[0, 0], [1, 1], [2, 2, 2]]]", "contour", {}, "mixes points of 2 and of 3"),
        ("[[[0, 0], [1, 1], [2, np.nan]]]", "contour", {}, "must be finite"),
        ("[{'label': 1}]", "contour", {}, "outline 0 has no points"),
        (
            "[{'label': 'cat', 'points': [[0, 0]] * 3}]",
            "contour",
            {"labels": ["dog"]},
            "the label 'cat', which is none of dog",
        ),
        ("[[0, 'cat', 2.0, 1]]", "boxes", {}, "row 0 has 4 values for 7 columns"),
        ("[[1, 'cat', 2.0, 1, 2]]", "boxes", {}, "row 0 names item 1"),
        ("[[1, 2], [3]]", "table", {"columns": ["a", "b"]}, "row 1 has 1 values for 2 columns"),
        ("[3]", "text", {}, "item 0 is 3, which is no text"),
        ("{'y': object()}", "custom", {}, "object has no form in JSON"),
        ("{'y': float('nan')}", "custom", {}, "not JSON compliant"),
        ("b'bytes'", "table", {}, "which only a case can take"),
        ("{'z': 1}", "custom", {}, "answered 'z', which this case does not ask for: 'y'"),
        ("{}", "custom", {}, "the output 'y' is missing"),
    ],
)
def test_a_wrong_answer_names_the_output_and_what_was_expected(
    answer: Any, expression: str, kind: str, declared: Any, words: str
) -> None:
    with pytest.raises(ModelError) as raised:
        answer(expression, kind, **declared)
    assert words in str(raised.value)
    assert "'y'" in str(raised.value)


@pytest.mark.parametrize("kind", OUTPUT_TYPES)
@pytest.mark.parametrize(
    "expression",
    [
        "None",
        "1.5",
        "object()",
        "[None]",
        "[[1], [2, 3]]",
        "[10**400]",
        "[{'label': [1], 'probability': 0.5}]",
        "[np.zeros((2, 2))]",
        "[float('inf')]",
        "np.array([None])",
        "np.array(['2026-01-01'], dtype='datetime64[D]')",
        "np.ones((2, 2), dtype=complex)",
        "[{1, 2}]",
        "iter([1])",
    ],
)
def test_whatever_object_is_answered_it_is_the_answer_that_is_told_of(
    answer: Any, expression: str, kind: str
) -> None:
    try:
        answer(f"{{'y': {expression}}}", kind)
    except ModelError as error:
        assert "is not valid: output 'y'" in str(error)  # noqa: PT017  # it may be valid as well


def test_a_mask_shares_the_place_of_the_input_with_its_shape(answer: Any, samples: Any) -> None:
    prediction = answer("inputs['t1'].data > 11", "mask_image")
    assert np.array_equal(prediction.grid_of("y").affine, samples.affine)
    assert answer("np.zeros((2, 2))", "mask_image").grid_of("y") is None
    assert answer("[1, 2]", "vector").grid_of("y") is None


def test_inputs_at_different_places_give_an_output_none(
    make_engine: Any, samples: Any, tmp_path: Path
) -> None:
    moved = samples.affine + np.eye(4, k=3)
    nibabel.Nifti1Image(samples.voxels, moved).to_filename(tmp_path / "b.nii")
    inputs = {"a": {"type": "volume"}, "b": {"type": "volume"}}
    engine = make_engine(model("inputs['a'].data > 3"), inputs, {"y": {"type": "mask_image"}})
    files = {"a": samples.paths["nifti"], "b": tmp_path / "b.nii"}
    assert engine.predict(files).grid_of("y") is None
    asked = {"y": OutputFile("y", "mask_image", "y.nii.gz", grid="b")}
    assert np.array_equal(engine.predict(files, asked).grid_of("y").affine, moved)


def test_what_a_caller_asks_for_replaces_what_the_card_declares(
    make_engine: Any, samples: Any
) -> None:
    engine = make_engine(model("np.zeros((9, 9))"), INPUTS, {"y": {"type": "mask_image"}})
    asked = {"y": OutputFile("y", "mask_image", "y.nii.gz", grid="t1")}
    with pytest.raises(ModelError, match=r"shape \(9, 9\), but the grid of input 't1'"):
        engine.predict({"t1": samples.paths["nifti"]}, asked)


@pytest.mark.parametrize(("expression", "names"), [("{'a': 1, 'b': 'x'}", "ab"), ("3", ["output"])])
def test_without_declared_outputs_whatever_was_answered_is_custom(
    make_engine: Any, expression: str, names: Any
) -> None:
    prediction = make_engine(model(expression)).predict({})
    assert list(prediction.values) == list(names)
    assert {output.type for output in prediction.outputs.values()} == {"custom"}


@pytest.mark.parametrize(
    ("write", "kind", "plain"),
    [
        ("np.save(p / 'y.npy', np.array([1, 2.0]))", "vector", [1.0, 2.0]),
        ("(p / 'y.csv').write_text('value\\n1\\n2\\n')", "vector", [1.0, 2.0]),
        ("(p / 'y.csv').write_text('label\\ncat\\n')", "label_list", ["cat"]),
        ("(p / 'y.csv').write_text('label\\n3\\n')", "label_list", [3]),
        ("(p / 'y.csv').write_text('a,b\\n1,2\\n')", "table", [[1.0, 2.0]]),
        ("(p / 'y.json').write_text('[[0,0],[1,0],[1,1]]')", "contour", None),
        ("np.save(p / 'y.npy', np.eye(2, dtype='u1'))", "mask_image", [[1, 0], [0, 1]]),
        ("(p / 'y.txt').write_text('hello')", "text", ["hello"]),
    ],
)
def test_a_file_that_the_model_wrote_is_read_back(
    answer: Any, write: str, kind: str, plain: Any
) -> None:
    name = write.split("'")[1]
    expression = (
        f"(lambda p: ({write}, p / '{name}')[1])"
        "(__import__('pathlib').Path(__import__('tempfile').mkdtemp()))"
    )
    found = answer(expression, kind).plain("y")
    assert plain is None or found == plain


def test_a_written_file_that_is_not_there_or_nothing_is_refused(answer: Any) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        answer("__import__('pathlib').Path('/nowhere/y.npy')", "vector")


def test_hdf5_says_what_its_numbers_are(answer: Any, samples: Any, tmp_path: Path) -> None:
    prediction = answer(
        "(inputs['t1'].data > 11).astype('f4')", "heatmap", units="probability", labels=["tumor"]
    )
    prediction.write_hdf5("y", tmp_path / "y.h5")
    with h5py.File(tmp_path / "y.h5") as file:
        (name,) = file
        data = file[name]
        told = dict(data.attrs)
        assert np.array_equal(data[:], samples.voxels > 11)
    assert name == "y"
    assert (told["type"], told["dtype"], told["units"]) == ("heatmap", "float32", "probability")
    assert list(told["axes"]) == ["i", "j", "k"]
    assert list(told["labels"]) == ["tumor"]
    assert np.array_equal(told["affine"], samples.affine)
    assert told["spacing_mm"].tolist() == [2.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("expression", "kind", "axes", "dtype"),
    [
        ("np.zeros((4, 5, 3))", "image", ["rows", "columns", "channels"], "float64"),
        ("np.zeros((4, 5), 'u1')", "mask_image", ["rows", "columns"], "uint8"),
        ("np.zeros((4, 5, 6), 'u1')", "mask_image", ["i", "j", "k"], "uint8"),
        ("[1.0, 2.0]", "vector", ["item"], "float64"),
        ("[[1.0, 2.0]]", "table", ["item", "column"], "float64"),
        ("['a']", "text", [], "json"),
        ("[[0, 'cat', 1, 2, 3]]", "boxes", [], "json"),
    ],
)
def test_hdf5_holds_every_type(
    answer: Any, tmp_path: Path, expression: str, kind: str, axes: Any, dtype: str
) -> None:
    prediction = answer(expression, kind)
    prediction.write_hdf5("y", tmp_path / "y.h5")
    with h5py.File(tmp_path / "y.h5") as file:
        told = dict(file["y"].attrs)
        value = file["y"][()]
    assert (list(told.get("axes", [])), told["dtype"], told["type"]) == (axes, dtype, kind)
    if dtype == "json":
        assert json.loads(value) == prediction.plain("y")


def test_the_same_answer_is_the_same_hdf5(answer: Any, tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        answer("np.eye(3)", "image").write_hdf5("y", tmp_path / f"{number}.h5")
        digests.add(hashlib.sha256((tmp_path / f"{number}.h5").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_hdf5_without_its_library_names_what_to_install(
    answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction = answer("[1]", "vector")
    monkeypatch.setattr("proctor.template.outputs.hdf5.find_spec", lambda library: None)
    with pytest.raises(OutputError, match="pip install h5py"):
        prediction.write_hdf5("y", tmp_path / "y.h5")
    assert not (tmp_path / "y.h5").exists()


def test_a_case_and_files_get_the_same_values(
    make_engine: Any, samples: Any, tmp_path: Path
) -> None:
    body = model(
        "{'seg': (inputs['t1'].data > np.random.randint(24)) * 2,"
        " 'heat': inputs['t1'].data.astype('f4'), 'v': [np.random.rand()]}"
    )
    kinds = {"seg": "mask_image", "heat": "heatmap", "v": "vector"}
    declared = {name: {"type": kind} for name, kind in kinds.items()}
    engine = make_engine(body, INPUTS, declared)
    folder = samples.paths["nifti"].parent
    outputs = {
        "seg": {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"},
        "heat": {"type": "heatmap", "file": "heat.npy", "grid": "t1"},
        "v": {"type": "vector", "file": "v.csv"},
    }
    case = {
        "contract": 1,
        "case": "c1",
        "items": ["0"],
        "inputs": {"t1": {"type": "volume", "file": "a.nii"}},
        "outputs": outputs,
        "seed": 7,
    }
    (folder / "case.json").write_text(json.dumps(case))
    engine.answer(folder, tmp_path / "out")
    prediction = engine.predict({"t1": samples.paths["nifti"]}, seed=7)
    seg = np.asarray(nibabel.Nifti1Image.from_filename(tmp_path / "out" / "seg.nii.gz").dataobj)
    assert np.array_equal(seg, prediction.values["seg"])
    heat = np.load(tmp_path / "out" / "heat.npy")
    assert heat.dtype == prediction.values["heat"].dtype
    assert np.array_equal(heat, prediction.values["heat"])
    (value,) = prediction.values["v"]
    assert (tmp_path / "out" / "v.csv").read_text() == f"value\n{value!r}\n"


@pytest.mark.parametrize("form", ["native", "array", "both"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("png", "image"),
        ("jpeg", "image"),
        ("tiff", "image"),
        ("dicom", "image"),
        ("dicom_series", "volume"),
        ("nrrd", "volume"),
        ("metaimage", "volume"),
        ("nifti", "volume"),
        ("nifti_gzip", "volume"),
        ("npy", "volume"),
        ("csv", "table"),
        ("parquet", "table"),
        ("json", "json"),
        ("text", "text"),
        ("wav", "audio"),
    ],
)
def test_a_file_of_every_format_is_the_same_through_a_case(
    make_engine: Any, samples: Any, tmp_path: Path, name: str, kind: str, form: str
) -> None:
    body = (
        "import numpy as np\n"
        "from proctor.template.readers import to_array\n"
        "class Model:\n"
        " def predict(self, inputs):\n"
        "  value = inputs['x'] if isinstance(inputs['x'], str) else to_array(inputs['x'])\n"
        "  return [type(inputs['x']).__name__, repr(np.asarray(value).tolist())]\n"
    )
    engine = make_engine(body, {"x": {"type": kind, "form": form}}, {"y": {"type": "text"}})
    path = samples.paths[name]
    case = {
        "contract": 1,
        "case": "c1",
        "items": ["0", "1"],
        "inputs": {"x": {"type": "file", "file": path.name}},
        "outputs": {"y": {"type": "text", "file": "y.json"}},
    }
    (path.parent / "case.json").write_text(json.dumps(case))
    engine.answer(path.parent, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "y.json").read_text("utf-8"))
    assert told == engine.predict({"x": path}).values["y"]
    assert len(told[1]) > 5


@pytest.mark.parametrize(
    ("expression", "kind", "written"),
    [
        ("np.array([0.25, 0.75])", "label_list", "label\ndog\n"),
        (f"[{DOG}, {CAT}]", "label_list", "label\ndog\n"),
        (f"[{DOG}, {CAT}]", "table", "cat,dog\n0.25,0.75\n"),
        ("['bird']", "label_list", "label\nbird\n"),
    ],
)
def test_a_ranking_of_classes_is_what_a_case_asks_for(
    make_engine: Any, tmp_path: Path, expression: str, kind: str, written: str
) -> None:
    """A bird is none of the card's; whether it is one of the task's, the task knows."""
    declared = {"y": {"type": "label_list", "labels": ["cat", "dog"]}}
    engine = make_engine(model(expression), outputs=declared)
    output = {"type": kind, "file": "y.csv"} | (
        {"columns": ["cat", "dog"]} if kind == "table" else {}
    )
    case = {"contract": 1, "case": "c1", "items": ["0"], "inputs": {}, "outputs": {"y": output}}
    (tmp_path / "case.json").write_text(json.dumps(case))
    engine.answer(tmp_path, tmp_path / "out")
    assert (tmp_path / "out" / "y.csv").read_text() == written


def test_a_case_outside_the_cards_limits_is_the_models_refusal(
    make_engine: Any, samples: Any, tmp_path: Path
) -> None:
    engine = make_engine(model("0"), {"t1": {"type": "volume", "dim_limits": [{"max": 1}] * 3}})
    folder = samples.paths["nifti"].parent
    case = {"contract": 1, "case": "c1", "inputs": {"t1": {"type": "volume", "file": "a.nii"}}}
    (folder / "case.json").write_text(json.dumps({**case, "outputs": {}}))
    with pytest.raises(ModelError, match=r"model\.json has it: Input 't1'.*at most 1 z"):
        engine.answer(folder, tmp_path / "out")


def test_threads_that_ask_at_once_get_each_their_own_answer(
    make_engine: Any, tmp_path: Path
) -> None:
    body = (
        "import random, time\n"
        "class Model:\n"
        " def predict(self, inputs):\n"
        "  self.now = inputs['x']\n"
        "  time.sleep(0.002)\n"
        "  return {'is': self.now, 'drawn': random.random()}\n"
    )
    engine = make_engine(body, {"x": {"type": "text"}})
    answers: dict[int, Any] = {}

    def ask(number: int) -> None:
        path = tmp_path / f"{number}.txt"
        path.write_text(str(number))
        answers[number] = engine.predict({"x": path}, seed=number % 2).values

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answers[number]["is"] == str(number) for number in range(12))
    assert len({answers[number]["drawn"] for number in range(12)}) == 2


@pytest.mark.parametrize(
    ("file", "numbers", "kept"),
    [
        ("p.png", np.arange(20.0).reshape(4, 5), np.uint8),
        ("p.png", np.arange(20.0).reshape(4, 5) * 300, np.uint16),
        ("p.png", np.arange(60.0).reshape(4, 5, 3), np.uint8),
        ("p.tif", np.full((4, 5), 2**24 + 1, np.uint32), np.int32),
        ("p.tif", np.arange(20.0).reshape(4, 5) / 7, np.float32),
        ("p.TIFF", np.arange(80.0).reshape(4, 5, 4), np.uint8),
        ("p.tif", np.arange(140.0).reshape(7, 4, 5) / 7, np.float32),
    ],
)
def test_an_image_is_written_as_a_picture_of_its_own_numbers(
    tmp_path: Path, file: str, numbers: Any, kept: Any
) -> None:
    write_picture(numbers, Asked(OutputFile("y", "image", file)), tmp_path / "part")
    with Image.open(tmp_path / "part") as made:
        pages = [np.array(page) for page in ImageSequence.Iterator(made)]
    found = np.stack(pages) if len(pages) > 1 else pages[0]
    assert np.array_equal(found, numbers.astype(kept))


@pytest.mark.parametrize(
    ("file", "numbers", "said"),
    [
        ("p.png", np.full((4, 5), 0.5), "numbers from 0.5 to 0.5; p.png holds whole numbers"),
        ("p.png", np.full((4, 5), -1.0), "numbers from -1 to -1"),
        ("p.png", np.full((4, 5, 3), 256.0), "from 0 to 255"),
        ("p.tif", np.full((4, 5, 3), 0.5), "p.tif holds whole numbers from 0 to 255"),
        (
            "p.tif",
            np.full((4, 5), 2**31, np.uint32),
            "p.tif holds whole numbers from 0 to 2147483647",
        ),
        ("p.png", np.zeros((4, 5, 7)), "p.png holds rows and columns, and 3 or 4 channels"),
    ],
)
def test_what_a_picture_cannot_hold_is_told(
    tmp_path: Path, file: str, numbers: Any, said: str
) -> None:
    with pytest.raises(OutputError, match=said):
        write_picture(numbers, Asked(OutputFile("y", "image", file)), tmp_path / "part")
