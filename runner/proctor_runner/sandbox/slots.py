"""Slots: numbers that exactly one living process of this host holds, and with each a user id.

A slot is a lock on a file, so the kernel gives it back when its holder dies, however it dies.
Everything a sandbox leaves on the host carries the number of its slot and the id of the folder the
locks are in; whatever carries a number that nobody holds belongs to a dead worker. A slot of which
something stays that nobody can remove is set aside: its file says why, and nobody takes it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from proctor.spec.outcomes import Code, PlatformError

FIRST_UID = 61_000
_SLOT_COUNT = 1_000
_MOST_WHY_BYTES = 1_000
_HOST_FOLDER = Path("/run/lock/proctor")


class Slot:
    """A held slot; give it back with `release`."""

    def __init__(self, number: int, descriptor: int) -> None:
        self.number = number
        self._descriptor: int | None = descriptor

    @property
    def uid(self) -> int:
        """Return the user id that only this slot's jobs have."""
        return FIRST_UID + self.number

    def set_aside(self, why: str) -> None:
        """Have nobody take this slot until it is restored, whoever holds it until then.

        Raises:
            OSError: that cannot be written down.
        """
        self._say(why.encode()[:_MOST_WHY_BYTES] or b"?")

    def restore(self) -> None:
        """Let everybody take this slot again."""
        self._say(b"")

    def _say(self, content: bytes) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, content, 0)

    def release(self) -> None:
        """Give the slot back. Safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Slots:
    """The slots of one lock folder.

    Attributes:
        id: Random name of the folder; processes that do not share it never touch each other's
            leftovers.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or shared_folder()
        self._folder.mkdir(parents=True, exist_ok=True)
        self.id = _folder_id(self._folder)

    def take(self) -> Slot:
        """Return the lowest slot that nobody holds and that is not set aside.

        Raises:
            PlatformError: SANDBOX_FAILED, there is none.
        """
        for number in range(_SLOT_COUNT):
            slot = self._try(number)
            if slot is None:
                continue
            if not self._why(number):
                return slot
            slot.release()
        raise PlatformError(
            Code.SANDBOX_FAILED,
            f"All {_SLOT_COUNT} slots in {self._folder} are held or set aside.",
        )

    def aside(self) -> dict[int, str]:
        """Return why each slot that is set aside is so, by its number."""
        names = [path.name.removeprefix("slot-") for path in self._folder.glob("slot-*")]
        numbers = sorted(int(name) for name in names if name.isdecimal())
        return {number: why for number in numbers if (why := self._why(number))}

    def told_aside(self) -> tuple[str, ...]:
        """Return the same as sentences for operators."""
        return tuple(f"Slot {number} is set aside: {why}" for number, why in self.aside().items())

    @contextmanager
    def if_free(self, number: int) -> Generator[Slot | None]:
        """Hold slot ``number`` inside the block; yields None when somebody has it."""
        slot = self._try(number) if 0 <= number < _SLOT_COUNT else None
        try:
            yield slot
        finally:
            if slot is not None:
                slot.release()

    def _why(self, number: int) -> str:
        try:
            return (self._folder / f"slot-{number}").read_bytes().decode(errors="replace")
        except OSError:
            return ""

    def _try(self, number: int) -> Slot | None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._folder / f"slot-{number}", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return Slot(number, descriptor)


def shared_folder() -> Path:
    """Return the host-wide folder, or one of this user's own where it belongs to somebody else."""
    own = Path(tempfile.gettempdir()) / f"proctor-slots-{os.getuid()}"
    for folder in (_HOST_FOLDER, own):
        try:
            folder.mkdir(mode=0o700, parents=False, exist_ok=True)
        except OSError:
            continue
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            return folder
    raise PlatformError(
        Code.SANDBOX_FAILED, f"Neither {_HOST_FOLDER} nor {own} is a folder of this user's."
    )


def _folder_id(folder: Path) -> str:
    path = folder / "id"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as stream:
            stream.write(secrets.token_hex(8))
        try:
            # A link is made by one process only and is never seen half written.
            os.link(stream.name, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(stream.name)
    return path.read_text().strip()
