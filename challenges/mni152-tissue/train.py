"""Trains the random forest on the public blocks and writes it as plain arrays.

The features are those of the baseline's own `model.py`, imported from there, so training and
inference cannot drift apart. Inference needs numpy alone; no pickle is loaded.
"""

import importlib.util
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier

N_TREES = 20
VOXELS_PER_BLOCK = 2000


def train_forest(blocks, folder):
    """Fit the forest on (image, labels) pairs and write `random-forest/weights/model.npz`."""
    began = time.perf_counter()
    features = _model_features(folder / "random-forest" / "model.py")
    random = np.random.default_rng(0)
    data, labels = [], []
    for image, tissue in blocks:
        inside = tissue > 0
        chosen = random.permutation(np.count_nonzero(inside))[:VOXELS_PER_BLOCK]
        data.append(features(image)[inside][chosen])
        labels.append(tissue[inside][chosen])
    forest = RandomForestClassifier(N_TREES, min_samples_leaf=10, random_state=0, n_jobs=2)
    forest.fit(np.concatenate(data), np.concatenate(labels))
    path = folder / "random-forest" / "weights" / "model.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **_table(forest))
    seconds, size_kb = time.perf_counter() - began, path.stat().st_size / 1000
    print(f"mni152-tissue: trained random-forest, {seconds:.1f} s, {size_kb:.0f} kB")


def _model_features(source):
    spec = importlib.util.spec_from_file_location("random_forest_model", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.features


def _table(forest):
    """Lay all trees in one table of nodes; a leaf is its own child, so a walk may go on."""
    parts = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    roots, offset = [], 0
    for tree in (estimator.tree_ for estimator in forest.estimators_):
        nodes = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        parts["feature"].append(np.where(leaf, 0, tree.feature).astype(np.int8))
        parts["threshold"].append(tree.threshold.astype(np.float32))
        parts["left"].append((np.where(leaf, nodes, tree.children_left) + offset).astype(np.int32))
        parts["right"].append(
            (np.where(leaf, nodes, tree.children_right) + offset).astype(np.int32)
        )
        shares = tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True)
        parts["value"].append(shares.astype(np.float32))
        roots.append(offset)
        offset += tree.node_count
    depth = max(estimator.tree_.max_depth for estimator in forest.estimators_)
    table = {name: np.concatenate(part) for name, part in parts.items()}
    return {**table, "roots": np.array(roots, np.int32), "depth": np.int32(depth)}
