"""``python -m proctor_runner.images``: have the images a worker needs on this host's Docker daemon.

For a host that runs no `proctor up`: one with workers alone, or an organizer's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import docker
from docker.errors import DockerException

from proctor_runner.images.builder import ImageBuilder
from proctor_runner.images.errors import ImageBuildError

_DAEMON_LIMIT_S = 600


def main() -> int:
    """Build what is not there and print the ids; return an exit status."""
    parser = argparse.ArgumentParser(prog="python -m proctor_runner.images", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="keeps wheels between builds")
    parser.add_argument("--base", help="image to start from, instead of the first to be had")
    parser.add_argument("--torch", action="store_true", help="make runtime-torch as well")
    parser.add_argument(
        "--requirements",
        type=Path,
        help="of runtime-torch: pins with hashes, for the CPU alone or another CUDA",
    )
    given = parser.parse_args()
    try:
        client = docker.from_env(timeout=_DAEMON_LIMIT_S)
        builder = ImageBuilder(client, given.cache, _say, given.base)
        print("runtime-cpu", builder.ensure_runtime())
        print("decode", builder.ensure_decode())
        if given.torch:
            print("runtime-torch", builder.ensure_torch(given.requirements))
    except DockerException as error:
        _say(f"No Docker daemon answers: {error}")
        return 1
    except ImageBuildError as error:
        _say(str(error))
        return 1
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
