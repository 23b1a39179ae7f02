"""``make bench``: every timed claim, as a ratio against a named peer in the same run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import (
    boards,
    classification,
    evaluation,
    fifty_thousand,
    ranking,
    rest,
    segmentation,
    serve,
)
from benchmarks.report import show


def main() -> None:
    """Measure and print."""
    show(
        segmentation.measure()
        + classification.measure()
        + ranking.measure()
        + boards.measure()
        + evaluation.measure()
        + serve.measure()
        + rest.measure()
        + fifty_thousand.measure()
    )


if __name__ == "__main__":
    main()
