"""What the demo enters: the bundled challenges' baselines, as folders or as images of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import proctor
from proctor.cli.contents import docker_client
from proctor.cli.failures import CommandError

if TYPE_CHECKING:
    from proctor.spec.challenge import ChallengeSpec

SLUGS = ("digits", "mni152-tissue")


@dataclass(frozen=True)
class Entry:
    """One submission of the demo.

    Attributes:
        folder: The model's folder beside its challenge.
        image: The image to enter in the folder's place, built from its Dockerfile.
    """

    challenge: str
    folder: Path
    image: str | None

    @property
    def name(self) -> str:
        """What the progress calls it."""
        return f"{self.challenge}/{self.folder.name}"


def checkout() -> Path:
    """Return the root of the source checkout, where the bundled challenges are.

    Raises:
        CommandError: Proctor was installed without them.
    """
    root = Path(proctor.__file__).resolve().parents[2]
    if not all((root / "challenges" / slug / "prepare.py").is_file() for slug in SLUGS):
        raise CommandError(
            "The bundled challenges are not here; they come with the source checkout.",
            "Clone the repository and run `make demo` in it.",
        )
    return root


@contextmanager
def preparing(folders: list[Path]) -> Generator[Callable[[], list[str]]]:
    """Prepare challenges while something else is done; give what waits for them.

    What is given returns the last line of each ``prepare.py``. Leaving early ends them.

    Raises:
        CommandError: One of them failed.
    """
    running: list[_Preparation] = []
    try:
        for folder in folders:
            running.append(_Preparation.start(folder))
        yield lambda: [preparation.last_line() for preparation in running]
    finally:
        for preparation in running:
            preparation.end()


@dataclass(frozen=True)
class _Preparation:
    folder: Path
    output: IO[str]
    process: subprocess.Popen[str]

    @classmethod
    def start(cls, folder: Path) -> _Preparation:
        output = TemporaryFile("w+")  # noqa: SIM115  # closed by end()
        command = [sys.executable, "prepare.py"]
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return cls(folder, output, process)

    def last_line(self) -> str:
        self.process.wait()
        self.output.seek(0)
        lines = self.output.read().strip().splitlines() or [""]
        if self.process.returncode != 0:
            raise CommandError(
                f"{self.folder / 'prepare.py'} failed:\n" + "\n".join(lines[-15:]),
                "It needs what `pip install 'proctor[all]'` installs.",
            )
        return lines[-1]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.output.close()


def entries(folder: Path, spec: ChallengeSpec, *, images: bool) -> Iterator[Entry]:
    """Yield the baselines of a challenge; one with a Dockerfile is entered as an image.

    Args:
        images: Whether images can be run here; without, those baselines are left out.
    """
    for baseline in spec.baselines:
        place = folder / baseline
        if not (place / "Dockerfile").is_file():
            yield Entry(spec.slug, place, None)
        elif images:
            yield Entry(spec.slug, place, f"proctor-demo/{spec.slug}-{place.name}:latest")


def left_out(folder: Path, spec: ChallengeSpec) -> list[str]:
    """Return the baselines that exist as images only."""
    return [
        f"{spec.slug}/{Path(baseline).name}"
        for baseline in spec.baselines
        if (folder / baseline / "Dockerfile").is_file()
    ]


def build_image(entry: Entry) -> None:
    """Build an entry's image from its Dockerfile, as a participant would.

    Raises:
        CommandError: The build failed.
    """
    from docker.errors import APIError, BuildError

    try:
        with docker_client() as daemon:
            daemon.images.build(
                path=str(entry.folder), tag=entry.image, network_mode="none", rm=True, forcerm=True
            )
    except (BuildError, APIError) as error:
        raise CommandError(f"Building the image of {entry.name} failed: {error}.") from error
