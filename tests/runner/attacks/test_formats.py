"""The rows that no reader of formats with doors in them can break, for there is none."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from proctor_runner.decode import guarded_json
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.mask import read_mask

ROOT = Path(__file__).parents[3]
GRID = Grid((5, 6, 7), np.eye(4))
HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(504)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def imported(*folders: str) -> dict[str, set[str]]:
    """Return the top-level packages that the modules below each folder import, by path."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            names = set()
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module.split(".")[0])
            found[str(path.relative_to(ROOT))] = names
    return found


def refusal(tmp_path: Path, name: str, content: bytes) -> str:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidOutputError) as caught:
        read_mask(tmp_path / name, name, GRID, "t1", [1])
    return str(caught.value)


def test_row_28_no_socket_that_a_container_can_write_is_connected_to(
    measured: Callable[[str], None],
) -> None:
    doors = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "runner").rglob("*.py")
        if any(word in path.read_text() for word in ("socket.AF_UNIX", "uds=", "open_unix_conn"))
    }
    # The engine's own, which no container has, and the one that a fault suite names to a worker.
    assert doors == {
        "runner/proctor_runner/faults.py",
        "runner/proctor_runner/sandbox/daemon.py",
    }
    measured("questions and answers go through standard streams alone")


def test_row_34_no_file_that_links_to_another_is_read(
    tmp_path: Path, measured: Callable[[str], None]
) -> None:
    for name in ("seg.h5", "seg.hdf5", "seg.mhd", "seg.nhdr", "seg.vds"):
        assert "has none of the suffixes" in refusal(tmp_path, name, HDF5)
    for name in ("seg.nii", "seg.mha", "seg.nrrd"):
        refusal(tmp_path, name, HDF5)
    used = set.union(*imported("runner/proctor_runner/decode").values())
    assert not used & {"h5py", "tables", "zarr", "imageio", "pickle"}
    measured("HDF5 under eight names: INVALID_OUTPUT; no reader of it is there")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1, "a": 2}', "a key is given twice"),
        (b"[" + b"9" * 5000 + b"]", "a number has 5000 digits"),
        (b"[" * 200_000, "it is nested too deeply"),
        (b'"' + b"x" * 300_000 + b'"', "it has more than 262144 bytes"),
        (b"\xff", "utf-8"),
    ],
)
def test_row_39_json_that_python_would_take_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        guarded_json.loads(content, 1 << 18)
    assert json.loads('{"a": NaN, "a": 1}') == {"a": 1}


def test_row_40_no_yaml_of_a_participant_is_read(measured: Callable[[str], None]) -> None:
    found = imported("runner", "platform/proctor_platform", "metrics", "dashboard")
    readers = {path for path, names in found.items() if "yaml" in names}

    # An organizer's challenge.yaml on the organizer's own machine, an archive that is written, and
    # what an organizer's metrics container writes: small, without anchors, aliases and tags.
    assert readers == {
        "runner/proctor_runner/challenge_folder.py",
        "runner/proctor_runner/strict_yaml.py",
        "runner/proctor_runner/custom/small_yaml.py",
        "platform/proctor_platform/citing.py",
    }
    text = (ROOT / "platform/proctor_platform/citing.py").read_text()
    assert "yaml.load" not in text
    assert "yaml.safe_load" not in text
    measured("YAML is read from organizers' own folders alone")


def test_row_41_no_picture_is_unpacked(tmp_path: Path, measured: Callable[[str], None]) -> None:
    for name in ("seg.png", "seg.tif", "seg.jpg", "seg.dcm"):
        assert "has none of the suffixes" in refusal(tmp_path, name, PNG)
    used = set.union(*imported("runner", "metrics").values())
    assert not used & {"PIL", "cv2", "imageio", "tifffile", "pydicom"}
    measured("PNG, TIFF, JPEG, DICOM: INVALID_OUTPUT by name, but where a picture is asked for")
