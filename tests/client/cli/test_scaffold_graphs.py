"""The graphs that ONNX scaffolds bring are made here: run as a program, it writes them anew.

They are small and fixed by hand, so that a new model folder answers something sensible at once.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(str(files("proctor.template"))) / "scaffolds" / "onnx"
FLOAT, INT64, UINT8, STRING = (
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.STRING,
)
IMAGES = ("images", FLOAT, ["n", "height", "width"])


def graphs() -> dict[str, onnx.ModelProto]:
    """Return the graph of each task."""
    return {
        "classification": _graph(
            [
                ("ReduceMean", ["images", "axes"], ["brightness"], {"keepdims": 0}),
                ("Unsqueeze", ["brightness", "last"], ["column"], {}),
                ("Gemm", ["column", "weights", "intercept"], ["score"], {}),
                ("Softmax", ["score"], ["probabilities"], {"axis": 1}),
            ],
            IMAGES,
            ("probabilities", FLOAT, ["n", 2]),
            axes=(INT64, [1, 2]),
            last=(INT64, [1]),
            weights=(FLOAT, [[0.0, 0.25]]),
            intercept=(FLOAT, [0.0, -28.75]),
        ),
        "segmentation": _graph(
            [
                ("ReduceMean", ["scan"], ["mean"], {"keepdims": 1}),
                ("Sub", ["scan", "mean"], ["above"], {}),
                ("Greater", ["above", "limit"], ["bright"], {}),
                ("Cast", ["bright"], ["mask"], {"to": UINT8}),
            ],
            ("scan", FLOAT, ["i", "j", "k"]),
            ("mask", UINT8, ["i", "j", "k"]),
            limit=(FLOAT, 25.0),
        ),
        "regression": _graph(
            [
                ("ReduceMean", ["images", "axes"], ["brightness"], {"keepdims": 0}),
                ("Mul", ["brightness", "slope"], ["scaled"], {}),
                ("Add", ["scaled", "intercept"], ["values"], {}),
            ],
            IMAGES,
            ("values", FLOAT, ["n"]),
            axes=(INT64, [1, 2]),
            slope=(FLOAT, 0.5),
            intercept=(FLOAT, -10.0),
        ),
        "detection": _graph(
            [
                ("Unsqueeze", ["images", "channel"], ["stack"], {}),
                ("AveragePool", ["stack"], ["smooth"], {"kernel_shape": [3, 3], "pads": [1] * 4}),
                ("Squeeze", ["smooth", "channel"], ["heat"], {}),
            ],
            IMAGES,
            ("heat", FLOAT, ["n", "height", "width"]),
            channel=(INT64, [1]),
        ),
        "tabular": _graph(
            [
                ("Gemm", ["rows", "weights", "intercept"], ["score"], {}),
                ("Softmax", ["score"], ["probabilities"], {"axis": 1}),
            ],
            ("rows", FLOAT, ["n", 2]),
            ("probabilities", FLOAT, ["n", 2]),
            weights=(FLOAT, [[0.0, 0.05], [0.0, 1.0]]),
            intercept=(FLOAT, [0.0, -4.5]),
        ),
        "text": _graph(
            [
                (
                    "StringNormalizer",
                    ["texts"],
                    ["lower"],
                    {"case_change_action": "LOWER", "locale": "C"},
                ),
                ("StringSplit", ["lower"], ["words", "lengths"], {"delimiter": ""}),
                (
                    "TfIdfVectorizer",
                    ["words"],
                    ["counts"],
                    {
                        "mode": "TF",
                        "min_gram_length": 1,
                        "max_gram_length": 1,
                        "max_skip_count": 0,
                        "ngram_counts": [0],
                        "ngram_indexes": [0, 1, 2, 3],
                        "pool_strings": ["good", "great", "bad", "awful"],
                    },
                ),
                ("Gemm", ["counts", "weights"], ["score"], {}),
                ("Softmax", ["score"], ["probabilities"], {"axis": 1}),
            ],
            ("texts", STRING, ["n"]),
            ("probabilities", FLOAT, ["n", 2]),
            weights=(FLOAT, [[0.0, 1.0], [0.0, 1.5], [1.0, 0.0], [1.5, 0.0]]),
        ),
    }


def _graph(nodes, given, answered, **constants) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node(kind, takes, gives, **how) for kind, takes, gives, how in nodes],
        answered[0],
        [helper.make_tensor_value_info(*given)],
        [helper.make_tensor_value_info(*answered)],
        [
            numpy_helper.from_array(np.array(value, helper.tensor_dtype_to_np_dtype(kind)), name)
            for name, (kind, value) in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    model.producer_name = "proctor"
    onnx.checker.check_model(model, full_check=True)
    return model


@pytest.mark.parametrize("task", sorted(graphs()))
def test_a_scaffold_brings_the_graph_that_is_made_here(task: str) -> None:
    made, kept = graphs()[task], onnx.load(FOLDER / f"{task}.onnx")
    assert onnx.printer.to_text(kept) == onnx.printer.to_text(made)
    assert kept == made


if __name__ == "__main__":
    for task, model in graphs().items():
        (FOLDER / f"{task}.onnx").write_bytes(model.SerializeToString())
