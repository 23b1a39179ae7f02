"""Gaussian mixture."""

import numpy as np

CSF = 1  # then gray matter, then white


class Model:
    """Labels the brain, which is what is not 0 in the image."""

    def preprocess(self, inputs, case):
        """Take the voxels of the only volume."""
        return inputs["t1"].data.astype(np.float64)

    def predict(self, data):
        """Give each voxel of the brain the likeliest of three Gaussians."""
        brain = data > 0
        answer = np.zeros(data.shape, dtype=np.uint8)
        answer[brain] = CSF + np.argmax(mixture(data[brain]), axis=1)
        return answer

    def postprocess(self, prediction, case):
        """Name the output."""
        return {"seg": prediction}


def cluster(values, n_iterations=30):
    """Run k-means in one dimension from three quantiles; return the centers, darkest first."""
    centers = np.quantile(values, [0.05, 0.4, 0.9])
    for _ in range(n_iterations):
        nearest = np.digitize(values, (centers[1:] + centers[:-1]) / 2)
        for k in range(3):
            if np.any(nearest == k):
                centers[k] = values[nearest == k].mean()
        centers.sort()
    return centers


def mixture(values, n_iterations=50):
    """Fit three Gaussians by expectation maximization; return the shares of every value."""
    centers = cluster(values)
    nearest = np.digitize(values, (centers[1:] + centers[:-1]) / 2)
    shares = np.eye(3)[nearest]
    least_variance = 1e-3 * values.var()
    for _ in range(n_iterations):
        weight = shares.sum(axis=0) + 1e-9
        mean = values @ shares / weight
        apart = values[:, np.newaxis] - mean
        variance = (shares * apart**2).sum(axis=0) / weight + least_variance
        log_density = np.log(weight / np.sqrt(variance)) - apart**2 / (2 * variance)
        shares = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
    return shares[:, np.argsort(mean, kind="stable")]
