"""Support vector machine."""

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
        """Let 45 machines vote, break ties by their confidence, and take the softmax."""
        w = self.weights
        apart = ((data[:, np.newaxis, :] - w["support"]) ** 2).sum(axis=2)
        kernel = np.exp(-w["gamma"] * apart)
        edges = np.concatenate([[0], np.cumsum(w["n_support"])])
        votes, confidence = np.zeros((2, len(data), 10))
        pairs = [(i, j) for i in range(10) for j in range(i + 1, 10)]
        for (i, j), intercept in zip(pairs, w["intercept"], strict=True):
            in_i, in_j = slice(edges[i], edges[i + 1]), slice(edges[j], edges[j + 1])
            decision = kernel[:, in_i] @ w["dual"][j - 1, in_i]
            decision += kernel[:, in_j] @ w["dual"][i, in_j] + intercept
            votes[:, i] += decision > 0
            votes[:, j] += decision <= 0
            confidence[:, i] += decision
            confidence[:, j] -= decision
        score = votes + confidence / (3 * (np.abs(confidence) + 1))
        return softmax(w["sharpness"] * score)

    def postprocess(self, prediction, case):
        """Name the output."""
        return {"probabilities": prediction}


def softmax(scores):
    """Turn scores into probabilities, row by row."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
