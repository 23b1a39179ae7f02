"""Debian packages this machine lacks, installed where that is allowed, and said so first."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_INSTALL_LIMIT_S = 900


@dataclass(frozen=True)
class Machine:
    """What may be done to this machine, and how: tests put another one in its place."""

    is_root: bool
    is_debian: bool
    has_systemd: bool
    find_program: Callable[[str], str | None]
    run: Callable[[Sequence[str]], str | None]
    """Run a command to its end; return why it failed, or None."""


def this_machine() -> Machine:
    """Return the machine this process runs on."""
    return Machine(
        is_root=os.geteuid() == 0,
        is_debian=Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None,
        has_systemd=Path("/run/systemd/system").exists(),
        find_program=_find_program,
        run=_run,
    )


def install(machine: Machine, packages: Sequence[str], say: Callable[[str], None]) -> str | None:
    """Install Debian packages; return why that was not done, or None.

    Args:
        machine: The machine to change.
        packages: Names of Debian packages.
        say: Receives a line before anything is changed.
    """
    names = " ".join(packages)
    if not machine.is_root or not machine.is_debian:
        lacking = "root" if machine.is_debian else "Debian"
        return f"{names} can only be installed as root on Debian, and this is not {lacking}"
    say(f"Installing {names} with apt-get.")
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if machine.run(command) is None:
        return None
    # A fresh machine has no package lists yet, or old ones.
    return machine.run(["apt-get", "update"]) or machine.run(command)


def ensure_program(
    machine: Machine, program: str, packages: Sequence[str], say: Callable[[str], None]
) -> str | None:
    """Install the packages of a missing program; return why it is still missing, or None."""
    return None if machine.find_program(program) else install(machine, packages, say)


def _find_program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")


def _run(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INSTALL_LIMIT_S,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except OSError as error:
        return f"{command[0]} cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"{' '.join(command[:2])} took longer than {_INSTALL_LIMIT_S} s"
    if done.returncode == 0:
        return None
    lines = (done.stderr or done.stdout).strip().splitlines()
    return f"{' '.join(command[:2])} failed: {' '.join(lines[-3:])}"
