"""Nearest neighbors among the public masses."""

import numpy as np

NEIGHBORS = 15


class Model:
    """Reads weights/model.npz; answers one row of class probabilities per mass."""

    def load(self, folder):
        """Load plain arrays; pickled objects are refused."""
        self.weights = dict(np.load(folder / "weights" / "model.npz", allow_pickle=False))

    def predict(self, inputs):
        """Count the classes of the nearest, and one of each class more."""
        w = self.weights
        rows = (np.array([list(row.values()) for row in inputs["masses"]]) - w["mean"]) / w["scale"]
        apart = ((rows[:, np.newaxis] - w["rows"]) ** 2).sum(axis=2)
        nearest = np.argsort(apart, axis=1, kind="stable")[:, :NEIGHBORS]
        benign = (w["labels"][nearest].sum(axis=1) + 1) / (NEIGHBORS + 2)
        return np.stack([1 - benign, benign], axis=1)
