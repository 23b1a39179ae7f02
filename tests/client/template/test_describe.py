"""What the engine finds out about a loaded model, as `PROCTOR_PROTOCOL=describe` writes it."""

import json
import os
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from proctor.spec.card.detected import DetectedMetadata
from proctor.template.describe.files import describe_files
from proctor.template.describe.onnx_file import describe_bytes, describe_onnx
from proctor.template.wire import WireError

PIPELINE = """
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler


class Model:
    def load(self, folder):
        draw = np.random.default_rng(0)
        data, labels = draw.random((60, 4)), np.arange(60) % 3
        columns = ColumnTransformer(
            [("scaled", make_pipeline(StandardScaler(), MinMaxScaler(clip=True)), [0, 1])],
            remainder="passthrough",
        )
        search = GridSearchCV(LogisticRegression(max_iter=300), {"C": [0.5]}, cv=2)
        self.parts = {"pipeline": Pipeline([("columns", columns), ("search", search)])}
        self.parts["pipeline"].fit(data, labels)
        self.helper = Helper(MLPClassifier((8, 5), max_iter=400, tol=0.1).fit(data, labels))

    def predict(self, inputs):
        return None


class Helper:
    def __init__(self, net):
        self.net = net
        self.back = [self]
"""


def described(tmp_path, source, files=(), **card):
    folder, output = tmp_path / "model", tmp_path / "output"
    folder.mkdir()
    output.mkdir()
    (folder / "model.py").write_text(source)
    (folder / "model.json").write_text(json.dumps({"name": "net", **card}))
    for name, content in files:
        (folder / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "proctor.template"],
        env={
            **os.environ,
            "PROCTOR_PROTOCOL": "describe",
            "PROCTOR_MODEL": str(folder),
            "PROCTOR_OUTPUT": str(output),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in output.iterdir()] == ["metadata.json"]
    return DetectedMetadata.model_validate_json((output / "metadata.json").read_bytes())


@pytest.fixture(scope="module")
def estimators(tmp_path_factory):
    found = described(tmp_path_factory.mktemp("estimators"), PIPELINE)
    return {model.source: model for model in found.models}


def test_a_whole_pipeline_is_described_step_by_step(estimators):
    pipeline = estimators["Model.parts['pipeline']"]
    assert pipeline.framework == "scikit-learn"
    assert pipeline.framework_version
    assert (pipeline.type, pipeline.task) == ("Pipeline", "classification")
    assert (pipeline.features, pipeline.classes) == (4, 3)
    steps = {step.path: step for step in pipeline.steps}
    assert [step.type for step in pipeline.steps] == [
        "Pipeline",
        "ColumnTransformer",
        "Pipeline",
        "StandardScaler",
        "MinMaxScaler",
        "FunctionTransformer",
        "GridSearchCV",
        "LogisticRegression",
    ]
    clip = {one.name: one for one in steps["columns/scaled/minmaxscaler"].hyperparameters}["clip"]
    assert (clip.value, clip.default, clip.is_default) == (True, False, False)
    # What the search found stands in for what it was given: 3 classes of 4 features, 3 intercepts.
    best = steps["search/best_estimator"]
    assert {one.name: one.value for one in best.hyperparameters}["C"] == 0.5
    assert best.parameters == 15
    # Mean, scale and variance of 2 columns; and least, range and scale of 2.
    assert steps["columns/scaled/standardscaler"].parameters == 6
    assert pipeline.parameters == sum(step.parameters for step in pipeline.steps)


def test_a_perceptron_has_layers_activations_and_iterations(estimators):
    net = estimators["Model.helper.net"]
    assert [(layer.type, layer.parameters) for layer in net.layers] == [
        ("Dense", 4 * 8 + 8),
        ("Dense", 8 * 5 + 5),
        ("Dense", 5 * 3 + 3),
    ]
    assert net.parameters == 40 + 45 + 18
    assert net.activation_counts == {"relu": 2, "softmax": 1}
    assert (net.loss, net.optimizer, net.depth) == ("log_loss", "adam", 3)
    assert net.epochs >= 1
    assert net.memory_bytes == 103 * 8


def test_packages_python_and_the_name_of_the_card_are_told(tmp_path):
    found = described(tmp_path, "class Model:\n    def predict(self, inputs): return 0\n")
    packages = {package.name: package for package in found.packages}
    assert packages["numpy"].version == np.__version__
    assert packages["numpy"].license
    assert found.python.startswith("3.")
    assert found.card_name == "net"
    assert found.models == ()


def test_a_model_of_plain_arrays_tells_how_many_numbers_it_has(tmp_path):
    source = """
import numpy as np


class Model:
    def load(self, folder):
        self.weights = [np.zeros((3, 4)), np.zeros(4, dtype=np.float32)]
        self.names = np.array(["a", "b"])

    def predict(self, inputs):
        return 0
"""
    (arrays,) = described(tmp_path, source).models
    assert (arrays.framework, arrays.parameters) == ("numpy", 16)
    assert arrays.memory_bytes == 12 * 8 + 4 * 4


HOSTILE = """
import numpy as np


class Sly:
    def __getattr__(self, name):
        raise RuntimeError("not for you")

    def __repr__(self):
        raise RuntimeError("nor this")


class Loop(dict):
    pass


class Model:
    def load(self, folder):
        self.sly = Sly()
        self.loop = Loop()
        self.loop["\\ud800"] = self.loop
        self.deep = []
        for _ in range(10_000):
            self.deep = [self.deep]
        self.many = [np.zeros(1) for _ in range(5_000)]

    def predict(self, inputs):
        return 0
"""


def test_a_hostile_object_neither_stops_nor_breaks_the_description(tmp_path):
    found = described(tmp_path, HOSTILE)
    (arrays,) = found.models
    assert arrays.framework == "numpy"
    assert 0 < arrays.parameters <= 500


def test_what_a_file_says_of_itself_is_told_where_nothing_is_loaded(tmp_path):
    header = json.dumps(
        {
            "layer.weight": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
            "layer.bias": {"dtype": "F32", "shape": [3], "data_offsets": [24, 36]},
            "__metadata__": {"format": "pt"},
        }
    ).encode()
    tensors = struct.pack("<Q", len(header)) + header + bytes(36)
    source = "class Model:\n    def predict(self, inputs): return 0\n"
    (weights,) = described(tmp_path, source, [("net.safetensors", tensors)]).models
    assert weights.from_file
    assert (weights.parameters, weights.memory_bytes) == (9, 36)
    assert [(layer.name, layer.parameters) for layer in weights.layers] == [("layer", 9)]


@pytest.mark.parametrize(
    "loss",
    [
        "categorical_crossentropy",
        {"class_name": "Loss", "config": {"name": "categorical_crossentropy", "axis": -1}},
        {"class_name": "function", "config": "categorical_crossentropy"},
    ],
)
def test_a_keras_archive_is_read_without_keras(tmp_path, loss):
    config = {
        "class_name": "Sequential",
        "config": {
            "layers": [
                {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8]}},
                {
                    "class_name": "Dense",
                    "config": {"name": "out", "units": 4, "activation": "softmax"},
                },
            ]
        },
        "compile_config": {"optimizer": {"class_name": "Adam"}, "loss": loss},
    }
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.9.0"}))
    problems = []
    (net,) = describe_files(tmp_path, problems)
    assert problems == []
    assert (net["framework"], net["framework_version"]) == ("keras", "3.9.0")
    assert net["layer_counts"] == {"InputLayer": 1, "Dense": 1}
    assert (net["optimizer"], net["loss"]) == ("Adam", "categorical_crossentropy")
    assert net["layers"][1]["activation"] == "softmax"


@pytest.fixture(scope="module")
def graph():
    from onnx import TensorProto, helper, numpy_helper

    weights = numpy_helper.from_array(np.zeros((4, 3), dtype=np.float32), "w")
    bias = numpy_helper.from_array(np.zeros(3, dtype=np.float32), "b")
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="dense", alpha=0.5, transB=0),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2"], ["y"], name="last"),
    ]
    second = numpy_helper.from_array(np.zeros((3, 2), dtype=np.float64), "w2")
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [weights, bias, second, numpy_helper.from_array(np.array([-1, 4]), "to_shape")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"author": "Ada"})
    return model.SerializeToString()


def test_a_graph_is_read_node_by_node_without_any_library(graph, tmp_path):
    (tmp_path / "net.onnx").write_bytes(graph)
    found = describe_onnx(tmp_path / "net.onnx", "net.onnx")
    assert found["parameters"] == 4 * 3 + 3 + 3 * 2
    assert found["memory_bytes"] == (12 + 3) * 4 + 6 * 8 + 2 * 8
    assert found["inputs"] == [{"name": "x", "type": "float32", "shape": ["n", 4]}]
    assert found["outputs"] == [{"name": "y", "type": "float32", "shape": ["n", 2]}]
    assert found["framework_version"] == "opset ai.onnx 17"
    assert found["layer_counts"] == {"Gemm": 2, "Relu": 1}
    assert found["activation_counts"] == {"Relu": 1}
    assert found["deep_learning"] is True
    dense, relu, last = found["layers"]
    assert dense["weight_shapes"] == [[4, 3], [3]]
    assert (dense["inputs"], dense["outputs"]) == (["x", "w", "b"], ["h"])
    assert {"name": "alpha", "value": 0.5} in dense["settings"]
    assert relu["name"] == "Relu_1"
    assert last["shape"] == [None, 2]
    assert {"name": "metadata.author", "value": "Ada"} in found["hyperparameters"]


@pytest.mark.parametrize("length", [0, 1, 7, 40, 120])
def test_a_graph_that_was_cut_is_refused(graph, tmp_path, length):
    (tmp_path / "net.onnx").write_bytes(graph[:length])
    with pytest.raises(WireError):
        describe_onnx(tmp_path / "net.onnx", "net.onnx")


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 64,
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x3a\x02\x2a\x7f",
        b"\x3b\x00",
    ],
)
def test_bytes_that_lie_about_their_length_are_refused(data):
    with pytest.raises(WireError):
        describe_bytes(data, "x")


def test_random_damage_is_refused_or_read_and_never_worse(graph):
    draw = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(graph)
        for place in draw.integers(0, len(graph), size=4):
            damaged[place] = int(draw.integers(0, 256))
        try:
            found = describe_bytes(bytes(damaged), "x")
        except WireError:
            continue
        DetectedMetadata.model_validate({"models": [json.loads(json.dumps(found))]})


def test_a_session_of_onnxruntime_is_a_loaded_model_with_its_layers(graph, tmp_path):
    source = """
import onnxruntime


class Model:
    def load(self, folder):
        self.session = onnxruntime.InferenceSession(str(folder / "net.onnx"))

    def predict(self, inputs):
        return 0
"""
    from onnx import TensorProto, helper, numpy_helper

    made = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(np.zeros((4, 2), dtype=np.float32), "w")],
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    ).SerializeToString()
    loaded, file = described(tmp_path, source, [("net.onnx", model)]).models
    assert (loaded.source, loaded.from_file) == ("Model.session", False)
    assert loaded.framework == "onnx"
    assert loaded.framework_version.startswith("onnxruntime ")
    assert loaded.parameters == file.parameters == 8
    assert loaded.inputs[0].shape == ("n", 4)
    assert file.from_file
