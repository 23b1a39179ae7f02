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


IMAGES = """
import sys
import proctor_metrics.images
print("scipy.stats" in sys.modules)
"""


def test_who_compares_images_waits_for_no_statistics() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", IMAGES], check=True, capture_output=True, text=True
    )
    assert finished.stdout.strip() == "False"


SMALL_TABLE = """
import sys
import numpy as np
from proctor_metrics import ValueCase, resolve
case = ValueCase("a", np.ones((3, 1)), np.zeros((3, 1)), ("x",))
print(resolve("mae", {}, worst=9.0).per_item(case).values.mean())
packages = [name for name, module in sys.modules.items() if "__path__" in vars(module)]
print(sorted(name for name in packages if name.startswith("proctor_metrics.")))
"""


def test_who_scores_numbers_waits_for_no_other_family() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", SMALL_TABLE], check=True, capture_output=True, text=True
    )
    value, families = finished.stdout.splitlines()
    assert value == "1.0"
    assert families == "['proctor_metrics.cases', 'proctor_metrics.regression']"
