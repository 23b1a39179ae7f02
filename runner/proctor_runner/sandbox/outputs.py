"""Collects declared output files from a folder that a stranger filled.

Names come from the task or the contract; where a contract leaves a name to the program, its folder
is listed and must hold one file. A file counts only if it is a plain file with one
name: a link may point at a secret, opening a pipe may wait for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

SYMBOLIC_LINK = "is a symbolic link"
HARD_LINK = "has a second name (a hard link)"
UNREADABLE = "cannot be read"
NO_FOLDER = "lies below something that is no folder"
CHANGED = "changed while it was collected"
NOT_ONE_FILE = "is not exactly one file"
ANY_FILE = "*"
"""The last part of a path that stands for the only file of its folder."""

_CHUNK_BYTES = 1 << 20
_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISLNK, SYMBOLIC_LINK),
)


@dataclass
class Collected:
    """What was found of the files asked for."""

    outputs: dict[str, Path] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def collect(source: Path, names: Iterable[str], destination: Path, most_bytes: int) -> Collected:
    """Copy the files called ``names`` from ``source`` into ``destination`` by their flat names.

    A name is a path below ``source``; no link on the way is followed.

    The program that wrote them must have ended: a file that grows is reported, not followed.

    Raises:
        OSError: ``source`` itself cannot be opened, or ``destination`` cannot be written.
    """
    collected = Collected()
    folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for name in names:
            try:
                descriptor = _open(folder, name)
            except FileNotFoundError:
                collected.missing.append(name)
                continue
            except _NotOneFileError:
                collected.problems[name] = NOT_ONE_FILE
                continue
            except OSError as error:
                collected.problems[name] = _phrase(error)
                continue
            target = destination / flat_name(name)
            try:
                problem = judge(os.fstat(descriptor), most_bytes)
                problem = problem or _copy(descriptor, target)
            finally:
                os.close(descriptor)
            if problem:
                collected.problems[name] = problem
            else:
                collected.outputs[name] = target
    finally:
        os.close(folder)
    return collected


def flat_name(name: str) -> str:
    """Return what a collected file is called on this side: a path without folders.

    >>> flat_name("seg.nii.gz"), flat_name("images/lesions/*")
    ('seg.nii.gz', 'images+lesions+one')
    """
    return name.replace("/", "+").replace(ANY_FILE, "one")


def collect_below(
    area: Path, below: str, names: Iterable[str], destination: Path, most_bytes: int
) -> Collected:
    """Collect from the folder ``below`` of ``area``, which a program made and nobody changes now.

    Raises:
        OSError: ``destination`` cannot be written.
    """
    folder = area / below
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return Collected(missing=list(names))
    if not stat.S_ISDIR(found.st_mode):
        return Collected(problems=dict.fromkeys(names, NO_FOLDER))
    return collect(folder, names, destination, most_bytes)


def judge(found: os.stat_result, most_bytes: int) -> str:
    """Return why a file is not collected, as a phrase; empty when it is a plain file."""
    return judge_facts(found.st_mode, found.st_nlink, found.st_size, most_bytes)


def judge_facts(mode: int, names: int, size_bytes: int, most_bytes: int) -> str:
    """Return why a file of this mode, number of names and size is not collected, or nothing."""
    if not stat.S_ISREG(mode):
        return next((phrase for test, phrase in _KINDS if test(mode)), "is a device")
    if names != 1:
        return HARD_LINK
    if size_bytes > most_bytes:
        return f"has {size_bytes} bytes; {most_bytes} are allowed"
    return ""


class _NotOneFileError(Exception):
    """A folder holds none, or several."""


def _open(source: int, name: str) -> int:
    """Open a file below the folder ``source``, every folder on the way without following links."""
    *parents, last = name.split("/")
    folder = os.dup(source)
    try:
        for parent in parents:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(parent, flags, dir_fd=folder)
            os.close(folder)
            folder = inner
        if last == ANY_FILE:
            found = os.listdir(folder)
            if len(found) != 1:
                raise _NotOneFileError
            last = found[0]
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        return os.open(last, flags, dir_fd=folder)
    finally:
        os.close(folder)


def _phrase(error: OSError) -> str:
    if error.errno == errno.ENOTDIR:
        return NO_FOLDER
    if error.errno == errno.ELOOP:
        return SYMBOLIC_LINK
    if error.errno == errno.ENXIO:
        return "is a socket"
    return UNREADABLE


def _copy(descriptor: int, path: Path) -> str:
    expected = os.fstat(descriptor).st_size
    copied = 0
    with path.open("xb") as target:
        while chunk := os.read(descriptor, min(_CHUNK_BYTES, expected + 1 - copied)):
            copied += len(chunk)
            if copied > expected:
                break
            target.write(chunk)
    if copied != expected:
        path.unlink()
        return CHANGED
    return ""
