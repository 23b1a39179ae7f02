"""Every row that no setting of a container holds turns red without the line that holds it.

The line is changed in a copy of the code, which an environment of its own imports, so that the
processes which a test starts have the weaker code as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.docker]

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
WEAKENINGS = yaml.safe_load((FOLDER / "weakenings.yaml").read_text())
HELD_BY = {
    threat["row"]: threat["held_by"][0]
    for threat in yaml.safe_load((FOLDER / "threats.yaml").read_text())
}
ROOTS = ("client", "platform", "runner", "metrics", "dashboard")
TEST_FAILED = 1


def weaker_copy(target: Path, file: str, change: dict[str, str]) -> Path:
    """Copy the code and change it; whatever is to be changed must be there."""
    for name in (*ROOTS, "tests", "challenges"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, target / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", target)
    text = (target / file).read_text()
    for before, after in change.items():
        assert before in text, f"{file} has no {before!r} any more"
        text = text.replace(before, after)
    (target / file).write_text(text)
    return target


def interpreter(target: Path, copy: Path) -> Path:
    """Make an environment that imports the copy, and everything else from this one."""
    base = Path(sys._base_executable)  # type: ignore[attr-defined]
    site = target / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    site.mkdir(parents=True)
    (target / "bin").mkdir()
    (target / "bin" / "python").symlink_to(base)
    (target / "pyvenv.cfg").write_text(
        f"home = {base.parent}\ninclude-system-site-packages = false\n"
    )
    places = [*(copy / name for name in ROOTS), sysconfig.get_path("purelib")]
    (site / "weaker.pth").write_text("".join(f"{place}\n" for place in places))
    return target / "bin" / "python"


@pytest.fixture
def leaves_no_mount(tmp_path: Path) -> Any:
    """Unmount what code that was made to forget it has left."""
    yield
    for line in Path("/proc/self/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith(f"{tmp_path}/"):
            subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.parametrize("weakening", WEAKENINGS, ids=lambda one: f"row_{one['row']:02}")
def test_a_weakened_rule_turns_its_row_red(
    weakening: dict[str, Any], tmp_path: Path, leaves_no_mount: None
) -> None:
    copy = weaker_copy(tmp_path / "copy", weakening["file"], weakening["change"])
    python = interpreter(tmp_path / "environment", copy)
    place, _, name = weakening.get("test", HELD_BY[weakening["row"]]).partition("::")
    path = os.path.normpath(copy / "tests" / "runner" / place)
    command = [python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    finished = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'base'}", f"{path}::{name}"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == TEST_FAILED, finished.stdout[-3000:] + finished.stderr[-3000:]
    assert f"FAILED tests/runner/{place}".replace("runner/../", "") in finished.stdout
