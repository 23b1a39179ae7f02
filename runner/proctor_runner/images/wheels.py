"""Wheels for an image's Python, downloaded on the host.

A build has no network, so the host's pip fetches what the image's pip then installs. The host's
Python and the image's may differ: the target is asked of the base image and named to pip by hand.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from proctor_runner.images.errors import ImageBuildError

PROBE = (
    "import json,platform,sys;"
    "print(json.dumps([sys.version_info[0],sys.version_info[1],platform.machine(),*platform.libc_ver()]))"
)
_OLDEST_GLIBC_MINOR = 5
_DOWNLOAD_LIMIT_S = 900


@dataclass(frozen=True)
class PythonTarget:
    """The interpreter of a base image, as far as wheels care."""

    major: int
    minor: int
    machine: str
    glibc_minor: int

    @property
    def name(self) -> str:
        """Return a folder name of this target's own, such as `cp311-x86_64-glibc2.36`."""
        return f"cp{self.major}{self.minor}-{self.machine}-glibc2.{self.glibc_minor}"

    @property
    def platforms(self) -> list[str]:
        """Return the platform tags whose wheels run on this target, the newest first."""
        newer = range(self.glibc_minor, _OLDEST_GLIBC_MINOR - 1, -1)
        return [f"manylinux_2_{minor}_{self.machine}" for minor in newer] + [
            f"manylinux2014_{self.machine}"
        ]


def parse_probe(answer: list[object], base: str) -> PythonTarget:
    """Return the target that `PROBE` printed inside the base image.

    Raises:
        ImageBuildError: The base image has no Python, or one without glibc.
    """
    match answer:
        case [int(major), int(minor), str(machine), "glibc", str(version)] if version.startswith(
            "2."
        ):
            return PythonTarget(major, minor, machine, int(version.split(".")[1]))
        case _:
            raise ImageBuildError(
                f"The base image {base} answered {answer!r} when asked for its Python.",
                "Choose a base with Python 3 on glibc, such as python:3.12-slim.",
            )


def pinned_names(requirements: str) -> list[str]:
    """Return the projects pinned in a requirements file, as `name==version`."""
    return re.findall(r"^([A-Za-z0-9._-]+==[^\s\\;]+)", requirements, flags=re.MULTILINE)


def download_wheels(requirements: Path, target: PythonTarget, cache: Path) -> dict[str, Path]:
    """Return the wheels a requirements file pins, by file name; fetch those not in the cache.

    Args:
        requirements: Pins with hashes; every needed project is listed, none is added.
        target: The Python to install for.
        cache: Folder that keeps wheels between builds.

    Raises:
        ImageBuildError: pip could not fetch them, or a hash is not the pinned one.
    """
    folder = cache / target.name
    folder.mkdir(parents=True, exist_ok=True)
    pins = pinned_names(requirements.read_text())
    found = _cached(pins, folder)
    if len(found) < len(pins):
        _run_pip(requirements, target, folder)
        found = _cached(pins, folder)
    if len(found) < len(pins):
        raise ImageBuildError(
            f"pip downloaded {len(found)} of {len(pins)} wheels into {folder}.",
            "Delete that folder and try again.",
        )
    return found


def _cached(pins: list[str], folder: Path) -> dict[str, Path]:
    by_pin: dict[str, Path] = {}
    for path in sorted(folder.glob("*.whl")):
        project, version = path.name.split("-")[:2]
        by_pin[f"{_normalized(project)}=={version}"] = path
    wanted = [
        f"{_normalized(name)}=={version}" for name, version in (pin.split("==") for pin in pins)
    ]
    return {by_pin[pin].name: by_pin[pin] for pin in wanted if pin in by_pin}


def _normalized(project: str) -> str:
    return re.sub(r"[-_.]+", "-", project).lower()


def _run_pip(requirements: Path, target: PythonTarget, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "--implementation", "cp"]
    command += ["--python-version", f"{target.major}.{target.minor}"]
    for platform in target.platforms:
        command += ["--platform", platform]
    command += ["--requirement", str(requirements), "--dest", str(folder)]
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_DOWNLOAD_LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise ImageBuildError(
            f"pip did not download the wheels of {requirements.name} within {_DOWNLOAD_LIMIT_S} s.",
            "Check the connection to the package index and try again; what arrived is kept.",
        ) from error
    except subprocess.CalledProcessError as error:
        last_lines = "\n".join(error.stderr.strip().splitlines()[-5:])
        raise ImageBuildError(
            f"pip could not download the wheels for {target.name}: {last_lines}",
            "Check this machine's connection to its package index and try again.",
        ) from error
