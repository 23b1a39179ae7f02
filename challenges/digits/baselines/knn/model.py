"""Five nearest neighbors."""

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
        """Count the votes of the five nearest; equal distances go by training order."""
        train = self.weights["images"].astype(np.float64)
        squared = (data**2).sum(axis=1)[:, np.newaxis] + (train**2).sum(axis=1) - 2 * data @ train.T
        nearest = np.argsort(squared, axis=1, kind="stable")[:, :5]
        return np.eye(10)[self.weights["labels"][nearest]].mean(axis=1)

    def postprocess(self, prediction, case):
        """Name the output."""
        return {"probabilities": prediction}
