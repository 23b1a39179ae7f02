"""An ImageNet-like challenge of generated images, and models of graded quality for it.

50,000 RGB images of 32 x 32 pixels in 1,000 classes, fifty of each, 1,000 images a case. An image
is its class's pattern under noise. A model knows every pattern from so many noisy examples, and
compares an image with them on random features: more examples and more features, a better model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

CLASSES = 1000
ITEMS_A_CASE = 1000
SLUG = "fifty-thousand"
_SIDE = 32
_NOISE = 130.0
_SAMPLE_ITEMS = 200

Images = npt.NDArray[np.uint8]

MODEL = '''"""Compares images with the patterns of all classes on random features."""

import numpy as np


class Model:
    """Answers one row of class probabilities per image, in single precision."""

    def load(self, folder):
        """Make the features and what each class looks like on them."""
        known = np.load(folder / "patterns.npz", allow_pickle=False)
        generator = np.random.default_rng(int(known["seed"]))
        pixels = known["patterns"].shape[1]
        self.features = generator.standard_normal((pixels, int(known["width"])), np.float32)
        self.classes = self._look(known["patterns"]).T

    def predict(self, inputs):
        """Take the softmax of the likeness to each class."""
        images = inputs["images"]
        likeness = 60 * (self._look(images.reshape(len(images), -1)) @ self.classes)
        likeness = np.exp(likeness - likeness.max(axis=1, keepdims=True))
        return {"scores": likeness / likeness.sum(axis=1, keepdims=True)}

    def _look(self, pixels):
        seen = np.maximum((pixels.astype(np.float32) - 128) @ self.features, 0)
        seen -= seen.mean(axis=1, keepdims=True)
        return seen / np.linalg.norm(seen, axis=1, keepdims=True)
'''


EXAMPLES = (1, 2, 3, 4, 6, 8, 12, 13, 40)
"""Noisy examples of every class that the models know, the worst model first."""

_FEATURES = 16_384


def write_challenge(folder: Path, cases: int) -> Path:
    """Write a challenge of so many hidden cases and a small public one."""
    generator = np.random.default_rng(20)
    patterns = _patterns()
    labels = np.tile(np.arange(CLASSES), -(-cases * ITEMS_A_CASE // CLASSES))
    hidden = generator.permutation(labels[: cases * ITEMS_A_CASE]).reshape(cases, ITEMS_A_CASE)
    _write_split(folder / "data/hidden", patterns, hidden, generator)
    sample = generator.integers(0, CLASSES, (1, _SAMPLE_ITEMS))
    _write_split(folder / "data/sample", patterns, sample, generator)
    (folder / "challenge.yaml").write_text(yaml.safe_dump(_document(), sort_keys=False))
    return folder


def write_model(folder: Path, examples: int, claimed: dict[str, float]) -> Path:
    """Write a model folder, with the scores that its author claims."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.py").write_text(MODEL)
    generator = np.random.default_rng([21, examples])
    patterns = _patterns()
    seen = patterns + generator.normal(0, _NOISE / examples**0.5, patterns.shape)
    np.savez(
        folder / "patterns.npz",
        patterns=np.clip(seen, 0, 255).astype(np.uint8),
        width=_FEATURES,
        seed=examples,
    )
    card = {
        "contract": 1,
        "name": f"net-{examples:02}",
        "protocols": ["case", "serve"],
        "runtime": "runtime-cpu",
        "claimed_scores": claimed,
    }
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def _patterns() -> npt.NDArray[np.float64]:
    """Return what each class looks like, float64 of shape (classes, pixels)."""
    generator = np.random.default_rng(19)
    coarse = generator.normal(128, 40, (CLASSES, 4, 4, 3))
    return coarse.repeat(_SIDE // 4, axis=1).repeat(_SIDE // 4, axis=2).reshape(CLASSES, -1)


def _write_split(
    folder: Path,
    patterns: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    generator: np.random.Generator,
) -> None:
    for part in ("inputs", "reference"):
        (folder / part).mkdir(parents=True)
    for number, of_case in enumerate(labels):
        noise = generator.standard_normal((len(of_case), patterns.shape[1]), np.float32) * _NOISE
        # The noise of an image has a strength of its own: some are hard.
        noise *= generator.uniform(0.2, 4, (len(of_case), 1))
        images: Images = np.clip(patterns[of_case] + noise, 0, 255).astype(np.uint8)
        np.save(folder / f"inputs/c{number:02}.npy", images.reshape(-1, _SIDE, _SIDE, 3))
        np.save(folder / f"reference/c{number:02}.npy", of_case)


def _document() -> dict[str, object]:
    return {
        "schema": 1,
        "slug": SLUG,
        "title": "Fifty thousand images",
        "accepts": ["folder"],
        "runtimes": ["runtime-cpu"],
        "tasks": [
            {
                "slug": "classify",
                "title": "Classify images",
                "items_per_case": ITEMS_A_CASE,
                "tryout_cases": 1,
                "inputs": {"images": {"type": "array", "file": "{case}.npy"}},
                "outputs": {
                    "scores": {
                        "type": "table",
                        "file": "scores.npy",
                        "columns": [str(number) for number in range(CLASSES)],
                    }
                },
                "reference": {"labels": {"type": "labels", "file": "{case}.npy"}},
                "labels": {number: f"class-{number:03}" for number in range(CLASSES)},
                "data": {
                    split: {
                        "inputs": f"data/{split}/inputs",
                        "reference": f"data/{split}/reference",
                    }
                    for split in ("hidden", "sample")
                },
                "metrics": _metrics(),
                "primary": "top1",
            }
        ],
        "phases": [
            {
                "slug": "main",
                "title": "Main",
                "tasks": ["classify"],
                "opens_at": "2026-01-01T00:00:00Z",
                "closes_at": "2036-01-01T00:00:00Z",
                "quota": {"per_day": None},
                "limits": {"case_s": 300, "total_s": 7200, "memory_bytes": 2**31, "cpus": 1},
                "ranking": {"select": "latest"},
            }
        ],
    }


def _metrics() -> Sequence[dict[str, object]]:
    both = {"output": "scores", "reference": "labels"}
    return [
        {"id": "top1", "name": "top_k_accuracy", "parameters": {"k": 1}} | both,
        {"id": "top5", "name": "top_k_accuracy", "parameters": {"k": 5}} | both,
        {"id": "f1", "name": "f1_score", "parameters": {"average": "macro"}} | both,
        {"id": "balanced", "name": "balanced_accuracy"} | both,
    ]
