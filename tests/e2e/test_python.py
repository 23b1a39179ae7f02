"""Proctor from Python: a script of a few lines against a whole platform."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

MODEL = """
import numpy as np

class Model:
    def predict(self, inputs):
        high = np.clip(inputs["items"][:, 0], 0.01, 0.99)
        return {"probabilities": np.stack([high, 1 - high], axis=1)}
"""
SCRIPT = """
import json, sys
import numpy as np, pandas as pd, proctor
from sklearn.linear_model import LogisticRegression

table = pd.DataFrame(np.random.default_rng(0).random((50, 3)), columns=["a", "b", "c"])
kinds = pd.Series(np.where(table["a"] > 0.5, "high", "low"))
challenge = proctor.create_challenge(
    table, kinds, task="classification", metrics=["accuracy", "log_loss"], name="from-python",
    items_per_case=20, inputs_public=True,
)
model = proctor.submit(sys.argv[1], challenge)

def without_c(inputs):
    return inputs["items"][:, COLUMNS]

COLUMNS = [0, 1]
fitted = LogisticRegression(C=100).fit(table[["a", "b"]].to_numpy(), kinds)
fitted = proctor.submit(fitted, without_c, challenge=challenge, title="Fitted")
graph = proctor.submit(sys.argv[2], challenge)
guesses = {case: np.full((20, 2), 0.5) for case in ("hidden-0001", "hidden-0002")}
coin = proctor.submit(guesses, challenge, title="A coin")
board = proctor.leaderboard(challenge)
both = proctor.compare(model, coin)
print(json.dumps({
    "progress": [model.progress, coin.progress],
    "others": [fitted.progress, graph.progress, fitted.detail, graph.detail],
    "others_accuracy": [one.scores["classification/accuracy/mean"] for one in (fitted, graph)],
    "scores": [model.scores, coin.scores],
    "board": board.reset_index().to_dict("records"),
    "kinds": both.parameters.loc["kind", ["a", "b"]].tolist(),
    "differences": both.scores["difference"].to_dict(),
    "cases": len(both.cases),
    "losses": both.cases["difference"].xs("classification/log_loss/mean").tolist(),
}))
"""


def write_graph(path: Path) -> None:
    """Write items (n, 3) -> probabilities (n, 2) by the first number alone."""
    weights = np.array([[20, 0], [0, 0], [0, 0]], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "weights", "intercept"], ["score"]),
            helper.make_node("Softmax", ["score"], ["p"], axis=1),
        ],
        "threshold",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(np.array([-10, 0], np.float32), "intercept"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def test_a_few_lines_make_enter_rank_and_compare(
    stack: Any, organizer: str, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    card = {"contract": 1, "name": "threshold", "title": "Threshold", "runtime": "runtime-cpu"}
    (folder / "model.json").write_text(json.dumps(card))
    (tmp_path / "script.py").write_text(SCRIPT)
    write_graph(tmp_path / "net.onnx")
    finished = subprocess.run(
        [sys.executable, tmp_path / "script.py", folder, tmp_path / "net.onnx"],
        env=stack.environment | {"PROCTOR_TOKEN": organizer},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout)
    assert told["progress"] == ["scored", "scored"]
    assert told["others"] == ["scored", "scored", "", ""]
    assert min(told["others_accuracy"]) > 0.9
    accuracy = "classification/accuracy/mean"
    assert [scores[accuracy] for scores in told["scores"]] == [1.0, 0.5]
    (row,) = told["board"]
    assert (row["rank"], row["title"], row[accuracy]) == (1, "Threshold", 1.0)
    assert told["kinds"] == ["folder", "predictions"]
    assert told["differences"][accuracy] == -0.5
    assert told["cases"] == 4
    assert min(told["losses"]) > 0
