"""Files on their way to and from a platform, known by digest."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from proctor.client.errors import ClientError
from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes, digest_file

CHUNK_BYTES = 1 << 20


class DownloadError(ClientError):
    """What arrived is not what its digest says; nothing was kept."""


@dataclass(frozen=True)
class Blob:
    """Bytes to upload: their digest and size, and how to read them from the start."""

    ref: FileRef
    open: Callable[[], BinaryIO]

    @classmethod
    def of_file(cls, path: Path, ref: FileRef | None = None) -> Blob:
        """Describe the file at ``path``; its digest is computed when not given."""
        return cls(ref or digest_file(path), lambda: path.open("rb"))

    @classmethod
    def of_bytes(cls, content: bytes) -> Blob:
        """Describe bytes in memory."""
        ref = FileRef(digest=digest_bytes(content), size=len(content))
        return cls(ref, lambda: BytesIO(content))

    def chunks(self, sent: Callable[[int], None]) -> Iterator[bytes]:
        """Yield the bytes, telling ``sent`` how many of this blob are out."""
        total = 0
        with self.open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
                total += len(chunk)
                sent(total)


def store(chunks: Iterator[bytes], digest: str, path: Path) -> None:
    """Write ``chunks`` to ``path`` once all have arrived and the digest is right.

    Raises:
        DownloadError: the bytes have another digest.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".download-", dir=path.parent)
    temporary = Path(name)
    try:
        state = hashlib.sha256()
        with os.fdopen(handle, "wb") as stream:
            for chunk in chunks:
                state.update(chunk)
                stream.write(chunk)
        found = f"sha256:{state.hexdigest()}"
        if found != digest:
            raise DownloadError(
                f"What arrived for {digest} has the digest {found}; nothing was kept.",
                "Try again; if it stays, the platform's storage is damaged.",
            )
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
