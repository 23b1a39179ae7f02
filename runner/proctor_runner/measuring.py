"""Measures a model: has it describe itself in the sandbox, and adds what the worker itself sees.

What comes out of the sandbox was written beside the model's own code. It is read as a stranger's
file: at most 2 MiB of strict JSON, of known fields and lengths. Whatever fails here fails no run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from pydantic import ValidationError
from pydantic_core import from_json

from proctor.spec.card.detected import (
    METADATA_FILE,
    MOST_METADATA_BYTES,
    DetectedMetadata,
    WeightFile,
)
from proctor.spec.digests import FolderEntry
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.work import FolderContent, ImageContent
from proctor_runner.sandbox.interface import Ending, Program, Sandbox, SandboxJob, SandboxResult

_MOST_SECONDS = 60.0
_MOST_WEIGHT_FILES = 2000
# A busier machine, or whoever cancelled, is no reason never to look again.
_NO_TIME = (Ending.TIMEOUT, Ending.CANCELLED)
_FORMATS = {
    ".onnx": "onnx",
    ".data": "onnx weights",
    ".safetensors": "safetensors",
    ".keras": "keras archive",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".npy": "numpy array",
    ".npz": "numpy arrays",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".tar": "archive",
    ".ckpt": "checkpoint",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".joblib": "joblib",
    ".pb": "protocol buffer",
    ".tflite": "tflite",
    ".ubj": "xgboost",
    ".gguf": "gguf",
    ".bin": "binary",
    ".caffemodel": "caffe",
    ".params": "mxnet",
}
_NOT_DECLARED = (
    "the image does not say that it speaks the protocol describe, as one does that starts our"
    ' engine, and another by LABEL proctor.protocols="case,describe"'
)
_PICKLED = frozenset({".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"})


def measure(
    program: Program,
    content: FolderContent | ImageContent,
    sandbox: Sandbox,
    limits: Limits,
    folder: Path,
    *,
    work: str,
    fence: int = 1,
    image_bytes: int | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> DetectedMetadata | None:
    """Return what can be found out about a model; None where it was not given the time.

    Args:
        limits: Of the phase; the model is loaded under them.
        folder: An empty folder for what it writes.
        work: Id of the run that this belongs to.
        image_bytes: Size of the image, where the content does not tell it.

    Raises:
        PlatformError: SANDBOX_FAILED.
    """
    if isinstance(content, FolderContent) or Protocol.DESCRIBE in program.protocols:
        result = _described(program, sandbox, limits, folder, work, fence, cancelled)
        if result.ending in _NO_TIME:
            return None
        found = read_metadata(result)
    else:
        found = DetectedMetadata(problems=(_NOT_DECLARED,))
    return found.model_copy(update=_seen(content, image_bytes) | {"detector": version("proctor")})


def _described(
    program: Program,
    sandbox: Sandbox,
    limits: Limits,
    folder: Path,
    work: str,
    fence: int,
    cancelled: Callable[[], bool],
) -> SandboxResult:
    roomy = limits.model_copy(
        update={
            "output_bytes": max(limits.output_bytes, 2 * MOST_METADATA_BYTES),
            "output_files": max(limits.output_files, 4),
        }
    )
    return sandbox.run(
        SandboxJob(
            work=work,
            fence=fence,
            part="describe",
            program=program,
            documents={},
            inputs={},
            outputs=(METADATA_FILE,),
            destination=folder,
            limits=roomy,
            timeout_s=min(limits.start_s + _MOST_SECONDS, limits.total_s),
            protocol=Protocol.DESCRIBE,
        ),
        cancelled,
    )


def read_metadata(result: SandboxResult) -> DetectedMetadata:
    """Return what a program wrote of itself; without a sound file, why there is none."""
    path = result.outputs.get(METADATA_FILE)
    if result.ending is not Ending.EXITED or result.exit_code != 0 or path is None:
        return DetectedMetadata(problems=(_why_not(result),))
    with path.open("rb") as stream:
        data = stream.read(MOST_METADATA_BYTES + 1)
    if len(data) > MOST_METADATA_BYTES:
        return DetectedMetadata(problems=(f"it wrote more than {MOST_METADATA_BYTES} bytes",))
    try:
        return DetectedMetadata.model_validate(from_json(data, allow_inf_nan=False))
    except (ValidationError, ValueError):
        return DetectedMetadata(problems=("what it wrote is no metadata",))


def weight_files(entries: Iterable[FolderEntry]) -> tuple[WeightFile, ...]:
    """Return the files of a folder that hold weights, by what their names say.

    What lies in `samples/` are inputs to try the model with.
    """
    return tuple(
        WeightFile(
            path=entry.path,
            bytes=entry.file.size,
            format=_FORMATS[suffix],
            unpickled=suffix in _PICKLED,
        )
        for entry in entries
        if (suffix := PurePosixPath(entry.path).suffix.lower()) in _FORMATS
        and not entry.path.startswith("samples/")
    )[:_MOST_WEIGHT_FILES]


def _seen(content: FolderContent | ImageContent, image_bytes: int | None) -> dict[str, object]:
    """Return what the worker measures itself; it replaces whatever the program said of it."""
    match content:
        case FolderContent(entries=entries):
            folder_bytes: int | None = sum(entry.file.size for entry in entries)
        case ImageContent(weights=entries):
            folder_bytes = sum(entry.file.size for entry in entries) if entries else None
            image_bytes = sum(layer.size for layer in content.layers) or image_bytes
    weights = weight_files(entries)
    return {
        "image_bytes": image_bytes,
        "folder_bytes": folder_bytes,
        "weights_bytes": sum(file.bytes for file in weights) if entries else None,
        "weights": weights,
    }


def _why_not(result: SandboxResult) -> str:
    if result.detail:
        return f"the program did not describe itself: {result.detail}"[:1000]
    if result.exit_code:
        return f"the program did not describe itself: it ended with exit code {result.exit_code}"
    return "the program does not speak the protocol describe"
