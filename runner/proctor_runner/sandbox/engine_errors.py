"""Whose fault it is when the engine says no.

An engine has one error for an image that cannot start and for a host that is out of disk. Only
what is known to depend on the image alone is charged to its owner; everything else is ours and is
tried again.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from proctor.spec.outcomes import Code, PlatformError

ENGINE_ERRORS = (DockerException, RequestException)

_ENGINE_FOLDERS = (
    *("/var/lib/docker", "/var/lib/containerd", "/var/lib/containers"),
    *("/run/docker", "/run/containerd", "/var/run/docker", "/var/run/containerd"),
)
_HOST_PHRASES = (
    "cgroup",
    "seccomp",
    "no space left",
    "cannot allocate memory",
    "too many open files",
    "resource temporarily unavailable",
    "input/output error",
)
_IMAGE_PHRASES = (
    "no command specified",
    "executable file not found",
    "exec format error",
    "exec:",
    "not a directory",
    "is a directory",
    "must be a mountpoint",
    "too many levels of symbolic links",
    "too many links in",
    "file name too long",
    "cannot mount volume over existing file",
    "inside /proc",
    # Something of the image hides /proc.
    "open /proc/",
)
# An image chooses its paths, so what a path says is no evidence.
_PATHS = re.compile(r'"[^"]*"|\S*/\S*')
_ARCHIVE_PHRASES = (
    "error processing tar file(exit status 1):",
    "duplicates of file paths not supported",
    "json: cannot unmarshal",
    "parsing time",
    "cannot load ",
    "layers length mismatch",
    "max depth exceeded",
    "non-empty layers in history",
)
_HOST_ENDS = (
    *("no space left on device", "disk quota exceeded", "read-only file system"),
    *("cannot allocate memory", "too many open files", "resource temporarily unavailable"),
    *("input/output error", "unexpected eof"),
)


@contextmanager
def ours(doing: str) -> Generator[None]:
    """Turn the engine's errors inside the block into ours.

    Raises:
        PlatformError: SANDBOX_FAILED, naming what was being done.
    """
    try:
        yield
    except ENGINE_ERRORS as error:
        raise PlatformError(
            Code.SANDBOX_FAILED, f"The Docker daemon failed while {doing}: {explain(error)}"
        ) from error


def explain(error: Exception, most_characters: int = 500) -> str:
    """Return what the engine said, on one line."""
    said = error.explanation if isinstance(error, APIError) and error.explanation else error
    return " ".join(str(said).split())[:most_characters]


def without_host_paths(said: str, folders: Iterable[str]) -> str:
    """Return what the engine said without the paths of this host in it.

    Paths inside the container stay: they are the image's own, and often what is wrong.

    Args:
        said: the engine's words.
        folders: this host's folders beside those that every engine uses.

    >>> without_host_paths('stat /no: lost; mkdir /srv/e/5f/merged/in: x "/srv/slot-1"', ["/srv"])
    'stat /no: lost; mkdir /in: x "[host]"'
    """
    # The longest first: one may lie in another.
    known = sorted({*folders, *_ENGINE_FOLDERS} - {"", "/"}, key=len, reverse=True)
    path = re.compile(rf'(?:{"|".join(map(re.escape, known))})(?=[/\s":,;)]|$)[^\s":,;)]*')
    return path.sub(lambda found: found[0].partition("/merged")[2] or "[host]", said)


def is_the_images_fault(error: APIError) -> bool:
    """Tell whether a container could not be made or started because of its image alone."""
    said = explain(error).lower()
    words = _PATHS.sub(" ", said)
    if any(phrase in words for phrase in _HOST_PHRASES):
        return False
    return any(phrase in said for phrase in _IMAGE_PHRASES)


def is_the_archives_fault(said: str) -> bool:
    """Tell whether an image was not loaded because of what is in it alone."""
    said = " ".join(said.lower().split())
    return any(phrase in said for phrase in _ARCHIVE_PHRASES) and not said.endswith(_HOST_ENDS)


def is_path_unknown(error: APIError, path: str) -> bool:
    """Tell whether the daemon does not see ``path``, which this process does."""
    said = explain(error)
    return "bind source path does not exist" in said and path in said
