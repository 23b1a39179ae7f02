"""A large file goes up in parts, and goes on after every cut from where the platform has it.

The platform alone knows how far an upload is, so whatever went wrong (a lost connection, a platform
started anew, this program killed and run again) has one answer: ask, and go on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

from proctor.client.blobs import CHUNK_BYTES, Blob
from proctor.client.errors import ApiError, ClientError, HostError
from proctor.client.transport import RetryPolicy, Transport
from proctor.spec.outcomes import Code
from proctor.spec.uploads import PART_BYTES, UploadState

Sent = Callable[[int], None]
"""Called with the bytes of a file that are out."""

_LATER = frozenset({Code.CONFLICT, Code.STORAGE_FAILED})
_CHECKED_BYTES_PER_S = 50e6


class PartedUpload:
    """One file on its way to ``path``, for as many requests as it takes."""

    def __init__(
        self,
        wire: Transport,
        path: str,
        blob: Blob,
        retry: RetryPolicy,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._wire, self._path, self._blob = wire, path, blob
        self._retry, self._part_bytes = retry, part_bytes
        self._sent = 0

    def send(self, sent: Sent) -> int:
        """Send what the platform lacks of the file; return how many bytes that took.

        Raises:
            ApiError: the platform refused the file.
            HostError: it could not be reached for too long.
        """
        with _reader(self._blob) as reader:
            failures, begun_anew, state = 0, False, self._ask()
            while not state.complete:
                before = state.received
                sent(before)
                try:
                    state = self._send_part(reader, before, sent)
                    failures = 0
                    continue
                except (ApiError, HostError) as error:
                    # What an earlier upload of the same file left may be damaged; once it is gone
                    # only this file itself can be.
                    if _is(error, Code.DIGEST_MISMATCH) and not begun_anew:
                        begun_anew, state = True, UploadState(received=0, complete=False)
                        continue
                    if not _may_pass(error):
                        raise
                    failures += 1
                    if failures >= self._retry.upload_attempts:
                        raise
                self._retry.sleep(self._retry.pause_s(failures - 1, None))
                state = self._ask_patiently(state)
                if state.received > before:
                    failures = 0
        sent(self._blob.ref.size)
        return self._sent

    def _ask(self) -> UploadState:
        answer = self._wire.send("GET", self._path, params={"size": self._blob.ref.size}, safe=True)
        return UploadState.model_validate_json(answer.content)

    def _ask_patiently(self, last_known: UploadState) -> UploadState:
        """Ask how far the upload is; while nobody answers, what was known last will do."""
        try:
            return self._ask()
        except (ApiError, HostError) as error:
            if not _may_pass(error):
                raise
            return last_known

    def _send_part(self, reader: _Reader, start: int, sent: Sent) -> UploadState:
        size = self._blob.ref.size
        length = min(self._part_bytes, size - start)

        def body() -> Iterator[bytes]:
            for chunk in reader.read(start, length):
                yield chunk
                self._sent += len(chunk)
                sent(reader.position)

        last = start + length == size
        answer = self._wire.send(
            "PUT",
            self._path,
            params={"size": size, "offset": start},
            content=body,
            headers={"Content-Length": str(length), "Content-Type": "application/octet-stream"},
            safe=False,
            # The platform reads the whole once more before it answers the last part.
            longer_s=size / _CHECKED_BYTES_PER_S if last else 0.0,
        )
        return UploadState.model_validate_json(answer.content)


class _Reader:
    """A file read in order; it is opened again only to go back.

    To open it anew for every part would unpack a packed file from its start each time.
    """

    def __init__(self, blob: Blob) -> None:
        self._blob = blob
        self._stream: BinaryIO | None = None
        self.position = 0

    def read(self, start: int, length: int) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``start``.

        Raises:
            ClientError: the file ends before.
        """
        stream = self._at(start)
        end = start + length
        while self.position < end:
            chunk = stream.read(min(CHUNK_BYTES, end - self.position))
            if not chunk:
                raise ClientError(
                    f"A file of {self._blob.ref.size} bytes ended at {self.position}.",
                    "It changed while it was sent; begin again.",
                )
            self.position += len(chunk)
            yield chunk

    def _at(self, start: int) -> BinaryIO:
        if self._stream is None or start < self.position:
            self.close()
            self._stream, self.position = self._blob.open(), 0
        if start > self.position and self._stream.seekable():
            self._stream.seek(start)
            self.position = start
        stream = self._stream
        while self.position < start and (
            skipped := stream.read(min(CHUNK_BYTES, start - self.position))
        ):
            self.position += len(skipped)
        return stream

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


@contextmanager
def _reader(blob: Blob) -> Generator[_Reader]:
    with closing(_Reader(blob)) as reader:
        yield reader


def _is(error: Exception, code: Code) -> bool:
    return isinstance(error, ApiError) and error.problem.code is code


def _may_pass(error: Exception) -> bool:
    """Tell whether the same request may do better in a moment."""
    if isinstance(error, ApiError):
        return error.problem.code in _LATER or error.problem.status in (502, 503, 504)
    return isinstance(error, HostError)
