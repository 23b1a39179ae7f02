"""Runs git on a repository of a stranger: no prompt, no settings of this person, no other protocol.

Nothing of this person's configuration is read, so no helper gives a password away and no alias,
hook or filter runs. A fetch is watched and ended when it takes too long or too much room.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

_LONGEST_S = 600.0
_LOOK_S = 0.05
_CHUNK_BYTES = 1 << 20
_HEAD_BYTES = 1024
_MOST_SAID_BYTES = 16 << 20
_MOST_ERROR_BYTES = 400


class GitError(Exception):
    """Git did not do what was asked; the text says why."""


class ObjectReader:
    """The files of a repository by the names of their objects."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._ask, self._answer = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)

    def copy(self, object_id: str, size: int, target: IO[bytes]) -> bytes:
        """Write an object's bytes to ``target`` and return the first of them.

        Raises:
            GitError: it is not there with this size.
        """
        self._ask.write(f"{object_id}\n".encode())
        self._ask.flush()
        said = self._answer.readline().split()
        if said != [object_id.encode(), b"blob", str(size).encode()]:
            raise GitError(f"the object {object_id} is missing or damaged")
        head, left = b"", size
        while left:
            chunk = self._answer.read(min(_CHUNK_BYTES, left))
            if not chunk:
                raise GitError(f"the object {object_id} is cut off")
            head = head or chunk[:_HEAD_BYTES]
            target.write(chunk)
            left -= len(chunk)
        self._answer.read(1)
        return head


class Git:
    """Git in a folder of its own, which need not exist yet.

    Args:
        scheme: The one protocol it may speak.
        network: Variables it needs to find programs and reach the network.
    """

    def __init__(self, folder: Path, scheme: str, network: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = {
            **network,
            "HOME": str(folder),
            "LC_ALL": "C",
            "GIT_DIR": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": scheme,
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
        }

    def run(self, *arguments: str, most_bytes: int | None = None) -> bytes:
        """Return what a command prints.

        Args:
            most_bytes: How large the folder may become.

        Raises:
            GitError: it failed, took too long or took too much room.
        """
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as error:
            process = self._start(arguments, subprocess.DEVNULL, said, error)
            with _ended(process):
                self._watch(process, most_bytes, said)
            if process.returncode != 0:
                error.seek(0)
                text = error.read(_MOST_ERROR_BYTES).decode(errors="replace")
                raise GitError(" ".join(text.split()).rstrip(".") or "git failed")
            said.seek(0)
            return said.read()

    @contextmanager
    def objects(self) -> Generator[ObjectReader]:
        """Give what reads the repository's files."""
        pipe = subprocess.PIPE
        process = self._start(("cat-file", "--batch"), pipe, pipe, subprocess.DEVNULL)
        with process, _ended(process):
            yield ObjectReader(process)

    def _start(
        self,
        arguments: tuple[str, ...],
        given: int,
        said: int | IO[bytes],
        error: int | IO[bytes],
    ) -> subprocess.Popen[bytes]:
        settings = (
            *("-c", "http.followRedirects=false", "-c", "credential.helper="),
            *("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
            *("-c", "fetch.fsckObjects=false", "-c", "submodule.recurse=false"),
        )
        try:
            return subprocess.Popen(
                ["git", *settings, *arguments],
                env=self._environment,
                stdin=given,
                stdout=said,
                stderr=error,
                start_new_session=True,
            )
        except FileNotFoundError as missing:
            raise GitError("git is not installed here") from missing

    def _watch(
        self, process: subprocess.Popen[bytes], most_bytes: int | None, said: IO[bytes]
    ) -> None:
        ends_at = time.monotonic() + _LONGEST_S
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
                return
            if time.monotonic() > ends_at:
                raise GitError(f"git took longer than {_LONGEST_S:g} s")
            # A few trees that name each other many times list without end.
            if os.fstat(said.fileno()).st_size > _MOST_SAID_BYTES:
                raise GitError("git says more than a model's repository gives reason to")
            if most_bytes is not None and _held_bytes(self.folder) > most_bytes:
                raise GitError(f"the repository is larger than {most_bytes} bytes")


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Generator[None]:
    """End a command with all it started, however the block ends."""
    try:
        yield
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _held_bytes(folder: Path) -> int:
    held = 0
    # Git makes and removes files all the while.
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                held += (Path(place) / name).lstat().st_size
    return held
