"""What is small is answered before a compiler could even be imported."""

import subprocess
import sys

SMALL_CASE = """
import sys
import numpy as np
from proctor_metrics import MaskCase, resolve
array = np.zeros((40, 50, 60), np.uint8)
array[10:20, 10:20, 10:20] = 1
case = MaskCase("a", array, np.roll(array, 2, 1), (1.0, 1.0, 1.0), {1: "x"})
for name in ("dice", "hd95", "assd"):
    resolve(name, {}).per_item(case)
print(sorted({"numba", "sklearn", "scipy.stats"} & set(sys.modules)))
"""


def test_a_small_case_is_scored_without_compiler_or_statistics() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", SMALL_CASE], check=True, capture_output=True, text=True
    )
    assert finished.stdout.strip() == "[]"
