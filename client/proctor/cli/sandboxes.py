"""Gets a sandbox ready: a Docker daemon and Proctor's own images, else the process sandbox.

The process sandbox keeps few of a sandbox's promises, so whoever gets it is told in loud words.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.failures import CommandError, Exit

if TYPE_CHECKING:
    from proctor.cli.services.process_tree import ProcessTree

SANDBOXES = ("auto", "docker", "process")

_WARNING = """\
**********************************************************************
*  The PROCESS sandbox is in use: {reason}.
*  Models run as plain processes of this machine. Network, files and
*  system calls are open to them. Run only models that you trust.
**********************************************************************"""


@dataclass(frozen=True)
class ReadySandbox:
    """A sandbox that can be used now.

    Attributes:
        name: ``docker`` or ``process``.
        decode_image: Id of the image that decodes; empty for the process sandbox.
        runtime_image: Id of the approved runtime image; empty for the process sandbox.
    """

    name: str
    decode_image: str = ""
    runtime_image: str = ""


@contextmanager
def ready_sandbox(
    tree: ProcessTree, wanted: str, images: Path, say: Callable[[str], None]
) -> Generator[ReadySandbox]:
    """Give the sandbox that is wanted, or the best there is for ``auto``.

    Args:
        tree: Runs a daemon that has to be started.
        images: Folder that keeps what images are made of.

    Raises:
        CommandError: There is no such sandbox, or it cannot be had here.
    """
    _refuse_unknown(wanted)
    if wanted == "process":
        say(_WARNING.format(reason="it was asked for"))
        yield ReadySandbox("process")
        return
    from proctor.cli.services.docker_daemon import DockerUnavailable, docker_daemon

    with docker_daemon(tree, say) as daemon:
        if isinstance(daemon, DockerUnavailable):
            if wanted == "docker":
                raise CommandError(
                    f"The docker sandbox cannot be used: {daemon.reason}.",
                    "Start a Docker daemon, or choose --sandbox process for models you trust.",
                )
            say(_WARNING.format(reason=daemon.reason))
            yield ReadySandbox("process")
        else:
            yield _with_images(images, say)


def usable_sandbox(wanted: str, images: Path, say: Callable[[str], None]) -> str:
    """Return the name of a sandbox for a local run; nothing is started or installed for it.

    Raises:
        CommandError: There is no such sandbox.
    """
    _refuse_unknown(wanted)
    if wanted != "process":
        from proctor.cli.services.docker_daemon import daemon_answers

        if wanted == "docker" or daemon_answers():
            ready = _with_images(images, say)
            say("Using the docker sandbox, as a platform does.")
            return ready.name
    reason = "it was asked for" if wanted == "process" else "no Docker daemon answers"
    say(_WARNING.format(reason=reason))
    return "process"


def _refuse_unknown(wanted: str) -> None:
    if wanted not in SANDBOXES:
        raise CommandError(
            f"There is no sandbox {wanted!r}.", f"Choose {', '.join(SANDBOXES)}.", Exit.USAGE
        )


def _with_images(images: Path, say: Callable[[str], None]) -> ReadySandbox:
    from proctor.cli.contents import docker_client
    from proctor.cli.services.debian import ensure_program, this_machine
    from proctor_runner.images.builder import ImageBuilder

    with docker_client() as daemon:
        builder = ImageBuilder(
            daemon,
            images,
            say,
            bring_debootstrap=lambda: ensure_program(
                this_machine(), "debootstrap", ["debootstrap"], say
            ),
        )
        decode = builder.ensure_decode()
        return ReadySandbox("docker", decode, builder.ensure_runtime())
