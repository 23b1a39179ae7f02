"""The engine as a container meets it: a process, three folders, an exit code, one paragraph."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from proctor.template.scaffold import scaffold

TABLE = {"type": "table", "file": "probabilities.csv", "columns": ["a", "b"]}
MASK = {"type": "mask_image", "file": "seg.nii.gz", "grid": "t1"}
AFFINE = np.array([[-2.0, 0, 0, 90], [0, 2, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])


class Bench:
    """A model folder, an input folder and an output folder, and the engine between them."""

    def __init__(self, root: Path) -> None:
        self.model, self.input, self.output = root / "model", root / "input", root / "output"
        for folder in (self.model, self.input, self.output):
            folder.mkdir()

    def write_model(self, body: str) -> None:
        (self.model / "model.py").write_text(body)

    def write_case(self, inputs: dict, outputs: dict, items: list[str], seed: int = 0) -> None:
        case = {
            "contract": 1,
            "case": "c1",
            "items": items,
            "inputs": inputs,
            "meta": {"site": "north"},
            "outputs": outputs,
            "seed": seed,
        }
        (self.input / "case.json").write_text(json.dumps(case))

    def write_images(self, n_items: int = 3) -> None:
        np.save(self.input / "images.npy", np.arange(n_items * 4.0).reshape(n_items, 2, 2))
        self.write_case(
            {"images": {"type": "array", "file": "images.npy"}},
            {"probabilities": TABLE},
            [str(i) for i in range(n_items)],
        )

    def write_volume(self) -> None:
        data = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
        nibabel.Nifti1Image(data, AFFINE).to_filename(self.input / "t1.nii.gz")
        self.write_case({"t1": {"type": "volume", "file": "t1.nii.gz"}}, {"seg": MASK}, ["0"])

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "PROCTOR_INPUT": str(self.input),
            "PROCTOR_OUTPUT": str(self.output),
            "PROCTOR_MODEL": str(self.model),
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "proctor.template", *arguments],
            env=environment,
            cwd=self.model.parent,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def left(self) -> list[str]:
        return sorted(path.name for path in self.output.iterdir())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def rows(expression: str) -> str:
    return f"import numpy as np\nclass Model:\n def predict(self, data):\n  return {expression}\n"


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    return result.stderr.strip().splitlines()[-1]


def test_a_table_is_written_with_its_header_and_every_digit(bench: Bench) -> None:
    bench.write_images()
    bench.write_model(
        "import numpy as np\n"
        "class Model:\n"
        "    def load(self, folder): self.third = float((folder / 'w.txt').read_text())\n"
        "    def preprocess(self, inputs, case): return len(inputs['images'])\n"
        "    def predict(self, n): return np.full((n, 2), self.third, dtype=np.float64)\n"
        "    def postprocess(self, found, case): return {'probabilities': found}\n"
    )
    (bench.model / "w.txt").write_text(repr(1 / 3))
    result = bench.run()
    assert result.returncode == 0, result.stderr
    row = f"{1 / 3!r},{1 / 3!r}\n"
    assert (bench.output / "probabilities.csv").read_text() == "a,b\n" + row * 3
    assert bench.left() == ["probabilities.csv"]
    assert not (bench.model / "__pycache__").exists()


def test_a_mask_lies_on_the_grid_of_its_input(bench: Bench) -> None:
    bench.write_volume()
    bench.write_model(
        "class Model:\n"
        " def predict(self, inputs):\n"
        "  t1 = inputs['t1']\n"
        "  assert t1.spacing_mm == (2.0, 2.0, 3.0), t1.spacing_mm\n"
        "  return {'seg': (t1.data > 11) * 2.0}\n"
    )
    result = bench.run()
    assert result.returncode == 0, result.stderr
    image = nibabel.Nifti1Image.from_filename(bench.output / "seg.nii.gz")
    assert np.array_equal(image.affine, AFFINE)
    assert image.get_data_dtype() == np.uint8
    expected = (np.arange(24).reshape(2, 3, 4) > 11) * 2
    assert np.array_equal(np.asanyarray(image.dataobj), expected)


def test_a_case_without_arrays_needs_no_numpy(bench: Bench) -> None:
    (bench.input / "rows.csv").write_text("age,site\n4,north\n6,south\n")
    bench.write_case(
        {"rows": {"type": "table", "file": "rows.csv"}}, {"probabilities": TABLE}, ["0", "1"]
    )
    (bench.model / "numpy.py").write_text("raise RuntimeError('numpy was imported')\n")
    bench.write_model(
        "import sys\n"
        "class Model:\n"
        " def predict(self, inputs):\n"
        "  return [{'b': 1 - row['age'] / 10, 'a': row['age'] / 10} for row in inputs['rows']]\n"
    )
    result = bench.run(PROCTOR_SEED="5")
    assert result.returncode == 0, result.stderr
    assert (bench.output / "probabilities.csv").read_text() == "a,b\n0.4,0.6\n0.6,0.4\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (rows("{'probabilities': np.ones((2, 2))}"), ["2 rows", "3 items", "probabilities"]),
        (rows("np.ones((3, 3))"), ["3 values", "2 columns"]),
        (rows("{}"), ["'probabilities' is missing"]),
        (rows("{'seg': 1, 'probabilities': np.ones((3, 2))}"), ["'seg'", "does not ask for"]),
        (rows("np.full((3, 2), np.nan)"), ["nan", "finite"]),
        (rows("'high'"), ["a table of 2 columns was expected, not str"]),
        (rows("1 / 0"), ["Model.predict", "ZeroDivisionError", "model.py line 4"]),
        (rows("__import__('sys').exit(0)"), ["Model.predict", "SystemExit"]),
    ],
)
def test_a_wrong_answer_is_one_paragraph_that_names_the_model(
    bench: Bench, body: str, words: list[str]
) -> None:
    bench.write_images()
    bench.write_model(body)
    result = bench.run()
    assert result.returncode == 1
    assert str(bench.model / "model.py") in last_line(result)
    for word in words:
        assert word in last_line(result)
    assert bench.left() == []


def test_a_mask_of_another_shape_names_both_shapes(bench: Bench) -> None:
    bench.write_volume()
    bench.write_model(rows("np.zeros((2, 3, 3), np.uint8)"))
    result = bench.run()
    assert result.returncode == 1
    assert "(2, 3, 3)" in last_line(result)
    assert "(2, 3, 4)" in last_line(result)


def ask(bench: Bench, output: dict) -> None:
    bench.write_images()
    case = json.loads((bench.input / "case.json").read_text())
    case["outputs"] = {"answer": output}
    (bench.input / "case.json").write_text(json.dumps(case))


def ask_on_grid(bench: Bench, file: str) -> None:
    case = json.loads((bench.input / "case.json").read_text())
    (grid,) = (entry["grid"] for entry in case["outputs"].values())
    case["outputs"] = {"image": {"type": "image", "file": file, "grid": grid}}
    (bench.input / "case.json").write_text(json.dumps(case))


ARRAY = {"type": "table", "file": "answer.npy", "columns": ["a", "b"]}
TEXTS = {"type": "text", "file": "answer.json"}
LIST = {"type": "label_list", "file": "answer.csv"}
BOXES = {
    "type": "boxes",
    "file": "answer.csv",
    "columns": ["item", "label", "score", "x", "y"],
    "geometry": "point_2d",
    "most_per_item": 9,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_table_is_an_array_where_its_file_is_one(bench: Bench, dtype: str) -> None:
    ask(bench, ARRAY)
    bench.write_model(rows(f"np.full((3, 2), 0.1, np.{dtype})"))
    result = bench.run()
    assert result.returncode == 0, result.stderr
    table = np.load(bench.output / "answer.npy")
    assert table.dtype == dtype
    assert table.tolist() == np.full((3, 2), 0.1, dtype).tolist()


def test_a_label_list_is_a_class_a_line(bench: Bench) -> None:
    ask(bench, LIST)
    bench.write_model(rows("['cat', 2, np.int64(3)]"))
    result = bench.run()
    assert result.returncode == 0, result.stderr
    assert (bench.output / "answer.csv").read_text() == "label\ncat\n2\n3\n"


@pytest.mark.parametrize("file", ["image.nii.gz", "image.npy"])
def test_an_image_lies_on_its_grid(bench: Bench, file: str) -> None:
    bench.write_volume()
    ask_on_grid(bench, file)
    bench.write_model(rows("np.full((2, 3, 4), 0.5, np.float32)"))
    result = bench.run()
    assert result.returncode == 0, result.stderr
    path = bench.output / file
    image = np.load(path) if file.endswith(".npy") else np.asarray(nibabel.load(path).dataobj)
    assert (image.shape, image.dtype) == ((2, 3, 4), np.float32)
    assert (image == 0.5).all()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("np.ones((2, 3))", ["shape (2, 3)", "(2, 3, 4)"]),
        ("np.full((2, 3, 4), np.nan)", ["nan at (0, 0, 0)", "must be finite"]),
        ("np.full((2, 3, 4), 'x')", ["an image of numbers"]),
    ],
)
def test_a_wrong_image_is_refused(bench: Bench, answer: str, words: list[str]) -> None:
    bench.write_volume()
    ask_on_grid(bench, "image.nii.gz")
    bench.write_model(rows(answer))
    result = bench.run()
    assert result.returncode == 1
    for word in words:
        assert word in last_line(result)


def test_texts_are_a_json_array_in_utf8(bench: Bench) -> None:
    ask(bench, TEXTS)
    bench.write_model(rows("['Zürich', '', np.str_('a \"b\"')]"))
    result = bench.run()
    assert result.returncode == 0, result.stderr
    assert (bench.output / "answer.json").read_text("utf-8") == '["Zürich", "", "a \\"b\\""]\n'


@pytest.mark.parametrize(
    "answer",
    [
        "[(0, 'cat', 0.5, 1, 2), (np.int64(2), 7, np.float32(0.25), 0.1, 3)]",
        "[{'x': 1, 'y': 2, 'item': 0, 'score': 0.5, 'label': 'cat'}, [2, 7.0, 0.25, 0.1, 3]]",
    ],
)
def test_boxes_are_a_row_each_in_the_order_of_the_columns(bench: Bench, answer: str) -> None:
    ask(bench, BOXES)
    bench.write_model(rows(answer))
    result = bench.run()
    assert result.returncode == 0, result.stderr
    assert (bench.output / "answer.csv").read_text() == (
        "item,label,score,x,y\n0,cat,0.5,1.0,2.0\n2,7,0.25,0.1,3.0\n"
    )


def test_boxes_may_be_json_and_an_array_and_none(bench: Bench) -> None:
    ask(bench, {**BOXES, "file": "answer.json"})
    bench.write_model(rows("np.array([[1, 2, 0.5, 3, 4]])"))
    assert bench.run().returncode == 0
    box = {"item": 1, "label": 2, "score": 0.5, "x": 3.0, "y": 4.0}
    assert json.loads((bench.output / "answer.json").read_text()) == [box]
    bench.write_model(rows("[]"))
    assert bench.run().returncode == 0
    assert json.loads((bench.output / "answer.json").read_text()) == []


def test_a_map_of_instances_may_hold_large_numbers(bench: Bench) -> None:
    bench.write_volume()
    case = json.loads((bench.input / "case.json").read_text())
    case["outputs"]["seg"] |= {"type": "instances", "class_divisor": 1000}
    (bench.input / "case.json").write_text(json.dumps(case))
    bench.write_model(rows("np.full((2, 3, 4), 4_000_000_000)"))
    result = bench.run()
    assert result.returncode == 0, result.stderr
    image = nibabel.Nifti1Image.from_filename(bench.output / "seg.nii.gz")
    assert image.get_data_dtype() == np.uint32
    assert (np.asanyarray(image.dataobj) == 4_000_000_000).all()
    bench.write_model(rows("np.full((2, 3, 4), 4_300_000_000)"))
    assert "they must lie in 0 to 4294967295" in last_line(bench.run())


@pytest.mark.parametrize(
    ("output", "answer", "words"),
    [
        (ARRAY, "np.ones((3, 3))", ["(3, 3)", "(3, 2) was expected"]),
        (ARRAY, "np.full((3, 2), np.nan)", ["row 0", "no finite number"]),
        (ARRAY, "np.full((3, 2), 'x')", ["a table of numbers"]),
        (LIST, "[1, 2]", ["2 classes for 3 items"]),
        (LIST, "[1, 2, 0.5]", ["row 2 holds 0.5"]),
        (LIST, "'cat'", ["a class for each item"]),
        (TEXTS, "'cat'", ["1 texts for 3 items"]),
        (TEXTS, "['a', 'b', 3]", ["item 2 is 3"]),
        (TEXTS, "['a', 'b', chr(0xD800)]", ["item 2 is no Unicode text"]),
        ({**TEXTS, "file": "a.txt"}, "['a', 'b', 'c']", ["one text", "3 items"]),
        (BOXES, "[(0, 1, 0.5, 1)]", ["row 0 has 4 values for 5 columns"]),
        (BOXES, "[(3, 1, 0.5, 1, 2)]", ["row 0 names item 3; this case has 3, from 0"]),
        (BOXES, "[(0, 1, 0.5, 1, np.nan)]", ["row 0", "must be finite"]),
        (BOXES, "[(0, 1.5, 0.5, 1, 2)]", ["row 0 holds the label 1.5"]),
    ],
)
def test_a_wrong_array_list_or_text_is_one_paragraph(
    bench: Bench, output: dict, answer: str, words: list[str]
) -> None:
    ask(bench, output)
    bench.write_model(rows(answer))
    result = bench.run()
    assert result.returncode == 1
    for word in words:
        assert word in last_line(result)
    assert bench.left() == []


def test_a_mask_that_holds_fractions_is_refused(bench: Bench) -> None:
    bench.write_volume()
    bench.write_model(rows("np.full((2, 3, 4), 0.5)"))
    result = bench.run()
    assert result.returncode == 1
    assert "whole numbers" in last_line(result)


def test_the_first_output_is_not_left_when_the_second_is_wrong(bench: Bench) -> None:
    bench.write_volume()
    case = json.loads((bench.input / "case.json").read_text())
    case["outputs"]["table"] = {**TABLE, "file": "table.csv"}
    (bench.input / "case.json").write_text(json.dumps(case))
    bench.write_model(rows("{'seg': np.zeros((2, 3, 4)), 'table': np.ones((9, 2))}"))
    assert bench.run().returncode == 1
    assert bench.left() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, ["There is no", "model.py"]),
        ("class Modell: pass\n", ["no class Model"]),
        ("class Model: pass\n", ["no method 'predict'"]),
        ("class Model(\n", ["the import", "SyntaxError"]),
        ("import nothing_of_that_name\n", ["ModuleNotFoundError", "model.py line 1"]),
        (
            "class Model:\n def load(self, folder): open(folder / 'weights.npz')\n"
            " def predict(self, data): return data\n",
            ["Model.load", "FileNotFoundError", "weights.npz"],
        ),
    ],
)
def test_a_model_that_cannot_start_has_an_exit_code_of_its_own(
    bench: Bench, body: str | None, words: list[str]
) -> None:
    bench.write_images()
    if body is not None:
        bench.write_model(body)
    result = bench.run()
    assert result.returncode == 3
    for word in words:
        assert word in last_line(result)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "case.json").unlink(), ["case.json", "PROCTOR_INPUT"]),
        (lambda folder: (folder / "case.json").write_text("{"), ["not JSON"]),
        (lambda folder: (folder / "case.json").write_text('{"contract": 2}'), ["contract 2"]),
        (lambda folder: (folder / "images.npy").unlink(), ["images", "not there"]),
        (lambda folder: (folder / "images.npy").write_bytes(b"\x93NUMPY"), ["cannot be read"]),
    ],
)
def test_an_unreadable_case_is_not_blamed_on_the_model(
    bench: Bench, spoil: Callable[[Path], object], words: list[str]
) -> None:
    bench.write_images()
    bench.write_model(rows("data"))
    spoil(bench.input)
    result = bench.run()
    assert result.returncode == 4
    for word in words:
        assert word in last_line(result)


def test_pickled_objects_in_an_input_are_refused(bench: Bench) -> None:
    bench.write_images()
    np.save(bench.input / "images.npy", np.array([{}], dtype=object), allow_pickle=True)
    bench.write_model(rows("data"))
    assert bench.run().returncode == 4


def test_the_seed_decides_what_a_seeded_model_draws(bench: Bench) -> None:
    bench.write_images()
    bench.write_model(
        "import random\n" + rows("np.full((3, 2), random.random() + np.random.rand())")
    )

    def answer(seed: str) -> str:
        assert bench.run(PROCTOR_SEED=seed).returncode == 0
        return (bench.output / "probabilities.csv").read_text()

    assert answer("1") == answer("1")
    assert answer("1") != answer("2")


def test_another_protocol_is_refused_before_the_model_starts(bench: Bench) -> None:
    result = bench.run(PROCTOR_PROTOCOL="telepathy")
    assert result.returncode == 2
    assert "telepathy" in last_line(result)


def test_a_traceback_begins_in_the_model(bench: Bench) -> None:
    bench.write_images()
    bench.write_model(rows("1 / 0"))
    frames = [line for line in bench.run().stderr.splitlines() if line.startswith("  File ")]
    assert len(frames) == 1
    assert "model.py" in frames[0]


def test_a_scaffold_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("mine")
    with pytest.raises(FileExistsError, match=r"model\.py"):
        scaffold(tmp_path, "mine", "segmentation")
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]


def test_an_unknown_scaffold_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="classification, segmentation"):
        scaffold(tmp_path / "new", "mine", "poetry")
    assert not (tmp_path / "new").exists()
