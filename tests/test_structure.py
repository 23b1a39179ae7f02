"""The layout's own rules: what may import what, and where no ``__init__.py`` may lie."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_layers_hold() -> None:
    command = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert command is not None, "import-linter is not installed; run `make venv`"
    finished = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout


def test_the_platform_folder_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    found = importlib.util.find_spec("platform")
    assert found is not None
    assert found.origin is not None
    assert ROOT not in Path(found.origin).parents


def test_no_test_folder_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_no_module_takes_the_name_of_a_standard_one() -> None:
    roots = ["client", "platform", "runner", "metrics", "dashboard"]
    taken = {
        path.name
        for root in roots
        for path in (ROOT / root).iterdir()
        if path.suffix == ".py" and path.stem in sys.stdlib_module_names
    }
    assert taken == set()


def test_no_module_is_longer_than_a_reader_bears() -> None:
    roots = ["client", "platform", "runner", "metrics", "dashboard"]
    long = {
        str(path.relative_to(ROOT)): lines
        for root in roots
        for path in (ROOT / root).rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


@pytest.mark.xdist_group("structure")
def test_tests_of_a_group_are_told_apart_by_the_scheduler(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("loadgroup", False):
        pytest.skip("without --dist loadgroup nothing is grouped")
    assert request.node.nodeid.endswith("@structure")
