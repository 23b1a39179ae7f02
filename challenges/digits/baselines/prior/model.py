"""How often each digit occurs."""

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
        """Answer the same row for every image."""
        return np.tile(self.weights["prior"], (len(data), 1))

    def postprocess(self, prediction, case):
        """Name the output."""
        return {"probabilities": prediction}
