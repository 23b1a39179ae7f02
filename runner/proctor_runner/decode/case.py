"""Decodes one case in a process of its own, so that a bomb or a crash costs this case alone."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from proctor_runner.decode.boxes import read_boxes
from proctor_runner.decode.contour import read_contours
from proctor_runner.decode.document import read_document
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.foreign.translate import translated
from proctor_runner.decode.image import OF_NUMBERS, read_image
from proctor_runner.decode.instances import read_instances
from proctor_runner.decode.label_list import read_label_list
from proctor_runner.decode.mask import read_mask
from proctor_runner.decode.on_grid import open_grid
from proctor_runner.decode.table import read_table, read_vector
from proctor_runner.decode.text import read_texts

OK, INVALID_OUTPUT = "OK", "INVALID_OUTPUT"

_SPARE_BYTES = 512 * 1024 * 1024
_BYTES_PER_VOXEL = 40
_BYTES_PER_CELL = 400
_BYTES_PER_TEXT_BYTE = 16
_BYTES_PER_FOREIGN_BYTE = 32
_CPU_S, _WALL_S = 60, 120
_MOST_ANSWER_BYTES = 16 * 1024


def decode_case(case: dict[str, Any], source: Path, target: Path) -> dict[str, str]:
    """Decode ``case`` of the job's list and return its outcome and sentence.

    The arrays are in ``target`` when the outcome is OK, and none of them when it is not.
    """
    answer = _in_child(case, source, target)
    if answer["outcome"] != OK:
        for output in case["outputs"].values():
            (target / output["target"]).unlink(missing_ok=True)
    return answer


def _in_child(case: dict[str, Any], source: Path, target: Path) -> dict[str, str]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            _limit(case)
            os.write(writing, json.dumps(_decode(case, source, target)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    try:
        text = _read_answer(reading)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not text:
        files = " or ".join(output["name"] for output in case["outputs"].values())
        return {
            "outcome": INVALID_OUTPUT,
            "detail": f"Reading {files} took more memory or time than its content explains.",
        }
    answer: dict[str, str] = json.loads(text)
    return answer


def _read_answer(descriptor: int) -> bytes:
    """Return what the child said; nothing when it took too long or said nothing whole."""
    deadline = time.monotonic() + _WALL_S
    text = b""
    while len(text) <= _MOST_ANSWER_BYTES:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            return b""
        chunk = os.read(descriptor, _MOST_ANSWER_BYTES)
        if not chunk:
            break
        text += chunk
    return text if text.endswith(b"}") else b""


def _limit(case: dict[str, Any]) -> None:
    """Let this process have what an honest case of this size needs, and not much more."""
    voxels = max((int(output.get("voxels", 0)) for output in case["outputs"].values()), default=0)
    cells = sum(
        output.get("rows", case["items"]) * len(output.get("columns", (1,)))
        for output in case["outputs"].values()
    )
    text_bytes = sum(int(output.get("bytes", 0)) for output in case["outputs"].values())
    foreign_bytes = sum(
        int(output["foreign"]["bytes"])
        for output in case["outputs"].values()
        if "foreign" in output
    )
    budget = (
        _SPARE_BYTES
        + voxels * _BYTES_PER_VOXEL
        + cells * _BYTES_PER_CELL
        + text_bytes * _BYTES_PER_TEXT_BYTE
        + foreign_bytes * _BYTES_PER_FOREIGN_BYTE
    )
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + budget
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _decode(case: dict[str, Any], source: Path, target: Path) -> dict[str, str]:
    try:
        for output in case["outputs"].values():
            given = translated(output, case["items"], source) if "foreign" in output else output
            array = _read(given, case["items"], source)
            with (target / output["target"]).open("xb") as stream:
                np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)
    except InvalidOutputError as error:
        return {"outcome": INVALID_OUTPUT, "detail": str(error)}
    except MemoryError:
        return {
            "outcome": INVALID_OUTPUT,
            "detail": f"Reading {output['name']} takes more memory than its content explains.",
        }
    except Exception as error:
        # What no reader foresaw is a fault of the file too, and no lack of memory or time.
        return {
            "outcome": INVALID_OUTPUT,
            "detail": f"{output['name']} cannot be read ({type(error).__name__}).",
        }
    return {"outcome": OK, "detail": ""}


def _read(output: dict[str, Any], items: int, source: Path) -> np.ndarray[Any, Any]:
    path = source / output["file"]
    if output["type"] == "table":
        return read_table(path, output["name"], output["columns"], items)
    if output["type"] == "vector":
        return read_vector(path, output["name"], output["columns"], items)
    if output["type"] == "label_list":
        return read_label_list(path, output["name"], output["labels"], items)
    if output["type"] == "custom":
        return read_document(path, output["name"])
    if output["type"] == "text":
        return read_texts(path, output["name"], items)
    if output["type"] == "boxes":
        return read_boxes(
            path,
            output["name"],
            output["columns"],
            output["labels"],
            items,
            output["most_per_item"],
        )
    grid = open_grid(source / output["grid_file"], output["grid_file"])
    if output["type"] in OF_NUMBERS:
        return read_image(path, output["name"], grid, output["grid"])
    if output["type"] == "contour":
        return read_contours(path, output["name"], grid, output["grid"], output["labels"])
    if output["type"] == "instances":
        return read_instances(
            path,
            output["name"],
            grid,
            output["grid"],
            output["labels"],
            output["class_divisor"],
        )
    return read_mask(
        path, output["name"], grid, output["grid"], output["labels"], output["ignore_unknown"]
    )
