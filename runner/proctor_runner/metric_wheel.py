"""The metric package as a wheel: what scored is kept beside the scores.

The wheel is made of the source that this process has imported, so it cannot be another one. Its
bytes depend on that source and the versions of its libraries alone: nothing is compressed, every
time is fixed, and files come in the order of their names.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import proctor_metrics
from proctor.spec.digests import digest_entries, read_folder

LIBRARIES = (
    "numpy",
    "scipy",
    "numba",
    "llvmlite",
    "nibabel",
    "isal",
    "rouge-score",
    "sacrebleu",
    "proctor",
)
"""What can change a score: the libraries of metrics and of loading, and Proctor itself."""

PACKAGE = "proctor_metrics"
_NEEDED = tuple(name for name in LIBRARIES if name != "proctor")
_WHEEL = "Wheel-Version: 1.0\nGenerator: proctor\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16


@cache
def metric_code_digest() -> str:
    """Return the digest of the metric package's source on this machine."""
    return digest_entries(read_folder(_source()))


@cache
def metric_wheel() -> bytes:
    """Return the metric package of this process as a wheel."""
    label = f"{version('proctor')}+{metric_code_digest().removeprefix('sha256:')[:12]}"
    information = f"{PACKAGE}-{label}.dist-info"
    files = {
        f"{PACKAGE}/{entry.path}": (_source() / entry.path).read_bytes()
        for entry in read_folder(_source())
    }
    files[f"{information}/METADATA"] = _metadata(label).encode()
    files[f"{information}/WHEEL"] = _WHEEL.encode()
    record = "".join(f"{name},{_record(content)}\n" for name, content in sorted(files.items()))
    files[f"{information}/RECORD"] = f"{record}{information}/RECORD,,\n".encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as wheel:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name, _FIRST_DAY)
            member.external_attr = _REGULAR_FILE
            member.create_system = 3
            wheel.writestr(member, content)
    return stream.getvalue()


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of what can change a score here."""
    return {name: version(name) for name in LIBRARIES}


def _source() -> Path:
    return Path(proctor_metrics.__file__).parent


def _metadata(label: str) -> str:
    pins = "".join(f"Requires-Dist: {name}=={version(name)}\n" for name in _NEEDED)
    return (
        f"Metadata-Version: 2.1\nName: {PACKAGE.replace('_', '-')}\nVersion: {label}\n"
        f"Summary: The metrics that an evaluation was scored with\n{pins}"
    )


def _record(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"
