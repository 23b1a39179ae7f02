"""What a prediction of noise, the worst there is for surfaces, may cost in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from math import prod

SHAPE = (96, 160, 160)
PROGRAM = """
import json, sys
from pathlib import Path

import numpy as np

from proctor_metrics import MaskCase, resolve
from proctor_metrics.segmentation.warm_up import warm_up
from proctor_metrics.threads import thread_limit

shape, kinds = json.loads(sys.argv[1])
draws = np.random.RandomState(0)
noise = draws.randint(0, 3, shape).astype(np.uint8)
truth = np.zeros(shape, np.uint8)
truth[40:60, 60:90, 60:90], truth[70:74, 10:20, 10:20] = 1, 2
warm_up()

def held(what):
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[what].split()[0]) * 1024

before = held("VmRSS")
with thread_limit(1):
    for kind in kinds:
        case = MaskCase("a", noise, truth, (1.5, 0.8, 0.8), {1: "a", 2: "b"})
        found = [resolve(name, given).per_item(case).values.tolist() for name, given in kind]
        assert np.isfinite(found).all()
        print(held("VmHWM") - before)
"""
KINDS = [
    [["hd95", {"definition": "voxel6"}], ["assd", {"definition": "voxel6"}]],
    [["hd95", {}], ["assd", {}], ["nsd", {"tolerance_mm": 1}]],
    [["lesion_wise_hd95", {}]],
]


def test_noise_takes_so_many_bytes_a_voxel() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([SHAPE, KINDS])],
        check=True,
        capture_output=True,
        text=True,
    )
    taken = [int(line) / prod(SHAPE) for line in ended.stdout.splitlines()]
    # Two structures are held of surfaces; what was taken before is counted again.
    assert taken[0] < 50
    assert taken[1] < 85
    assert taken[2] < 110
