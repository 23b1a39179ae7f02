"""Random forest."""

import numpy as np

CSF = 1  # then gray matter, then white


class Model:
    """Labels the brain, which is what is not 0 in the image."""

    def load(self, folder):
        """Load plain arrays; pickled objects are refused."""
        self.weights = dict(np.load(folder / "weights" / "model.npz", allow_pickle=False))

    def preprocess(self, inputs, case):
        """Take the voxels of the only volume."""
        return inputs["t1"].data

    def predict(self, data):
        """Walk every voxel of the brain down every tree and take the likeliest tissue."""
        w, brain = self.weights, data > 0
        voxels = features(data)[brain]
        node = np.tile(w["roots"], (len(voxels), 1))
        rows = np.arange(len(voxels))[:, np.newaxis]
        for _ in range(int(w["depth"])):
            goes_left = voxels[rows, w["feature"][node]] <= w["threshold"][node]
            node = np.where(goes_left, w["left"][node], w["right"][node])
        answer = np.zeros(data.shape, dtype=np.uint8)
        answer[brain] = CSF + np.argmax(w["value"][node].sum(axis=1), axis=1)
        return answer

    def postprocess(self, prediction, case):
        """Name the output."""
        return {"seg": prediction}


def features(image):
    """Describe each voxel by itself and its neighborhood; shape (..., n_features)."""
    brain = (image > 0).astype(np.float64)
    data = image / np.quantile(image[image > 0], 0.9)
    described = [data]
    for radius in (1, 2, 4):
        share = np.maximum(box_mean(brain, radius), 1e-9)
        mean = box_mean(data, radius) / share
        square = box_mean(data**2, radius) / share
        described += [mean, np.sqrt(np.maximum(square - mean**2, 0)), share]
    return np.stack(described, axis=-1).astype(np.float32)


def box_mean(data, radius):
    """Average over cubes of 2 radius + 1 voxels; outside the block is 0."""
    for axis in range(3):
        padded = np.moveaxis(data, axis, 0)
        edge = np.zeros((radius + 1, *padded.shape[1:]))
        total = np.cumsum(np.concatenate([edge, padded, edge[1:]]), axis=0)
        width = 2 * radius + 1
        data = np.moveaxis((total[width:] - total[:-width]) / width, 0, axis)
    return data
