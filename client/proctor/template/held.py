"""A small file that was sent: bytes in memory, and a file once somebody needs one.

Most readers take bytes as well as a file, and to write a file, open it twice and remove it again
costs more than the rest of a small request. `HeldFile` has of `pathlib.Path` what such readers use;
the others, and models that look for the file itself, ask for `path`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Union

if TYPE_CHECKING:
    from collections.abc import Callable


class HeldFile:
    """Bytes with the name of a file.

    Args:
        name: What the file is called once it is one.
        folder: Returns the folder that it is then written to.

    Attributes:
        suffix: The end of its name, as of a path.
        written: Where it lies, once it does.
    """

    def __init__(self, name: str, folder: Callable[[], Path], content: bytes = b"") -> None:
        self.name = name
        self.suffix = name[name.rfind(".") :] if "." in name else ""
        self._folder = folder
        self._content = content
        self.written: Path | None = None

    @property
    def path(self) -> Path:
        """Return where it lies; it is written now if it was not before."""
        if self.written is None:
            path = self._folder() / self.name
            path.write_bytes(self._content)
            self.written = path
        return self.written

    def open(self, mode: str) -> BinaryIO:
        """Open it: ``rb`` to read it, ``wb`` to fill it before anybody reads."""
        return io.BytesIO(self._content) if mode == "rb" else _Filling(self)

    def read_bytes(self) -> bytes:
        """Return all of it."""
        return self._content

    def write_bytes(self, content: bytes) -> None:
        """Fill it before anybody reads."""
        self._content = content


class _Filling(io.BytesIO):
    """Writes to a held file, which has the bytes when this is closed."""

    def __init__(self, file: HeldFile) -> None:
        super().__init__()
        self._file = file

    def close(self) -> None:
        if not self.closed:
            self._file.write_bytes(self.getvalue())
        super().close()


File = Union[Path, HeldFile]  # noqa: UP007  # Python 3.8
"""A file on disk, or one that is in memory so far."""


def on_disk(file: File) -> Path:
    """Return the path of a file for whoever can use nothing else."""
    return file if isinstance(file, Path) else file.path
