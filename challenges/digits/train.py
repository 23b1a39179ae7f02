"""Trains the baselines on the public half and writes their weights as plain arrays.

Every `model.py` answers with numpy alone: no pickle is loaded, no scikit-learn is imported at
inference (it would cost a second a case), and weights do not depend on its version.
"""

import time

import numpy as np
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier


def estimators():
    """Name the baselines; prepare and the tests train the same ones."""
    return {
        "prior": DummyClassifier(strategy="prior"),
        "naive-bayes": GaussianNB(),
        "tree": DecisionTreeClassifier(random_state=0),
        "lda": LinearDiscriminantAnalysis(),
        "mlp": MLPClassifier(max_iter=500, random_state=0),
        "logistic": LogisticRegression(C=0.01, max_iter=5000),
        "random-forest": RandomForestClassifier(100, random_state=0),
        "extra-trees": ExtraTreesClassifier(100, random_state=0),
        "knn": KNeighborsClassifier(5),
        "svc": SVC(C=10, gamma=0.0015),
    }


def train_baselines(images, labels, folder):
    """Fit every baseline and write `<name>/weights/model.npz`."""
    data = images.reshape(len(images), -1).astype(np.float64)
    for name, estimator in estimators().items():
        began = time.perf_counter()
        estimator.fit(data, labels)
        weights = _weights(estimator, data, labels)
        path = folder / name / "weights" / "model.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **weights)
        size_kb = path.stat().st_size / 1000
        print(f"digits: trained {name}, {time.perf_counter() - began:.1f} s, {size_kb:.0f} kB")


def _weights(estimator, data, labels):
    match estimator:
        case DummyClassifier():
            return {"prior": estimator.class_prior_}
        case GaussianNB():
            return {
                "mean": estimator.theta_,
                "variance": estimator.var_,
                "log_prior": np.log(estimator.class_prior_),
            }
        case LinearDiscriminantAnalysis() | LogisticRegression():
            return {"coefficients": estimator.coef_.T, "intercept": estimator.intercept_}
        case MLPClassifier():
            first, second = estimator.coefs_
            return {
                "hidden": first,
                "hidden_bias": estimator.intercepts_[0],
                "output": second,
                "output_bias": estimator.intercepts_[1],
            }
        case DecisionTreeClassifier():
            return _forest([estimator])
        case RandomForestClassifier() | ExtraTreesClassifier():
            return _forest(estimator.estimators_)
        case KNeighborsClassifier():
            return {"images": data.astype(np.uint8), "labels": labels.astype(np.uint8)}
        case SVC():
            return {
                "support": estimator.support_vectors_.astype(np.uint8),
                "n_support": estimator.n_support_,
                "dual": estimator.dual_coef_,
                "intercept": estimator.intercept_,
                "gamma": np.float64(estimator.gamma),
                "sharpness": _sharpness(estimator, data, labels),
            }
    raise TypeError(f"no way to write the weights of {estimator}")


def _forest(trees):
    """Lay all trees in one table of nodes; a leaf is its own child, so a walk may go on."""
    parts = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    roots, offset = [], 0
    for tree in (estimator.tree_ for estimator in trees):
        nodes = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        parts["feature"].append(np.where(leaf, 0, tree.feature))
        parts["threshold"].append(tree.threshold)
        parts["left"].append(np.where(leaf, nodes, tree.children_left) + offset)
        parts["right"].append(np.where(leaf, nodes, tree.children_right) + offset)
        parts["value"].append(tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True))
        roots.append(offset)
        offset += tree.node_count
    table = {name: np.concatenate(part) for name, part in parts.items()}
    for name in ("feature", "left", "right"):
        table[name] = table[name].astype(np.int32)
    depth = max(estimator.tree_.max_depth for estimator in trees)
    return {**table, "roots": np.array(roots, np.int32), "depth": np.int32(depth)}


def _sharpness(estimator, data, labels):
    """Choose the factor that makes softmax(factor * decision) the best log loss, held out.

    Softmax keeps the order of the decisions, so the top class stays the machine's own.
    """
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    decision = cross_val_predict(
        clone(estimator), data, labels, cv=folds, method="decision_function"
    )
    factors = np.round(np.geomspace(0.5, 20, 40), 3)
    return min(factors, key=lambda factor: log_loss(labels, _softmax(factor * decision)))


def _softmax(scores):
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
