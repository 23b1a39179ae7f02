"""A decision tree or an average of many, as one table of nodes."""

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
        """Walk every image down every tree and average the leaves."""
        w = self.weights
        node = np.tile(w["roots"], (len(data), 1))
        rows = np.arange(len(data))[:, np.newaxis]
        for _ in range(int(w["depth"])):
            goes_left = data[rows, w["feature"][node]] <= w["threshold"][node]
            node = np.where(goes_left, w["left"][node], w["right"][node])
        return w["value"][node].mean(axis=1)

    def postprocess(self, prediction, case):
        """Name the output."""
        return {"probabilities": prediction}
