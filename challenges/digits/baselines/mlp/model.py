"""Multilayer perceptron."""

import numpy as np


class Model:
    """Reads weights/model.npz; answers one row of class probabilities per image."""

    def load(self, folder):
        """Load plain arrays; pickled objects are refused."""
        self.weights = dict(np.load(folder / "weights" / "model.npz", allow_pickle=False))

    def preprocess(self, inputs, case):
        """Flatten (n, 8, 8) to (n, 64)."""
        images = inputs["images"]
        return images.reshape(len(images), -1).astype(np.float64)

    def predict(self, data):
        """One hidden layer of rectified units, then the softmax."""
        w = self.weights
        hidden = np.maximum(data @ w["hidden"] + w["hidden_bias"], 0)
        return softmax(hidden @ w["output"] + w["output_bias"])

    def postprocess(self, prediction, case):
        """Name the output."""
        return {"probabilities": prediction}


def softmax(scores):
    """Turn scores into probabilities, row by row."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
