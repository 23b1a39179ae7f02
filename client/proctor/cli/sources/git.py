"""A model folder from a git repository at a commit, without ever checking anything out.

The files are read from git's objects: no hook, no filter, no attribute and no submodule of a
stranger's repository has a say, and every path is checked before a file of that name is made here.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from proctor.cli.failures import CommandError, Exit
from proctor.cli.sources.git_process import Git, GitError
from proctor.spec.api import Source, SourceKind
from proctor.spec.base import FileRef
from proctor.spec.digests import FolderEntry

PREFIX = "git+"

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~+-]+)+/?")
_MOST_FILES = 20_000
_UNKNOWN = "not our ref"
_LFS_MARK = b"version https://git-lfs.github.com/spec/"
_MOST_LFS_BYTES = 1024
_EMPTY = FileRef(digest="sha256:" + "0" * 64, size=0)


@dataclass(frozen=True)
class GitReference:
    """A folder of a repository at a revision.

    Attributes:
        url: The repository, without ``git+``.
        revision: A commit, or for now the name of something that moves.
        folder: Inside the repository; empty for all of it.
    """

    url: str
    revision: str
    folder: str


class GitFolder(NamedTuple):
    """A folder of files that came from a repository."""

    path: Path
    source: Source


class _Listed(NamedTuple):
    path: str
    executable: bool
    object_id: str
    size: int


def parse_git_reference(text: str, hosts: Sequence[str]) -> GitReference:
    """Read ``git+https://HOST/OWNER/REPOSITORY@COMMIT#FOLDER``.

    Args:
        hosts: Those that the platform lets a source name.

    Raises:
        CommandError: it is no such address, it holds credentials, or names another host.
    """
    address, _, folder = text.removeprefix(PREFIX).partition("#")
    try:
        parts = urlsplit(address)
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError as error:
        raise _usage(f"{text} cannot be read") from error
    if "@" in parts.netloc:
        raise _usage("A repository's address holds no user name and no password")
    path, at, revision = parts.path.rpartition("@")
    if not at or not _REVISION.fullmatch(revision) or ".." in revision:
        raise _usage(f"{text} names no commit")
    host = "file://" if parts.scheme == "file" and not parts.netloc else parts.netloc.lower()
    if host != "file://" and parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise _usage(f"{parts.scheme}:// is not how a repository is named")
    if host not in hosts:
        raise CommandError(
            f"This platform does not take repositories of {host or 'no host'}.",
            f"It takes {', '.join(hosts) or 'none'}; or clone it yourself and submit the folder.",
            Exit.REJECTED,
        )
    if not _PATH.fullmatch(path) or parts.query:
        raise _usage(f"{text} does not end with the repository's path")
    folder = folder.strip("/")
    if not folder.isprintable() or any(part in ("..", ".", "") for part in folder.split("/")[:-1]):
        raise _usage(f"{folder!r} is no folder inside a repository")
    if folder in ("..", "."):
        raise _usage(f"{folder!r} is no folder inside a repository")
    return GitReference(f"{parts.scheme}://{parts.netloc}{path}", revision, folder)


@contextmanager
def open_git_folder(
    text: str,
    hosts: Sequence[str],
    most_bytes: int,
    network: Mapping[str, str],
    say: Callable[[str], None],
) -> Generator[GitFolder]:
    """Fetch one commit and give the files of the folder in it.

    Args:
        hosts: Those that the platform lets a source name.
        most_bytes: The largest folder that the platform takes.
        network: Variables that git needs to reach the network.

    Raises:
        CommandError: the repository, the commit or the folder cannot be had or used.
    """
    reference = parse_git_reference(text, hosts)
    with tempfile.TemporaryDirectory(prefix="proctor-git-") as name:
        git = Git(Path(name) / "repository", urlsplit(reference.url).scheme, network)
        try:
            git.run("init", "--quiet", "--bare", "--template=", "--", str(git.folder))
            if not _COMMIT.fullmatch(reference.revision):
                raise _moving(git, reference)
            say(f"Fetching {reference.url} at {reference.revision}.")
            _fetch(git, reference, most_bytes)
            files = _list(git, reference)
            _check(files, most_bytes)
            target = Path(name) / "folder"
            _write(git, files, target)
        except GitError as error:
            raise CommandError(
                f"{reference.url}: {error}.",
                "Only public repositories can be named, by the address that does not redirect"
                " (on GitLab it ends with .git); or clone it yourself and submit the folder.",
            ) from error
        source = Source(
            kind=SourceKind.GIT,
            url=reference.url,
            revision=reference.revision,
            folder=reference.folder,
        )
        yield GitFolder(target, source)


def _moving(git: Git, reference: GitReference) -> CommandError:
    """Return the refusal of a branch or a tag, with the commit it points to now."""
    wanted = reference.revision
    lines = git.run("ls-remote", "--", reference.url, wanted, f"{wanted}^{{}}").decode()
    found = [line.split("\t")[0] for line in lines.splitlines() if "\t" in line]
    if not found or not _COMMIT.fullmatch(found[-1]):
        return CommandError(
            f"{reference.url} has no branch or tag {wanted}.",
            "Name a commit by its 40 hex digits: `git rev-parse HEAD` prints it.",
            Exit.USAGE,
        )
    folder = f"#{reference.folder}" if reference.folder else ""
    return CommandError(
        f"{wanted} can move; a submission names a commit by its 40 hex digits.",
        f"It points to {found[-1]} now: {PREFIX}{reference.url}@{found[-1]}{folder}",
        Exit.USAGE,
    )


def _fetch(git: Git, reference: GitReference, most_bytes: int) -> None:
    plain = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    # A pack holds at least the folder, and what else the commit has.
    room = 4 * most_bytes
    try:
        git.run(*plain, "--depth=1", "--", reference.url, reference.revision, most_bytes=room)
    except GitError as error:
        if _UNKNOWN in str(error):
            raise GitError(f"it has no commit {reference.revision}") from error
        # Some servers give a commit only with the branch it is on.
        branches = "+refs/heads/*:refs/heads/*"
        git.run(*plain, "--", reference.url, branches, most_bytes=room)
    try:
        kind = git.run("cat-file", "-t", reference.revision).strip()
    except GitError as error:
        raise GitError(f"it has no commit {reference.revision} on any branch") from error
    if kind != b"commit":
        raise GitError(f"{reference.revision} is a {kind.decode()}, not a commit")


def _list(git: Git, reference: GitReference) -> list[_Listed]:
    place = f"{reference.revision}:{reference.folder}" if reference.folder else reference.revision
    try:
        kind = git.run("cat-file", "-t", place).strip()
    except GitError as error:
        raise GitError(f"the commit has no folder {reference.folder!r}") from error
    if kind not in (b"commit", b"tree"):
        raise GitError(f"{reference.folder!r} is a file of the commit, not a folder")
    listing = git.run("ls-tree", "-r", "-l", "-z", "--full-tree", place)
    files = []
    for line in listing.split(b"\0")[:-1]:
        facts, _, name = line.partition(b"\t")
        mode, kind, object_id, size = facts.split()
        try:
            path = name.decode()
        except UnicodeDecodeError as error:
            raise GitError(f"the name {name!r} is not UTF-8") from error
        if any(part.startswith(".") or part == "__pycache__" for part in path.split("/")):
            continue
        if mode == b"120000":
            raise GitError(f"{path} is a link; copy the file in its place")
        if kind != b"blob":
            raise GitError(f"{path} is a submodule; copy its files in its place")
        files.append(_Listed(path, mode == b"100755", object_id.decode(), int(size)))
    return files


def _check(files: Sequence[_Listed], most_bytes: int) -> None:
    if not files:
        raise GitError("the folder is empty")
    if len(files) > _MOST_FILES:
        raise GitError(f"the folder has {len(files)} files; at most {_MOST_FILES} are allowed")
    total = sum(file.size for file in files)
    if total > most_bytes:
        raise GitError(f"the folder has {total} bytes; at most {most_bytes} are allowed")
    for file in files:
        try:
            FolderEntry(path=file.path, file=_EMPTY)
        except ValidationError as error:
            raise GitError(f"{file.path!r} is not a plain relative path") from error


def _write(git: Git, files: Sequence[_Listed], target: Path) -> None:
    target.mkdir()
    with git.objects() as objects:
        for file in files:
            path = target / file.path
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as stream:
                    head = objects.copy(file.object_id, file.size, stream)
            except (FileExistsError, NotADirectoryError) as error:
                raise GitError(f"{file.path} and another file are one name here") from error
            if file.size <= _MOST_LFS_BYTES and head.startswith(_LFS_MARK):
                raise GitError(f"{file.path} is kept in Git LFS, not in the repository")
            path.chmod(0o755 if file.executable else 0o644)


def _usage(what: str) -> CommandError:
    return CommandError(
        f"{what}.", f"Write {PREFIX}https://HOST/OWNER/REPOSITORY@COMMIT#FOLDER.", Exit.USAGE
    )
