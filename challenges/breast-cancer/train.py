"""Trains the baselines on the public half and writes their weights as plain arrays.

Every `model.py` answers with numpy alone from `weights/model.npz`. `graph` is the logistic
regression once more, as `model.onnx` without any code; it is written where `onnx` is installed and
is kept beside its card, so that nobody needs `onnx` to prepare the challenge.
"""

from importlib.util import find_spec

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

C = 0.1


def train_baselines(rows, labels, folder):
    """Fit every baseline and write its weights."""
    scaler = StandardScaler().fit(rows)
    scaled = scaler.transform(rows)
    logistic = LogisticRegression(C=C, max_iter=5000).fit(scaled, labels)
    radius = LogisticRegression(max_iter=5000).fit(rows[:, :1], labels)
    weights = logistic.coef_[0] / scaler.scale_
    intercept = logistic.intercept_[0] - weights @ scaler.mean_
    write(folder / "logistic", weights=weights, intercept=intercept)
    write(folder / "radius", weight=radius.coef_[0, 0], intercept=radius.intercept_[0])
    write(folder / "neighbors", mean=scaler.mean_, scale=scaler.scale_, rows=scaled, labels=labels)
    if find_spec("onnx") and not (folder / "graph" / "model.onnx").exists():
        write_graph(folder / "graph" / "model.onnx", weights, intercept)


def write(folder, **arrays):
    """Write `weights/model.npz`."""
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "weights" / "model.npz", **arrays)
    print(f"breast-cancer: trained {folder.name}")


def write_graph(path, weights, intercept):
    """Write rows (n, 30) -> probabilities (n, 2) as an ONNX graph of a product and a softmax."""
    from onnx import TensorProto, helper, numpy_helper, save

    both = np.stack([-weights, weights], axis=1) / 2
    constants = {"weights": both, "intercept": np.array([-intercept, intercept]) / 2}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["masses", "weights", "intercept"], ["score"]),
            helper.make_node("Softmax", ["score"], ["probabilities"], axis=1),
        ],
        "logistic",
        [helper.make_tensor_value_info("masses", TensorProto.DOUBLE, ["n", len(weights)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, ["n", 2])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
