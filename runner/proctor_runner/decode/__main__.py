"""Decodes every case that ``decode.json`` in the input folder lists, and writes a report.

Always exits 0 once the report is written: what is wrong with a case is said there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from proctor_runner.decode.case import decode_case
from proctor_runner.decode.volume import preload

JOB_FILE = "decode.json"
REPORT_FILE = "decode-report.json"
METRIC_FILE = "metric.json"


def main() -> int:
    """Decode the whole batch."""
    source = Path(os.environ.get("PROCTOR_INPUT") or "/input")
    if (source / METRIC_FILE).exists():
        # One image for all that is not a model: it does the job that lies there, and the host
        # alone gives files their names.
        from proctor_runner.metric_program.__main__ import main as compute

        return compute()
    target = Path(os.environ.get("PROCTOR_OUTPUT") or "/output")
    job = json.loads((source / JOB_FILE).read_text(encoding="utf-8"))
    outputs = [output for case in job["cases"] for output in case["outputs"].values()]
    maps = [output for output in outputs if "grid_file" in output]
    preload(output["file"] for output in maps)
    preload(output["grid_file"] for output in maps)
    report = {case["id"]: decode_case(case, source, target) for case in job["cases"]}
    (target / REPORT_FILE).write_text(json.dumps({"cases": report}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
