"""What goes into an image: its files, their digest, and the archive the Docker daemon reads.

Knows neither Docker nor the network. The hard part is that the digest must change exactly when the
image would: it covers the Dockerfile, the pinned packages, our own sources and the base image, and
leaves out file times, owners, bytecode and the wheels themselves, whose hashes are in the pinned
packages already.
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from proctor_runner.images.errors import ImageBuildError

_FOLDER_MODE = 0o755
_FILE_MODE = 0o644
_SHOWN_DIGEST_LENGTH = 12


@dataclass(frozen=True)
class ImageRecipe:
    """The inputs of one image: the files of its build context but the wheels, and its base."""

    repository: str
    base: str
    base_id: str
    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """Return the hexadecimal SHA-256 of everything that decides what the image holds."""
        listed = [
            [path, hashlib.sha256(data).hexdigest()] for path, data in sorted(self.files.items())
        ]
        canonical = json.dumps([self.base_id, listed], separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def tag(self) -> str:
        """Return the image's own tag: the same inputs have the same tag, other inputs another."""
        return f"{self.repository}:{self.digest[:_SHOWN_DIGEST_LENGTH]}"


def source_files(package: Path, under: str) -> dict[str, bytes]:
    """Return a package's files by their place below the context folder `under`, without bytecode.

    Raises:
        ImageBuildError: The package is missing or empty.
    """
    files = {
        f"{under}/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    if not files:
        raise ImageBuildError(f"{package} holds no sources.", "Install the whole of proctor.")
    return files


def write_archive(
    target: IO[bytes], files: Mapping[str, bytes], wheels: Mapping[str, Path]
) -> None:
    """Write a build context as a tar archive without times or owners.

    Docker's own layer cache then applies to a context made again.
    """
    with tarfile.open(fileobj=target, mode="w") as archive:
        for folder in sorted({parent for path in files for parent in _parents(path)} | {"wheels"}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, _FOLDER_MODE
            archive.addfile(entry)
        for path, data in sorted(files.items()):
            archive.addfile(_file_entry(path, len(data)), io.BytesIO(data))
        for name, wheel in sorted(wheels.items()):
            with wheel.open("rb") as stream:
                archive.addfile(_file_entry(f"wheels/{name}", wheel.stat().st_size), stream)


def _parents(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def _file_entry(path: str, size_bytes: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = size_bytes, _FILE_MODE
    return entry
