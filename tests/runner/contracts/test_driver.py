"""The driver is at home in old images: Python 3.6, nothing but the standard library."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from proctor_runner.contracts import driver

FILES = sorted(Path(driver.__file__).parent.glob("*.py"))
OF_THE_IMAGE = {"h5py", "numpy", "modelapi"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_written_in_python_3_6(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 6))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module))
    assert "__future__" not in names
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | OF_THE_IMAGE


@pytest.mark.docker
@pytest.mark.xdist_group("contracts")
def test_an_image_without_python_is_told_what_it_lacks(room, images):
    image = images.build("bare")
    task = room.task(
        inputs={"a": {"type": "file", "file": "{case}.txt"}},
        outputs={"t": {"type": "table", "file": "t.csv", "columns": ["x"]}},
    )
    found = room.ask(image, "max", task, {"a": {"a": b"x"}})

    assert found.outcome.code.value == "START_FAILED"
    assert found.outcome.detail.endswith(
        "Its contract is spoken by a driver that takes Python 3.6 or later in the image."
    )
