"""What charts need before the first of them is drawn."""

from __future__ import annotations

import subprocess
import sys

PROBE = "import sys, proctor_dashboard.charts; sys.modules['pandas'].Series"


def test_pandas_is_whole_before_any_visit_draws_a_chart() -> None:
    told = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=120, check=False
    )
    assert told.returncode == 0, told.stderr
