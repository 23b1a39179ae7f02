"""A platform's files, by digest: up only what it lacks, down only what is what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import httpx2

from proctor.client.blobs import Blob, DownloadError, store
from proctor.client.connection import API, Connection
from proctor.client.errors import HostError
from proctor.client.parts import PartedUpload
from proctor.client.transport import RetryPolicy
from proctor.spec.digests import digest_bytes, digest_file
from proctor.spec.uploads import PART_BYTES, MissingReply, MissingRequest, PlatformLimits

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

_DIGESTS_PER_REQUEST = 10_000


class Files(Connection):
    """The part of a client that moves files."""

    def __init__(
        self,
        host: str,
        token: str | None,
        *,
        retry: RetryPolicy | None,
        timeout_s: float,
        transport: httpx2.BaseTransport | None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        super().__init__(host, token, retry=retry, timeout_s=timeout_s, transport=transport)
        self._part_bytes = part_bytes

    def limits(self) -> PlatformLimits:
        """Say what the platform takes."""
        return self._get(PlatformLimits, "/limits")

    def missing_blobs(self, digests: Sequence[str]) -> set[str]:
        """Tell which of ``digests`` must be uploaded."""
        missing: set[str] = set()
        for start in range(0, len(digests), _DIGESTS_PER_REQUEST):
            request = MissingRequest(digests=tuple(digests[start : start + _DIGESTS_PER_REQUEST]))
            missing |= set(self._post(MissingReply, "/blobs/missing", request, safe=True).missing)
        return missing

    def put_blob(self, blob: Blob, sent: Callable[[int], None] = lambda _: None) -> int:
        """Upload one file, a large one in parts; return how many bytes of it had to be sent."""
        path = f"{API}/blobs/{blob.ref.digest}"
        if blob.ref.size > self._part_bytes:
            parts = PartedUpload(self._wire, f"{path}/upload", blob, self._retry, self._part_bytes)
            return parts.send(sent)
        self._wire.send(
            "PUT",
            path,
            content=lambda: blob.chunks(sent),
            headers={
                "Content-Length": str(blob.ref.size),
                "Content-Type": "application/octet-stream",
            },
            safe=True,
        )
        return blob.ref.size

    def upload(self, blobs: Iterable[Blob], progress: Progress | None = None) -> int:
        """Upload what the platform lacks of ``blobs`` and return how many bytes that was.

        Of a file that an earlier call did not bring to its end only the rest is sent.
        """
        by_digest = {blob.ref.digest: blob for blob in blobs}
        missing = self.missing_blobs(list(by_digest))
        wanted = [blob for digest, blob in by_digest.items() if digest in missing]
        total, done, sent = sum(blob.ref.size for blob in wanted), 0, 0
        report = progress or _silently
        report(0, total)
        for blob in wanted:
            sent += self.put_blob(blob, partial(_add, report, done, total))
            done += blob.ref.size
        return sent

    def get_blob(self, digest: str) -> bytes:
        """Return a file's bytes, verified.

        Raises:
            DownloadError: the bytes have another digest.
        """
        content = self._wire.send("GET", f"{API}/blobs/{digest}", safe=True).content
        return verified(content, digest)

    def download(self, digest: str, path: Path) -> None:
        """Bring a file to ``path``, verified; one that is there already is not sent again.

        Raises:
            DownloadError: the bytes have another digest.
        """
        if path.is_file() and digest_file(path).digest == digest:
            return
        for attempt in range(self._retry.attempts):
            try:
                with self._wire.stream(f"{API}/blobs/{digest}") as incoming:
                    store(incoming.chunks, digest, path)
                return
            except HostError:
                if attempt + 1 == self._retry.attempts:
                    raise
                self._retry.sleep(self._retry.pause_s(attempt, None))


def verified(content: bytes, digest: str) -> bytes:
    """Return bytes that have the digest.

    Raises:
        DownloadError: they have another.
    """
    if digest_bytes(content) != digest:
        raise DownloadError(f"What arrived for {digest} has another digest.", "Try again.")
    return content


def _silently(_done: int, _total: int) -> None:
    pass


def _add(report: Progress, before: int, total: int, sent: int) -> None:
    report(before + sent, total)
