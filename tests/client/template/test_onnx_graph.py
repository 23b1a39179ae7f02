"""A graph alone as a model: what is read of it, how it is bound, and what it answers."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from proctor.spec.card.reading import read_card
from proctor.template.case import Case, InputFile, OutputFile
from proctor.template.onnx_graph import arrays
from proctor.template.onnx_graph.binding import Asked, bind
from proctor.template.onnx_graph.declared import io_of
from proctor.template.onnx_graph.model import OnnxModel
from proctor.template.onnx_graph.signature import GraphError, Signature, Tensor, read_signature
from proctor.template.values import Volume

FLOAT, INT64, UINT8, STRING = (
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.STRING,
)
IMAGES = Asked("images", "array")
TABLE = Asked("probabilities", "table", ("0", "1"))


def value(name: str, kind: int, shape: list[Any] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def save(
    folder: Path,
    nodes: list[tuple[str, list[str], list[str], dict[str, Any]]],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    **constants: Any,
) -> Path:
    """Write a graph to ``model.onnx``."""
    graph = helper.make_graph(
        [
            helper.make_node(kind, takes, gives, domain=how.pop("domain", None), **how)
            for kind, takes, gives, how in nodes
        ],
        "graph",
        inputs,
        outputs,
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def answer(
    folder: Path, inputs: dict[str, tuple[str, Any]], *outputs: OutputFile, n_items: int = 1
) -> dict[str, Any]:
    """Let the graph in ``folder`` answer one case."""
    case = Case(
        id="c",
        items=tuple(map(str, range(n_items))),
        inputs={name: InputFile(name, kind, folder) for name, (kind, _) in inputs.items()},
        outputs={output.name: output for output in outputs},
        meta={},
        seed=0,
    )
    model = OnnxModel()
    model.load(folder)
    given_ = {name: held for name, (_, held) in inputs.items()}
    return model.postprocess(model.predict(model.preprocess(given_, case)), case)


def probabilities(*columns: str) -> OutputFile:
    return OutputFile("probabilities", "table", "p.csv", columns or ("0", "1"))


SCORES = [
    ("Flatten", ["x"], ["flat"], {"axis": 1}),
    ("MatMul", ["flat", "w"], ["score"], {}),
    ("Softmax", ["score"], ["p"], {"axis": 1}),
]


def classifier(folder: Path, shape: list[Any], n_features: int) -> np.ndarray:
    weights = np.random.default_rng(0).normal(size=(n_features, 2)).astype(np.float32)
    save(folder, SCORES, [value("x", FLOAT, shape)], [value("p", FLOAT, ["n", 2])], w=weights)
    return weights


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "shape",
    [
        ["n", 4, 5],
        ["n", "a", "b"],
        [None, 1, 4, 5],
        ["n", 4, 5, 1],
        ["n", 20],
        [1, 1, 4, 5],
        [1, 4, 5],
        None,
    ],
)
def test_a_stack_of_images_goes_into_every_usual_shape(tmp_path: Path, shape: Any) -> None:
    weights = classifier(tmp_path, shape, 20)
    images = np.random.default_rng(1).integers(0, 9, size=(3, 4, 5)).astype(np.uint8)
    found = answer(tmp_path, {"images": ("array", images)}, probabilities(), n_items=3)
    expected = softmax(images.reshape(3, 20).astype(np.float32) @ weights)
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-5)


def test_channels_move_to_the_front_where_the_graph_has_them_there(tmp_path: Path) -> None:
    weights = classifier(tmp_path, ["n", 3, 4, 5], 60)
    images = np.random.default_rng(1).random((2, 4, 5, 3))
    found = answer(tmp_path, {"images": ("array", images)}, probabilities(), n_items=2)
    moved = np.moveaxis(images, -1, 1).reshape(2, 60).astype(np.float32)
    np.testing.assert_allclose(found["probabilities"], softmax(moved @ weights), rtol=1e-5)


@pytest.mark.parametrize(
    "shape", [["i", "j", "k"], [1, 1, "i", "j", "k"], ["b", "c", "i", "j", "k"]]
)
@pytest.mark.parametrize("classes", [False, True])
def test_a_volume_is_labelled_on_its_grid(tmp_path: Path, shape: list[Any], classes: bool) -> None:
    if classes and len(shape) == 5:
        nodes = [
            ("Neg", ["x"], ["dark"], {}),
            ("Concat", ["dark", "x", "x"], ["mask"], {"axis": 1}),
        ]
        out = value("mask", FLOAT, ["b", 3, "i", "j", "k"])
    else:
        nodes = [
            ("Greater", ["x", "limit"], ["bright"], {}),
            ("Cast", ["bright"], ["mask"], {"to": UINT8}),
        ]
        out = value("mask", UINT8, shape)
    save(tmp_path, nodes, [value("x", FLOAT, shape)], [out], limit=np.float32(0))
    data = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(">f4")
    scan = Volume(data=data, affine=np.eye(4), spacing_mm=(1.0, 1.0, 1.0))
    asked = OutputFile("mask", "mask_image", "mask.nii.gz", grid="scan")
    found = answer(tmp_path, {"scan": ("volume", scan)}, asked)
    assert found["mask"].shape == (3, 4, 5)
    assert (found["mask"] == (data > 0)).all()


def test_the_rows_of_a_table_go_in_as_numbers_and_as_columns_by_name(tmp_path: Path) -> None:
    rows = [{"age": 20.0, "name": "a", "dose": 1.0}, {"age": 60.0, "name": "b", "dose": 3.0}]
    numbers = [{key: row[key] for key in ("age", "dose")} for row in rows]
    asked = OutputFile("risk", "table", "risk.csv", ("value",))
    (tmp_path / "all").mkdir()
    save(
        tmp_path / "all",
        [("MatMul", ["rows", "w"], ["out"], {})],
        [value("rows", FLOAT, ["n", 2])],
        [value("out", FLOAT, ["n", 1])],
        w=np.array([[1], [10]], np.float32),
    )
    found = answer(tmp_path / "all", {"patients": ("table", numbers)}, asked, n_items=2)
    assert found["risk"].tolist() == [[30.0], [90.0]]
    (tmp_path / "columns").mkdir()
    save(
        tmp_path / "columns",
        [("Mul", ["dose", "ten"], ["tens"], {}), ("Add", ["age", "tens"], ["out"], {})],
        [value("dose", FLOAT, ["n", 1]), value("age", FLOAT, ["n", 1])],
        [value("out", FLOAT, ["n", 1])],
        ten=np.float32(10),
    )
    found = answer(tmp_path / "columns", {"patients": ("table", rows)}, asked, n_items=2)
    assert found["risk"].tolist() == [[30.0], [90.0]]
    with pytest.raises(GraphError, match="takes 'dose'; the table has the columns age, name"):
        answer(
            tmp_path / "columns",
            {"patients": ("table", [{"age": 1.0, "name": "a"}])},
            asked,
        )


def test_texts_go_in_and_out(tmp_path: Path) -> None:
    nodes = [("StringConcat", ["texts", "end"], ["out"], {})]
    graph = helper.make_graph(
        [helper.make_node(*node[:3]) for node in nodes],
        "graph",
        [value("texts", STRING, ["n"])],
        [value("out", STRING, ["n"])],
        [helper.make_tensor("end", STRING, [1], [b"!"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, tmp_path / "model.onnx")
    asked = OutputFile("said", "text", "said.json")
    found = answer(tmp_path, {"texts": ("file", ["hei", "ho"])}, asked, n_items=2)
    assert found["said"] == ["hei!", "ho!"]


def test_the_mapping_of_an_exported_classifier_is_brought_into_the_columns_order(
    tmp_path: Path,
) -> None:
    nodes: list[Any] = [
        ("ArgMax", ["x"], ["label"], {"axis": 1, "keepdims": 0}),
        (
            "ZipMap",
            ["x"],
            ["each"],
            {"domain": "ai.onnx.ml", "classlabels_strings": ["ill", "healthy"]},
        ),
    ]
    kind = helper.make_sequence_type_proto(
        helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, []))
    )
    each = helper.make_value_info("each", kind)
    save(tmp_path, nodes, [value("x", FLOAT, ["n", 2])], [value("label", INT64, ["n"]), each])
    rows = np.array([[0.25, 0.75], [1, 0]])
    found = answer(tmp_path, {"rows": ("array", rows)}, probabilities("healthy", "ill"), n_items=2)
    assert found["probabilities"].tolist() == [[0.75, 0.25], [0, 1]]
    labels = OutputFile("kind", "label_list", "kind.csv")
    assert answer(tmp_path, {"rows": ("array", rows)}, labels, n_items=2)["kind"] == [1, 0]
    with pytest.raises(GraphError, match="knows the classes healthy, ill; the task asks"):
        answer(tmp_path, {"rows": ("array", rows)}, probabilities("a", "b"), n_items=2)


def test_the_class_of_the_highest_score_is_the_label(tmp_path: Path) -> None:
    save(
        tmp_path,
        [("Identity", ["x"], ["score"], {})],
        [value("x", FLOAT, ["n", 3])],
        [value("score", FLOAT, ["n", 3])],
    )
    labels = OutputFile("kind", "label_list", "kind.csv")
    rows = np.array([[0, 5, 1], [2, 1, 0]])
    assert answer(tmp_path, {"x": ("array", rows)}, labels, n_items=2)["kind"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("inputs", "outputs", "asked_in", "asked_out", "said"),
    [
        (
            [Tensor("a", "float32"), Tensor("b", "float32")],
            [Tensor("p", "float32")],
            [IMAGES],
            [TABLE],
            "takes 'a' (float32), 'b' (float32); the task gives 'images' (array). Name the inputs",
        ),
        (
            [Tensor("x", "string", ("n",))],
            [Tensor("p", "float32")],
            [IMAGES],
            [TABLE],
            "input 'x' (string [n]) of the graph cannot take 'images' (array)",
        ),
        (
            [Tensor("x", "float32")],
            [Tensor("p", "float32", ("n", 10))],
            [IMAGES],
            [TABLE],
            "gives 10 numbers an item; the task asks for 2 columns in 'probabilities': 0, 1.",
        ),
        (
            [Tensor("x", "float32")],
            [Tensor("p", "float32", (None, 2)), Tensor("q", "float32", (None, 2))],
            [IMAGES],
            [TABLE],
            "it is not plain which output of the graph that is: it gives 'p' (float32 [?, 2]),",
        ),
        (
            [Tensor("x", "float32")],
            [Tensor("p", "string", ("n",))],
            [IMAGES],
            [TABLE],
            "asks for 'probabilities' (table)",
        ),
        (
            [Tensor("x", "float32")],
            [Tensor("mask", "string")],
            [Asked("scan", "volume")],
            [Asked("mask", "mask_image")],
            "output 'mask' (string) of the graph cannot be 'mask' (mask_image)",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_both_sides(
    inputs: Any, outputs: Any, asked_in: Any, asked_out: Any, said: str
) -> None:
    with pytest.raises(GraphError) as refused:
        bind(Signature(tuple(inputs), tuple(outputs)), asked_in, asked_out)
    assert said in str(refused.value)


def test_names_go_before_order_and_types() -> None:
    found = bind(
        Signature(
            (Tensor("flair", "float32"), Tensor("t1", "float32")),
            (Tensor("other", "uint8"), Tensor("mask", "float32")),
        ),
        [Asked("t1", "volume"), Asked("t2", "volume"), Asked("flair", "volume")],
        [Asked("mask", "mask_image")],
    )
    assert found.inputs == {"flair": "flair", "t1": "t1"}
    assert found.outputs == {"mask": "mask"}


def test_a_shape_that_does_not_fit_is_said_of_the_case(tmp_path: Path) -> None:
    classifier(tmp_path, ["n", 1, 28, 28], 784)
    with pytest.raises(GraphError, match=r"\[n, 1, 28, 28\].* the shape \(3, 4, 5\) here"):
        answer(tmp_path, {"images": ("array", np.zeros((3, 4, 5)))}, probabilities(), n_items=3)


def test_a_signature_is_that_which_the_runtime_reads(tmp_path: Path) -> None:
    classifier(tmp_path, ["n", 1, 4, 5], 20)
    found = read_signature(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for ours, theirs in (
        (found.inputs, session.get_inputs()),
        (found.outputs, session.get_outputs()),
    ):
        assert [(one.name, list(one.shape or ())) for one in ours] == [
            (one.name, one.shape) for one in theirs
        ]


def test_weights_in_another_file_are_asked_for_by_name(tmp_path: Path) -> None:
    classifier(tmp_path, ["n", 4, 5], 20)
    model = onnx.load(tmp_path / "model.onnx")
    onnx.save(
        model,
        tmp_path / "model.onnx",
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    assert [one.name for one in read_signature(tmp_path / "model.onnx").inputs] == ["x"]
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(GraphError, match=r"keeps weights in weights\.bin, which is not beside it"):
        read_signature(tmp_path / "model.onnx")


@settings(deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    classifier(folder, ["n", 4, 5], 20)
    content = bytearray((folder / "model.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "model.onnx").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(GraphError):
        assert read_signature(folder / "model.onnx").outputs


def asked_freely(folder: Path, name: str, kind: str, held: Any) -> dict[str, Any]:
    """Let the graph answer outside a case, as its own declaration has it."""
    declared = io_of(read_signature(folder / "model.onnx"))
    outputs = [OutputFile(one, str(how["type"]), one) for one, how in declared["outputs"].items()]
    assert {one: how["type"] for one, how in declared["inputs"].items()} == {name: kind}
    return answer(folder, {name: (kind, held)}, *outputs, n_items=0)


@pytest.mark.parametrize(
    ("shape", "picture", "items"),
    [
        ([1, 3, 4, 5], (4, 5, 3), 1),
        (["n", 3, 4, 5], (4, 5, 3), 1),
        ([1, 1, 4, 5], (4, 5), 1),
        (["n", 4, 5], (4, 5), 1),
        (["n", 4, 5], (7, 4, 5), 7),
        ([1, 4, 5], (7, 4, 5), 7),
        (["n", 3, 4, 5], (7, 4, 5, 3), 7),
    ],
)
def test_outside_a_case_a_file_is_one_picture_or_a_stack_of_them(
    tmp_path: Path, shape: list[Any], picture: tuple[int, ...], items: int
) -> None:
    axes = list(range(1, len(shape)))
    save(
        tmp_path,
        [("ReduceMean", ["input.1", "axes"], ["mean"], {"keepdims": 0})],
        [value("input.1", FLOAT, shape)],
        [value("mean", FLOAT, [shape[0]])],
        axes=np.array(axes, dtype=np.int64),
    )
    held = np.random.default_rng(0).integers(0, 255, picture)
    found = asked_freely(tmp_path, "input_1", "array", held)["mean"]
    expected = held.reshape(items, -1).mean(axis=1)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-5)


def test_a_graph_declares_itself_by_the_types_and_axes_of_what_it_takes_and_gives() -> None:
    taken = (Tensor("0", "float32", (1, 1, None, None, None)), Tensor("words", "string", ("n",)))
    given_ = (
        Tensor("p", "classes"),
        Tensor("class", "int64", ("n",)),
        Tensor("name", "string", ("n",)),
        Tensor("scores", "float32", ("n", 9)),
        Tensor("labels", "uint8", (1, "h", "w")),
        Tensor("out/0:x", "float32", (1, 3, "h", "w")),
        Tensor("odd", "float32"),
    )
    declared = io_of(Signature(taken, given_))
    assert {name: one["type"] for name, one in declared["inputs"].items()} == {
        "x0": "volume",
        "words": "text",
    }
    assert {name: one["type"] for name, one in declared["outputs"].items()} == {
        "p": "table",
        "class": "label_list",
        "name": "label_list",
        "scores": "table",
        "labels": "mask_image",
        "out_0_x": "image",
        "odd": "custom",
    }
    columns = (Tensor("age", "float32", ("n", 1)), Tensor("sex", "string", ("n",)))
    declared = io_of(Signature(columns, given_))
    assert {name: one["type"] for name, one in declared["inputs"].items()} == {"rows": "table"}
    model_json = {"name": "m", "io": declared}
    assert read_card(json.dumps(model_json).encode()).io is not None


def test_a_mapping_of_classes_outside_a_case_keeps_their_names() -> None:
    rows = [{"cat": 0.25, "dog": 0.75}]
    assert arrays.answer(rows, Asked("p", "table"), None, 1) == rows
